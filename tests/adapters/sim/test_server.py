"""The venue as its own process, and a client that meets one that does not keep to its format."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.adapters.sim.venue import AAPL, ACCOUNT
from tradingd.core.events import Event, Quote
from tradingd.core.types import DecisionId, Leg, Order, OrderId, OrderType, Qty, Side, Tif
from tradingd.ports import LinkDown, SessionTaken, VenueRefused
from tradingd.shell.env import RealEnv
from tradingd_adapters.sim import SimBroker, SimSettings, wire
from tradingd_adapters.sim.client import Connection
from tradingd_adapters.sim.server import build

ROOT = Path(__file__).resolve().parents[3]
DAYS = ["--from", "2005-03-07", "--to", "2005-03-09", "--symbols", "AAPL", "--account", "demo=50000"]
WELCOME = '{"type":"welcome","ts":1,"epoch":1,"heartbeat_s":1.0}'


class Child:
    """The venue in a child process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
async def env() -> AsyncIterator[RealEnv]:
    env = RealEnv()
    yield env
    await env.aclose()


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    log = tmp_path / "venue.jsonl"
    path = os.pathsep.join(str(ROOT / p) for p in ("", "adapters", "strategies"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradingd_adapters.sim.server", *DAYS, "--key", "k", "--gap", "5", "--log", str(log),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert process.stdout is not None
    hello = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    yield Child(process, hello["url"], log)
    if process.returncode is None:
        process.kill()
    await process.communicate()


def order(n: int, **over: Any) -> Order:
    fields: dict[str, Any] = {"type": OrderType.MARKET, "tif": Tif.DAY, "qty": Qty(Decimal(10)), "side": Side.BUY}
    return Order(
        account=ACCOUNT, order_id=OrderId(f"demo.{n}.e"), decision_id=DecisionId(f"d{n}"), symbol=AAPL, leg=Leg.ENTRY,
        **{**fields, **over},
    )  # fmt: skip


async def test_the_log_tells_the_truth_after_everything_was_killed(child: Child, env: RealEnv) -> None:
    """I1, A10: arrivals (a resend among them) and executions are on file when the venue is killed with SIGKILL."""
    broker = SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="k", credit=0))
    heard: list[Event] = []
    await broker.connect(heard.append)
    await broker.grant(3)
    await broker.submit(order(1))
    await broker.submit(order(1))
    assert (await broker.positions()).positions == {AAPL: 10}
    child.process.send_signal(signal.SIGKILL)
    assert await asyncio.wait_for(broker.wait_closed(), 5)
    records = child.records()
    assert [(r["kind"], r["outcome"]) for r in records if r["record"] == "arrival"] == [
        ("login", "ok"), ("submit", "accepted"), ("submit", "resend"),
    ]  # fmt: skip
    assert [r["qty"] for r in records if r["record"] == "execution"] == ["10"]
    with pytest.raises(LinkDown):
        await broker.connect(heard.append)


async def test_a_second_login_is_told_to_the_first(child: Child, env: RealEnv) -> None:
    """D6, H4: not as any lost link, so that nobody takes the session back for ever."""
    first, second = (SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="k", credit=0)) for _ in range(2))
    await first.connect(lambda _: None)
    await second.connect(lambda _: None)
    with pytest.raises(SessionTaken, match="another login"):
        await asyncio.wait_for(first.wait_closed(), 5)
    with pytest.raises(SessionTaken):
        await first.cancel(OrderId("demo.1.e"))
    await second.close()
    assert await second.wait_closed() == "closed by us"


async def test_a_wrong_key_is_a_proven_refusal(child: Child, env: RealEnv) -> None:
    """D7: VenueRefused, not a link to retry."""
    broker = SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="wrong"))
    with pytest.raises(VenueRefused, match="LOGIN"):
        await broker.connect(lambda _: None)


async def test_credit_paces_the_market_and_it_goes_on_by_the_gap_while_nobody_is_there(
    child: Child, env: RealEnv
) -> None:
    """Pull pacing: no quote beyond the credit; 5 quotes pass with each disconnect; the rest flows with a window."""
    heard: list[Event] = []
    broker = SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="k", credit=0))
    await broker.connect(heard.append)
    await broker.grant(7)
    await broker.account()
    await asyncio.sleep(0.05)
    await broker.account()
    assert [e.seq for e in heard if isinstance(e, Quote)] == list(range(1, 8))
    await broker.close()
    again = SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="k", credit=8))
    heard.clear()
    await again.connect(heard.append)
    reading = asyncio.get_running_loop().create_task(again.wait_closed())
    async with asyncio.timeout(10):
        while sum(isinstance(e, Quote) for e in heard) < 79 * 3 - 12:  # noqa: ASYNC110 the sink is called, not awaited
            await asyncio.sleep(0.01)
    assert next(e for e in heard if isinstance(e, Quote)).seq == 13
    await again.close()
    assert await reading == "closed by us"


async def test_the_admin_frame_dumps_what_the_log_has(child: Child, env: RealEnv) -> None:
    heard: list[Event] = []
    broker = SimBroker(env, ACCOUNT, SimSettings(url=child.url, key="k", credit=0))
    await broker.connect(heard.append)
    examiner = Connection(env, ACCOUNT, heard.append, credit=0, ack_s=5, silence_s=10)
    await examiner.open(child.url, "k")  # takes the session over
    await examiner.ask(90, wire.Admin(req=90, op="drift", account="demo", symbol="AAPL", qty=Decimal(-3)))
    answer = await examiner.ask(91, wire.Admin(req=91, op="dump"))
    told = json.loads(bytes(answer.body))
    assert told["accounts"]["demo"]["positions"] == {"AAPL": "-3"}
    assert told["records"] == child.records()
    with pytest.raises(VenueRefused, match="400"):
        await examiner.ask(92, wire.Admin(req=92, op="dance"))
    await examiner.end("done")
    await broker.close()


