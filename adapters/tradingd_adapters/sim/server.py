"""The simulated venue as its own process: `python -m tradingd_adapters.sim.server`, a websocket server on loopback.

It prints one JSON line with its port when it listens and serves until it is ended. Its truth goes to --log as JSON lines, one
record each, flushed as they happen, so that orders, duplicates and true positions can be counted after everything was killed;
the admin frame `dump` gives the same.

Market pacing. `pull`: the market goes on only while every connected session has credit left, and by --gap quotes each time the last
session leaves. `real:<speed>`: exchange time runs that many times faster than the wall clock; gaps of more than ten minutes between
quotes (nights, weekends) pass at once. This process is the other side, not the product: it may read the clock and sleep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time  # sim-ok: the venue is its own process
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from aiohttp import WSMsgType, web

from tradingd.core.events import Event, Quote
from tradingd.core.types import NS, AccountId, Money
from tradingd.ports import LinkDown, VenueRefused
from tradingd_adapters.sim import render, wire
from tradingd_adapters.sim.accounts import Record
from tradingd_adapters.sim.admin import administer, answer
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.faults import Fault, Faults
from tradingd_adapters.sim.floor import FloorSettings
from tradingd_adapters.sim.market import FIRST, LAST, SYMBOLS, Market
from tradingd_adapters.sim.session import TAKEN, Session

FRAME_MAX: Final = 1 << 20
SKIP_NS: Final = 600 * NS
BURST: Final = 64  # quotes between two looks at the sockets


class Peer:
    """One websocket: its trading session once it has logged in, the credit it gave, and what waits to be written."""

    def __init__(self, server: VenueServer, ws: web.WebSocketResponse) -> None:
        self.ws = ws
        self.session: Session | None = None
        self.credit = 0
        self.over: str | None = None
        self._server = server
        self._out: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def say(self, frame: wire.Frame) -> None:
        """Queue a frame; nothing at all is said while the venue is silent."""
        if not self._server.exchange.faults.silence:
            self._out.append(wire.encode(frame))
            self._wake.set()

    def sink(self, event: Event) -> None:
        """What the exchange says to the session."""
        if isinstance(event, Quote):
            self.credit -= 1
        self.say(render.frame(event))

    def ended(self, why: str) -> None:
        """The exchange ended the session."""
        if why == TAKEN:
            self.say(wire.Refused(code=wire.TAKEN, text=why))
        self.over = why
        self._wake.set()

    async def write(self) -> None:
        """Write what waits, with a beat when nothing did for a while, until the session is over."""
        while not self.ws.closed:
            self._wake.clear()
            while self._out and not self.ws.closed:
                await self.ws.send_str(self._out.popleft().decode())
            if self.over is not None:
                break
            try:
                async with asyncio.timeout(self._server.heartbeat_s):
                    await self._wake.wait()
            except TimeoutError:
                self.say(wire.Beat(ts=self._server.exchange.now))
        await self.ws.close(message=(self.over or "").encode()[:120])


class VenueServer:
    """The exchange behind a websocket. pace: 0 for pull, else the speed.   gap: quotes that pass when the last session leaves."""

    def __init__(self, exchange: Exchange, *, pace: float = 0.0, gap: int = 0, heartbeat_s: float = 1.0) -> None:
        self.exchange = exchange
        self.heartbeat_s = heartbeat_s
        self.peers: list[Peer] = []
        self._pace = pace
        self._gap = gap
        self._pulling = False
        self._origin: tuple[int, int] | None = None
        self._frozen = False

    def app(self) -> web.Application:
        """The aiohttp application: a websocket at every path."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        return app

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, int]:
        """Start to serve; the runner to clean up, and the port."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        return runner, int(runner.addresses[0][1])

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=FRAME_MAX)
        await ws.prepare(request)
        peer = Peer(self, ws)
        writer = asyncio.create_task(peer.write())  # sim-ok: the venue is its own process
        try:
            async for message in ws:
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    break
                await self._read(peer, message.data)
        finally:
            self._leave(peer)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return ws

    def _leave(self, peer: Peer) -> None:
        if peer not in self.peers:
            return
        self.peers.remove(peer)
        if peer.session is not None:
            peer.session.end("the client left")
        if not self.peers and not self._pace:
            self.exchange.advance_market(self._gap)

    async def _read(self, peer: Peer, data: str | bytes) -> None:
        try:
            frame = wire.to_venue.decode(data)
        except msgspec.MsgspecError as e:
            peer.say(wire.Refused(code="BAD_FRAME", text=str(e)))
            return
        self._catch_up()
        if isinstance(frame, wire.Login):
            self._login(peer, frame)
        elif isinstance(frame, wire.Admin):
            peer.say(administer(self.exchange, frame))
        elif isinstance(frame, wire.Credit):
            peer.credit += frame.n
        elif peer.session is None:
            peer.say(wire.Refused(code="LOGIN_FIRST"))
        else:
            self._order(peer, peer.session, frame)
        self.exchange.settle()
        await self._pull()

    def _login(self, peer: Peer, frame: wire.Login) -> None:
        try:
            session = self.exchange.login(AccountId(frame.account), frame.key, peer.sink, peer.ended)
        except VenueRefused as e:
            peer.say(wire.Refused(code=e.code, text=e.text))
            return
        peer.session = session
        self.peers.append(peer)
        peer.say(wire.Welcome(ts=self.exchange.now, epoch=session.epoch, heartbeat_s=self.heartbeat_s))

    def _order(self, peer: Peer, session: Session, frame: wire.New | wire.Cancel | wire.Amend | wire.Ask) -> None:
        client_id = frame.client_id if isinstance(frame, wire.New) else ""
        try:
            reply = answer(self.exchange, session, frame)
        except LinkDown as e:
            reply = wire.Failed(req=frame.req, status=503, text=str(e), client_id=client_id)
        except ValueError as e:
            reply = wire.Failed(req=frame.req, status=400, text=str(e), client_id=client_id)
        if reply is not None and session.alive:
            peer.say(reply)

    # pacing ---------------------------------------------------------------------------------------------------------------

    async def _pull(self) -> None:
        """Let the market go on while everybody who is connected can take more."""
        if self._pace or self._pulling:
            return
        self._pulling = True
        try:
            while (
                not self._frozen
                and self.peers
                and all(p.credit > 0 for p in self.peers)
                and self.exchange.next_ts() is not None
            ):
                goal = self.exchange.quotes + BURST
                while self.exchange.quotes < goal and self.peers and all(p.credit > 0 for p in self.peers):
                    if self.exchange.next_ts() is None:
                        break
                    self.exchange.run_next()
                await asyncio.sleep(0)  # sim-ok: the venue is its own process
        finally:
            self._pulling = False

    def freeze(self) -> None:
        """The market stands still from now on; orders and questions are still answered."""
        self._catch_up()
        self._frozen = True

    def _catch_up(self) -> None:
        """Real pacing: make everything up to the present happen."""
        if not self._pace or (self._origin is None and not self.peers):
            return  # the market waits for the first client
        wall = time.monotonic_ns()  # sim-ok: the venue is its own process
        if self._origin is None:
            self._origin = (wall, self.exchange.now)
        while (due := self.exchange.next_ts()) is not None:
            if self._frozen and self.exchange.next_is_market():
                return
            started, base = self._origin
            present = base + int((wall - started) * self._pace)
            if due - present > SKIP_NS and self.exchange.next_is_market():
                self._origin = (wall, due)
                continue
            if due > present:
                return
            self.exchange.run_next()

    async def run(self) -> None:
        """Keep real pacing going; never returns."""
        while True:
            self._catch_up()
            await asyncio.sleep(0.01 if self._pace else 3600)  # sim-ok: the venue is its own process


class LogFile:
    """The venue's records as JSON lines, flushed one by one."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = Path(path).open("ab")  # noqa: SIM115 # sim-ok: the venue is its own process

    def __call__(self, record: Record) -> None:
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()


