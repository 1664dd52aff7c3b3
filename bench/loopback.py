"""A venue at the other end of a loopback websocket, in a process of its own, that takes the time: `python -m bench.loopback`.

Blocking sockets and frames made by hand, so that little of what is measured is the venue's. It speaks the simulated venue's wire
and keeps a real exchange behind it: logins, questions, orders and fills are the exchange's. A round is one quote: the clock runs
from right before its frame is written until the frame of an order that is no resting stop was read whole.
"""

import argparse
import base64
import hashlib
import json
import select
import socket
import struct
import time

from bench.peers.growth import Turning
from bench.peers.market import CAPITAL
from bench.peers.rig import ACCOUNT, VENUE
from tradingd.core.events import Event, Quote
from tradingd.core.types import AccountId, Money
from tradingd_adapters.sim import render, wire
from tradingd_adapters.sim.admin import answer
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.session import Session

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
REST_S = 0.002  # nothing said for so long: the round is over
LOST_S = 2.0


class Pipe:
    """One websocket, blocking, seen from the server."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket, _ = listening.accept()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self._socket.recv(4096)
        head, _, rest = bytes(self._bytes).partition(b"\r\n\r\n")
        self._bytes = bytearray(rest)
        key = (
            next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
            .split(b":")[1]
            .strip()
        )
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        self._socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept + b"\r\n\r\n"
        )  # fmt: skip

    def close(self) -> None:
        self._socket.close()

    def write(self, payload: bytes, opcode: int = TEXT) -> None:
        n = len(payload)
        size = (
            bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65_536 else b"\x7f" + struct.pack(">Q", n)
        )
        self._socket.sendall(bytes([0x80 | opcode]) + size + payload)

    def read(self, wait_s: float) -> bytes | None:
        """The next text frame, None when none begins within wait_s. EOFError: the other end left."""
        while True:
            if (frame := self._whole()) is not None:
                opcode, payload = frame
                if opcode == CLOSE:
                    raise EOFError
                if opcode == PING:
                    self.write(payload, PONG)
                elif opcode == TEXT:
                    return payload
                continue
            if not select.select([self._socket], [], [], wait_s)[0]:
                return None
            got = self._socket.recv(65_536)
            if not got:
                raise EOFError
            self._bytes += got

    def _whole(self) -> tuple[int, bytes] | None:
        have = self._bytes
        if len(have) < 2:
            return None
        n, at = have[1] & 127, 2
        if n >= 126:
            at = 4 if n == 126 else 10
            if len(have) < at:
                return None
            n = int.from_bytes(have[2:at], "big")
        if len(have) < at + 4 + n:
            return None
        opcode, mask, body = have[0] & 15, bytes(have[at : at + 4]), bytes(have[at + 4 : at + 4 + n])
        del have[: at + 4 + n]
        key = int.from_bytes(mask * (n // 4 + 1), "big") >> 8 * (4 - n % 4)
        return opcode, (int.from_bytes(body, "big") ^ key).to_bytes(n, "big")


class Venue:
    """rounds: quotes that are shown, each once the one before was answered and everything is quiet."""

    def __init__(self, pipe: Pipe, rounds: int) -> None:
        self._pipe = pipe
        self._exchange = Exchange(Turning(rounds), {ACCOUNT: Money(CAPITAL)}, settings=VENUE, keep=False)
        self._session: Session | None = None
        self._began = 0
        self.took: list[int] = []

    def run(self) -> list[int]:
        """ns of each round, in order. AssertionError: a quote was not answered by an order."""
        while self._session is None or self._quiet():
            self._take(self._pipe.read(LOST_S))
        while self._exchange.next_ts() is not None:
            before = len(self.took)
            shown = self._exchange.quotes
            self._exchange.run_next()
            if self._exchange.quotes == shown:
                continue
            while len(self.took) == before:
                assert self._take(self._pipe.read(LOST_S)), f"quote {shown + 1} was not answered"
            while self._take(self._pipe.read(REST_S)):
                pass
        return self.took

    def _quiet(self) -> bool:
        """Something was said within the last half second: the other end still learns."""
        data = self._pipe.read(0.5)
        if data is not None:
            self._take(data)
        return data is not None

    def _take(self, data: bytes | None) -> bool:
        if data is None:
            return False
        if b'"type":"new"' in data and b'"kind":"stop"' not in data and self._began:
            self.took.append(time.perf_counter_ns() - self._began)
            self._began = 0
        frame = wire.to_venue.decode(data)
        if isinstance(frame, wire.Login):
            self._session = self._exchange.login(AccountId(frame.account), frame.key, self._say, lambda _: None)
            self._send(wire.Welcome(ts=self._exchange.now, epoch=self._session.epoch, heartbeat_s=60.0))
        elif not isinstance(frame, wire.Credit | wire.Admin):
            assert self._session is not None
            reply = answer(self._exchange, self._session, frame)
            if reply is not None:
                self._send(reply)
        self._exchange.settle()
        return True

    def _say(self, event: Event) -> None:
        frame = wire.encode(render.frame(event))
        if isinstance(event, Quote):
            self._began = time.perf_counter_ns()
        self._pipe.write(frame)

    def _send(self, frame: wire.Frame) -> None:
        self._pipe.write(wire.encode(frame))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.loopback", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3_000, metavar="N")
    args = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
        took = Venue(Pipe(listening), args.rounds).run()
    print(json.dumps({"ns": took}), flush=True)


if __name__ == "__main__":
    main()