@pytest.mark.parametrize(
    "bad", ['{"type":"trade"}', "{", '{"type":"tick","ts":1,"symbol":"AAPL","bid":1e999}', "[" * 5000]
)
async def test_a_malformed_frame_is_kept_aside_and_ends_the_session(env: RealEnv, bad: str) -> None:
    """D18: quarantined with its reason, no crash, and the next session works."""
    broker, runner = await hostile(env, [WELCOME, bad])
    await broker.connect(lambda _: None)
    assert "malformed" in await asyncio.wait_for(broker.wait_closed(), 5)
    assert [data.decode() for data, _ in broker.quarantined] == [bad]
    await broker.connect(lambda _: None)
    await broker.close()
    await runner.cleanup()


async def test_a_question_without_answer_ends_in_link_down_not_in_waiting(env: RealEnv) -> None:
    """B1: within ack_timeout_s."""
    broker, runner = await hostile(env, [WELCOME], ack_timeout_s=0.1)
    await broker.connect(lambda _: None)
    with pytest.raises(LinkDown, match="no answer"):
        await broker.positions()
    await broker.close()
    await runner.cleanup()


async def hostile(env: RealEnv, frames: list[str], **over: Any) -> tuple[SimBroker, web.AppRunner]:
    """A venue that says these frames to whoever connects, and nothing more."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive()
        for frame in frames:
            await ws.send_str(frame)
        async for _ in ws:
            continue
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    return SimBroker(env, ACCOUNT, SimSettings(url=url, credit=0, **over)), runner


async def test_several_questions_at_once_each_get_their_own_answer(env: RealEnv) -> None:
    """The reading is handed on among those who wait, also when one of them is cancelled."""
    server, _ = build(DAYS)
    runner, port = await server.listen()
    broker = SimBroker(env, ACCOUNT, SimSettings(url=f"ws://127.0.0.1:{port}/", credit=0))
    await broker.connect(lambda _: None)
    first = asyncio.get_running_loop().create_task(broker.wait_closed())
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*(broker.history(AAPL, n) for n in range(1, 20)), broker.account())
    assert [len(a) for a in answers[:-1]] == list(range(1, 20))  # type: ignore[arg-type]
    await broker.close()
    await runner.cleanup()


async def test_real_pacing_shows_the_session_at_speed_and_skips_the_night(env: RealEnv) -> None:
    """79 quotes of 5 minutes a day at 60,000 times: three days in a bit over a second."""
    server, _ = build([*DAYS, "--pace", "real:60000"])
    runner, port = await server.listen()
    heard: list[Event] = []
    broker = SimBroker(env, ACCOUNT, SimSettings(url=f"ws://127.0.0.1:{port}/"))
    running = asyncio.get_running_loop().create_task(server.run())
    await broker.connect(heard.append)
    reading = asyncio.get_running_loop().create_task(broker.wait_closed())
    async with asyncio.timeout(15):
        while sum(isinstance(e, Quote) for e in heard) < 79 * 3:  # noqa: ASYNC110 as above
            await asyncio.sleep(0.02)
    assert len({quote.ts for quote in heard if isinstance(quote, Quote)}) >= 79 * 3
    await broker.close()
    await reading
    running.cancel()
    await runner.cleanup()


def test_a_frozen_market_stands_still() -> None:
    """A16: two logs can be compared only when nothing happens between the reading of one and of the other."""
    server, _ = build(DAYS)
    server.exchange.advance_market(3)
    server.freeze()
    server._pace, server._origin = 1e9, (0, server.exchange.now)  # by the wall the whole market is long over
    server._catch_up()
    assert server.exchange.quotes == 3
    server._frozen = False
    server._catch_up()
    assert server.exchange.quotes > 3


def test_settings_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="silence_s"):
        SimSettings(silence_s=0)
    with pytest.raises(ValueError, match="credit"):
        SimSettings(credit=-1)


def test_the_server_refuses_unknown_faults() -> None:
    with pytest.raises(ValueError, match="gremlin"):
        build([*DAYS, "--fault", "gremlin=0.5"])


class Watched(RealEnv):
    """The machine, which notes the kill points it comes by."""

    def __init__(self) -> None:
        super().__init__(failpoint="")
        self.passed: list[str] = []

    def failpoint(self, name: str) -> None:
        self.passed.append(name)


async def test_kill_points_stand_around_the_write_the_ack_and_the_fill() -> None:
    """A3-A6: K3 before the write, K5 after it, K6 ack read, K7 ack parsed, K9 fill read."""
    server, _ = build(DAYS)
    runner, port = await server.listen()
    env = Watched()
    broker = SimBroker(env, ACCOUNT, SimSettings(url=f"ws://127.0.0.1:{port}/", credit=0))
    await broker.connect(lambda _: None)
    await broker.grant(3)
    await broker.submit(order(1))
    assert env.passed == ["K3", "K5"]
    await broker.positions()
    assert env.passed == ["K3", "K5", "K6", "K7", "K9"]
    await broker.close()
    await env.aclose()
    await runner.cleanup()