def _arguments(argv: list[str]) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        prog="tradingd_adapters.sim.server", description="The simulated venue as its own process."
    )
    p.add_argument("--port", type=int, default=0, help="0 picks a free one")
    p.add_argument("--from", dest="start", default=FIRST, help="first session, ISO date")
    p.add_argument("--to", dest="end", default=LAST, help="last session, ISO date")
    p.add_argument("--symbols", default=",".join(SYMBOLS))
    p.add_argument("--seed", type=int, default=0, help="of the faults")
    p.add_argument("--account", action="append", default=[], help="name or name=cash; may be given again")
    p.add_argument("--key", default=None, help="login key of every account")
    p.add_argument("--log", default=None, help="file for the venue's records")
    p.add_argument("--pace", default="pull", help="pull, or real:<speed>")
    p.add_argument("--gap", type=int, default=0, help="quotes that pass when the last session leaves (pull)")
    p.add_argument("--closed", choices=("queue", "reject"), default="queue", help="market orders outside the session")
    p.add_argument("--heartbeat", type=float, default=1.0, help="seconds")
    p.add_argument("--visibility", type=float, default=0.0, help="exchange seconds until a query shows a new order")
    p.add_argument("--fault", action="append", default=[], help=f"name=rate; {', '.join(Fault)}")
    p.add_argument("--fault-next", action="append", default=[], help="name=n: strike at the next n chances")
    return p.parse_args(argv)


def build(argv: list[str]) -> tuple[VenueServer, int]:
    """The server that the arguments describe, and its port. SystemExit or ValueError for arguments that make no sense."""
    a = _arguments(argv)
    faults = Faults(a.seed, {Fault(k): float(v) for k, v in _pairs(a.fault)}, int(a.visibility * NS))
    for name, n in _pairs(a.fault_next):
        faults.arm(Fault(name), int(n))
    accounts = {AccountId(k): Money(Decimal(v or "100000")) for k, v in _pairs(a.account or ["demo"])}
    settings = ExchangeSettings(floor=FloorSettings(closed=a.closed), latency_in_ns=0, latency_out_ns=0, silence_ns=0)
    symbols = [s for s in SYMBOLS if s in a.symbols.split(",")]
    exchange = Exchange(
        Market(start=a.start, end=a.end, symbols=symbols), accounts, settings=settings, faults=faults,
        keys={} if a.key is None else dict.fromkeys(accounts, a.key), record=LogFile(a.log) if a.log else None,
    )  # fmt: skip
    pace = 0.0 if a.pace == "pull" else float(a.pace.removeprefix("real:"))
    return VenueServer(exchange, pace=pace, gap=a.gap, heartbeat_s=a.heartbeat), a.port


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return [(w.partition("=")[0], w.partition("=")[2]) for w in words]


async def main(argv: list[str]) -> None:
    """Serve until ended; SIGUSR1 freezes the market."""
    server, port = build(argv)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, server.freeze)
    runner, port = await server.listen(port=port)
    print(json.dumps({"port": port, "url": f"ws://127.0.0.1:{port}/"}), flush=True)
    try:
        await server.run()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
