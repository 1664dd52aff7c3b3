"""A fake of the daemon's control port: the same endpoints on a unix socket, with a page that a test can change."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from tradingd.core.facts import Decided
from tradingd.core.types import NS
from tradingd.core.views.lots import LotsView
from tradingd.core.views.page import AccountView, BrokerView, JournalView, OrderView, Page, PositionView

T0 = 1_223_303_700 * NS  # 2008-10-06 14:35:00Z


def position(symbol: str = "IBM", qty: str = "10") -> PositionView:
    return PositionView(
        symbol=symbol,
        qty=qty,
        avg_price="100.12",
        mark=101.0,
        mark_ts=T0,
        value=1010.0,
        unrealised=8.8,
        realised="0",
        sector="tech",
        stop="96.00",
        target="108.20",
        trailing=False,
        protective="live",
        drift=None,
        confidence=0.7,
        opened_ts=T0,
    )


def order(order_id: str = "demo-1.12.p", *, working: bool = True, why: str = "") -> OrderView:
    return OrderView(
        order_id=order_id,
        decision_id="d12",
        symbol="IBM",
        side="sell",
        type="stop",
        tif="gtc",
        leg="p",
        qty="10",
        cum_qty="0",
        avg_price=None,
        limit=None,
        stop="96.00",
        state="live" if working else "filled",
        open=working,
        ts=T0,
        updated_ts=T0,
        why=why,
    )


def account(**changes: Any) -> AccountView:
    broker = BrokerView(name="sim", up=True, why="", last_event_ts=T0, last_reconcile_ts=T0, unknown_orders=0)
    base = AccountView(
        account="demo-1",
        currency="USD",
        state="active",
        holds=(),
        tier="moderate",
        breaker=(),
        equity=100_000.0,
        active=90_000.0,
        reserve="10000.00",
        cash="98990.00",
        heat=0.01,
        day_pnl=8.8,
        day_pnl_ratio=0.0001,
        drawdown=0.0,
        realised="0",
        fees="1.00",
        broker=broker,
        positions=(position(),),
        orders=(order(), order("demo-1.12.e", working=False)),
        decisions=(),
        limits=(),
        alerts=(),
        counts={"orders": 2},
        refusals={},
    )
    return msgspec.structs.replace(base, **changes)


def page(mode: str = "paper", *accounts: AccountView, note: str = "") -> Page:
    return Page(
        seq=7,
        now=T0,
        mode=mode,
        version="0.1.0",
        build="b" * 40,
        config="c" * 64,
        started=T0 - 60 * NS,
        session=None,
        journal=JournalView(seq=9, durable=9, head="ab" * 32, segment="journal-000000000000.jsonl"),
        accounts=accounts or (account(),),
        note=note,
    )


class Daemon:
    """What it shows and what it was told. answer: what becomes of a command, or None to hang up without a word."""

    def __init__(self) -> None:
        self.page = page()
        self.decisions: list[Decided] = []
        self.lots: list[LotsView] = []
        self.config = ""
        self.commands: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []
        self.channels: dict[str, tuple[str, str]] = {}  # name -> how a test of it ends, and why
        self.answer: Callable[[dict[str, Any]], tuple[int, dict[str, Any]] | None] = self.agree

    @staticmethod
    def agree(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {
            "command_id": body["id"],
            "verb": body["verb"],
            "refused": False,
            "text": "done",
            "accounts": ["demo-1"],
        }

    @staticmethod
    def refuse(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 409, {
            "command_id": body["id"],
            "verb": body["verb"],
            "refused": True,
            "text": "locked out",
            "accounts": [],
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/status.json", self._status),
            web.get("/decisions", self._decisions),
            web.get("/lots", self._lots),
            web.get("/config", self._config),
            web.get("/ping", self._ping),
            web.post("/command", self._command),
            web.post("/recommendations", self._command),
            web.post("/events", self._command),
            web.post("/ui", self._ui),
            web.post("/notify/test", self._notify_test),
        ]

    async def _status(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(self.page), content_type="application/json")

    async def _decisions(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        return web.Response(body=msgspec.json.encode(self.decisions), content_type="application/json")

    async def _lots(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        return web.Response(body=msgspec.json.encode(self.lots), content_type="application/json")

    async def _config(self, request: web.Request) -> web.Response:
        return web.Response(text=self.config)

    async def _ping(self, request: web.Request) -> web.Response:
        return web.json_response({"pid": os.getpid(), "version": "0.1.0", "mode": self.page.mode})

    async def _notify_test(self, request: web.Request) -> web.Response:
        wanted = (await request.json()).get("channel")
        found = [
            {"channel": name, "status": status, "error": error}
            for name, (status, error) in self.channels.items()
            if wanted in (None, name)
        ]
        return web.json_response(found or {"error": "no such channel is configured"}, status=200 if found else 404)

    async def _ui(self, request: web.Request) -> web.Response:
        return web.json_response({"url": "http://127.0.0.1:8787/#token=abc"})

    async def _command(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.commands.append(body)
        answer = self.answer(body)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(answer[1], status=answer[0])


@contextmanager
def running(directory: Path) -> Iterator[Daemon]:
    """The fake, listening on control.sock in the directory, in a thread of its own."""
    daemon, ready, loop = Daemon(), threading.Event(), asyncio.new_event_loop()

    async def serve() -> web.AppRunner:
        app = web.Application()
        app.add_routes(daemon.routes())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, f"/proc/self/fd/{fd}/control.sock").start()
        return runner

    def work() -> None:
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)  # a path of any length
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        yield daemon
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        os.close(fd)
