"""The journal: records a second appended and committed, verified, and folded at a restart with and without a snapshot."""

import argparse
import asyncio
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from tradingd.core.facts import AnyFact, CashMoved, Filled, OrderMoved
from tradingd.core.types import AccountId, ExecId, Money, OrderId, Price, Qty, Side, Symbol
from tradingd.shell.env import RealEnv
from tradingd.shell.journal import Genesis, Journal, Settings, open_journal, verify

GENESIS = Genesis(instance="bench", nonce="0", build="0", config="0")
GROUP = 256  # facts appended before the loop gets a turn
NEAR_END = 0.99  # where the snapshot is taken
MAIN = AccountId("main")
Row = tuple[str, float, str]


def _facts(first: int) -> list[AnyFact]:
    """Three kinds in the proportions of a busy day, about 330 bytes a record."""
    out: list[AnyFact] = []
    for n in range(first, first + GROUP):
        order = OrderId(f"main.{n}.e")
        if n % 4 == 0:
            out.append(
                Filled(
                    ts=n, account=MAIN, order_id=order, exec_id=ExecId(f"x{n}"), symbol=Symbol("SPY"), side=Side.BUY,
                    qty=Qty(Decimal(10)), price=Price(Decimal("512.25")), fee=Money(Decimal("0.35")), realised=Money(Decimal(0)),
                )
            )  # fmt: skip
        elif n % 16 == 1:
            out.append(CashMoved(ts=n, account=MAIN, kind="fee", amount=Money(Decimal("-0.01"))))
        else:
            out.append(OrderMoved(ts=n, account=MAIN, order_id=order, frm="sending", to="live"))
    return out


async def _write(journal: Journal, env: RealEnv, records: int) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        snapped = False
        while journal.seq < records:
            journal.append(_facts(journal.seq + 1))
            if not snapped and journal.seq >= records * NEAR_END:
                snapped = await journal.snapshot(bytes(100_000))
            await asyncio.sleep(0)
            if journal.pending > 50_000:
                await journal.synced(journal.seq)
        await journal.close()
    await env.aclose()


async def _latency(journal: Journal, env: RealEnv, commits: int) -> float:
    """Median seconds from append to durable, one fact at a time."""
    took: list[float] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        for n in range(commits):
            began = time.perf_counter()
            await journal.synced(journal.append(_facts(n)[:1]))
            took.append(time.perf_counter() - began)
        await journal.close()
    await env.aclose()
    return sorted(took)[commits // 2]


def _open(directory: str, *, use_snapshots: bool) -> tuple[int, float]:
    """(facts folded, seconds) of a start, reading every fact of the tail."""
    env = RealEnv()
    began = time.perf_counter()
    journal, recovery = open_journal(env, directory, GENESIS, Settings(force=True, use_snapshots=use_snapshots))
    folded = 0
    for _ in recovery.tail():
        folded += 1
    seconds = time.perf_counter() - began
    asyncio.run(_close(journal, env))
    return folded, seconds


async def _close(journal: Journal, env: RealEnv) -> None:
    await journal.close()
    await env.aclose()


def run(records: int = 200_000) -> list[Row]:
    """Writes a journal of that many records into a temporary directory and reads it back."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as directory:
        env = RealEnv()
        journal, _ = open_journal(env, directory, GENESIS, Settings(force=True))
        began = time.perf_counter()
        asyncio.run(_write(journal, env, records))
        appended = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(directory).glob("journal-*"))
        env = RealEnv()
        began = time.perf_counter()
        report = verify(env.disk, directory)
        verified = time.perf_counter() - began
        assert report.ok, report.fault
        short, with_snapshot = _open(directory, use_snapshots=True)
        full, without = _open(directory, use_snapshots=False)
        assert full == report.records
        latency = asyncio.run(_latency(open_journal(env, directory, GENESIS, Settings(force=True))[0], env, 200))
    return [
        ("append and commit", report.records / appended, "records/s"),
        ("bytes a record", size / report.records, "bytes"),
        ("one fact, append to durable, median", latency * 1e3, "ms"),
        ("verify", report.records / verified, "records/s"),
        (f"start with a snapshot, {short} facts after it", with_snapshot, "s"),
        (f"start from genesis, {full} facts", without, "s"),
        ("start from genesis", full / without, "records/s"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    for name, value, unit in run(parser.parse_args().records):
        print(f"{name:50} {value:14,.2f} {unit}")
