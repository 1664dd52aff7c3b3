"""From nothing to READY with a long history: the journal proven and folded, the accounts told, the venue reconciled.

The history is synthetic trading through `step()`: ideas decided, orders intended, accepted, filled, stopped out, session after
session. Each restart is a process of its own; once it folds from the newest snapshot, once from the first record.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from bench.bench_decision import FREE, Stub
from bench.scene import ACCOUNT, CAPITAL, SYMBOLS, Scene, rules
from tradingd.config.model import HouseSettings
from tradingd.core.book.book import Book
from tradingd.core.events import FillSeen
from tradingd.core.types import Instrument, OrderId
from tradingd.ports import AccountReport, OrderReport, PositionsReport
from tradingd.shell.env import RealEnv
from tradingd.shell.house import SNAPSHOT_SCHEMA, Snapshot, open_house
from tradingd.shell.journal import Genesis, Journal, Settings, open_journal

RECORDS = 1_000_000
SNAPSHOT_EVERY = 50_000  # as the daemon does it
GENESIS = Genesis(instance="bench", nonce="0", build="0", config="0")
Row = tuple[str, float, str]


class Honest(Stub):
    """A venue that has everything as the account has it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(ACCOUNT)

    async def query(self, order_id: OrderId) -> OrderReport | None:
        return next((report for report in await self.open_orders() if report.order_id == order_id), None)

    async def open_orders(self) -> Sequence[OrderReport]:
        return [
            OrderReport(
                order_id=w.order.order_id, venue_order_id=w.venue_order_id or f"v{w.order.order_id}", symbol=w.order.symbol,
                side=w.order.side, type=w.order.type, qty=w.qty, cum_qty=w.cum_qty, status="working", rev=w.rev, stop=w.stop,
            )
            for w in self.book.open_orders()
        ]  # fmt: skip

    async def fills(self, since: int) -> Sequence[FillSeen]:
        return ()

    async def positions(self) -> PositionsReport:
        held = {symbol: self.book.qty(symbol) for symbol in self.book.held()}
        return PositionsReport(positions=held, cursor=self.book.booked.fill_cursor, ts=0)

    async def account(self) -> AccountReport:
        return AccountReport(account=ACCOUNT, currency="USD", cash=self.book.booked.cash, equity=CAPITAL)

    async def instruments(self) -> Sequence[Instrument]:
        return [Instrument(symbol=symbol, sector=f"sector {symbol}") for symbol in SYMBOLS]


def run(records: int = RECORDS) -> list[Row]:
    """Wall seconds; the machine's page cache holds the journal, as after a crash of the process."""
    with tempfile.TemporaryDirectory(prefix="bench-restart-") as directory:
        began = time.perf_counter()
        facts = asyncio.run(_history(directory, records))
        made = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(directory).glob("journal-*"))
        with_snapshot, without = _child(directory, snapshots=True), _child(directory, snapshots=False)
    assert without["folded"] >= facts
    return [
        ("facts of history", facts, "facts"),
        ("bytes a fact", size / facts, "bytes"),
        ("made at (decided, written, synced)", facts / made, "facts/s"),
        (f"start to READY with a snapshot, {with_snapshot['folded']:.0f} facts after it", with_snapshot["ready"], "s"),
        ("... of it open and fold", with_snapshot["opened"], "s"),
        ("start to READY from the first record", without["ready"], "s"),
        ("... of it open and fold", without["opened"], "s"),
        ("from the first record", facts / without["opened"], "facts/s"),
        ("peak RSS of that start", without["rss"] / 1024, "MiB"),
    ]


async def _history(directory: str, records: int) -> int:
    """Trade until the journal holds that many facts."""
    env = RealEnv()
    journal, _ = open_journal(env, directory, GENESIS, Settings(force=True, state_schema=SNAPSHOT_SCHEMA))
    scene = Scene(told=True)
    due = SNAPSHOT_EVERY
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        n = 0
        while journal.seq < records:
            for _ in range(20):
                scene.round(FREE[n % len(FREE)])
                n += 1
            journal.append(scene.told)
            scene.told.clear()
            await asyncio.sleep(0)
            if journal.seq >= due:
                due += SNAPSHOT_EVERY
                await journal.snapshot(_state(scene))
            if journal.pending > 20_000:
                await journal.synced(journal.seq)
        await _more(scene, journal)
        await journal.close()
    await env.aclose()
    return journal.seq


def _state(scene: Scene) -> bytes:
    return msgspec.json.encode(Snapshot(SNAPSHOT_SCHEMA, {ACCOUNT: scene.book.booked}), order="deterministic")


async def _more(scene: Scene, journal: Journal) -> None:
    """Half a snapshot's distance of facts that no snapshot has: what a crash finds on average."""
    await journal.snapshot(_state(scene))
    upto = journal.seq + SNAPSHOT_EVERY // 2
    while journal.seq < upto:
        scene.round(FREE[journal.seq % len(FREE)])
        journal.append(scene.told)
        scene.told.clear()
    await journal.synced(journal.seq)


def _child(directory: str, *, snapshots: bool) -> dict[str, float]:
    arguments = [sys.executable, "-m", "bench.bench_restart", "--open", directory, *([] if snapshots else ["--all"])]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def _open(directory: str, *, use_snapshots: bool) -> dict[str, float]:
    """opened, ready: seconds since this process began, imports included."""
    env, venue, own = RealEnv(), Honest(), rules()
    house = open_house(
        env, directory, genesis=GENESIS,
        journal_settings=Settings(force=True, state_schema=SNAPSHOT_SCHEMA, use_snapshots=use_snapshots),
        rules={ACCOUNT: own}, brokers={ACCOUNT: venue}, settings=HouseSettings(), currencies={ACCOUNT: "USD"},
    )  # fmt: skip
    opened = _age()
    (member,) = house.members.values()
    venue.book = member.book
    folded = house.recovery.seq - house.recovery.snapshot_seq
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(house.journal.run()), group.create_task(member.dispatch.run())]
        house.start("demo", "0", "0")
        await member.link.open()
        await house.quiesce()
        ready = _age()
        assert member.book.booked.link_up, member.book.booked.link_why
        assert not member.book.booked.drift
        assert not member.book.unknown_orders()
        writers[1].cancel()
        await house.journal.close()
    await env.aclose()
    return {"opened": opened, "ready": ready, "folded": folded, "rss": _peak_kib()}


def _age() -> float:
    """Seconds since this process was started."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", metavar="DIR", help="restart on this journal and say how long it took")
    parser.add_argument("--all", action="store_true", help="fold from the first record")
    parser.add_argument("--records", type=int, default=RECORDS)
    args = parser.parse_args()
    if args.open:
        print(json.dumps(uvloop.run(_open(args.open, use_snapshots=not args.all))))
    else:
        for name, value, unit in run(args.records):
            print(f"{name:60} {value:14,.2f} {unit}")
