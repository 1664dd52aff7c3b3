"""What the daemon promised while it lived, written down by somebody else: records it called durable, halts it acknowledged.

The control socket is asked as the command line asks it. Each promise is a line in `promises.jsonl`, with how long the venue's log
was at that moment; `audit.py` holds the daemon to them after all its deaths.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tradingd.app import SOCKET
from tradingd.ports import LinkDown, Transport
from tradingd.shell.env import RealDisk, RealNet
from tradingd_adapters.sim import wire

ANSWER_S = 5.0
NONE_OF_THEM = 1 << 60  # records of a dump that are not wanted
FILE = "promises.jsonl"


class Promise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """kind: "durable" (seq, head), "halt" or "resume" (command).   log: bytes of the venue's log then: what a halted daemon had
    sent before is in them, what a resumed one sent is not."""

    kind: str
    log: int
    seq: int = 0
    head: str = ""
    command: str = ""


class Witness:
    """directory: of the daemon and of both logs.   port: the venue's."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.halted = ""  # the command that holds
        self._url = f"ws://127.0.0.1:{port}/"
        self._commands = 0
        self._file = RealDisk().open_append(str(directory / FILE))

    def page(self) -> dict[str, Any] | None:
        """The daemon's page, None when it does not answer."""
        return asyncio.run(self._ask("GET", "/status.json", None))

    def up(self) -> bool:
        """Has it reconciled, with no order in doubt?"""
        page = self.page()
        if page is None:
            return False
        return all(a["broker"]["up"] and not a["broker"]["unknown_orders"] for a in page["accounts"])

    def durable(self) -> bool:
        """Write down what the daemon says is durable; False when it does not answer."""
        page = self.page()
        if page is None:
            return False
        self._note(
            Promise(kind="durable", log=self._log(), seq=page["journal"]["durable"], head=page["journal"]["head"])
        )
        return True

    def halt(self) -> bool:
        """Halt the daemon. Once it has acknowledged, the venue is made to read all that was on its way; only then the promise is
        written down."""
        command = self._command("halt")
        if command:
            asyncio.run(self._barrier())
            self._note(Promise(kind="halt", log=self._log(), command=command))
            self.halted = command
        return bool(command)

    def resume(self) -> bool:
        """Lift the halt. The promise ends where it is asked for."""
        log = self._log()
        command = self._command("resume")
        if command:
            self._note(Promise(kind="resume", log=log, command=command))
            self.halted = ""
        return bool(command)

    def close(self) -> None:
        self._file.close()

    def _command(self, verb: str) -> str:
        """The command's id once it was acknowledged, "" when it was refused or not answered."""
        self._commands += 1
        ident = f"crash-{verb}-{self._commands}"
        body = {"verb": verb, "id": ident, "reason": "between two kills"}
        answer = asyncio.run(self._ask("POST", "/command", body))
        return ident if answer is not None and answer.get("refused") is False else ""

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        place = os.open(self.directory, os.O_PATH | os.O_DIRECTORY)  # sim-ok: the examiner's, not the daemon's
        connector = aiohttp.UnixConnector(
            f"/proc/self/fd/{place}/{SOCKET}"
        )  # a longer path would be refused by the kernel
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                aiohttp.ClientSession(connector=connector) as session,
                session.request(method, f"http://localhost{path}", json=body, headers={"X-Tradingd": "1"}) as response,
            ):
                found: dict[str, Any] = msgspec.json.decode(await response.read())
                return found
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):  # dead, not yet born, or died while it answered
            return None
        finally:
            os.close(place)

    async def _barrier(self) -> None:
        """Ask the venue twice on a connection of our own: what was in its sockets before the first question was asked is read
        when it answers the second."""
        net = RealNet()
        try:
            transport = await net.connect(self._url)
            for req in (1, 2):
                await transport.send(wire.encode(wire.Admin(req=req, op="dump", n=NONE_OF_THEM)))
                await _answered(transport, req)
            await transport.close()
        finally:
            await net.aclose()

    def _log(self) -> int:
        return (self.directory / "venue.log").stat().st_size

    def _note(self, promise: Promise) -> None:
        self._file.append(msgspec.json.encode(promise) + b"\n")


async def _answered(transport: Transport, req: int) -> None:
    while True:
        frame = wire.to_client.decode(await transport.receive())
        if isinstance(frame, wire.Failed):
            raise LinkDown(f"the venue does not answer: {frame.text}")
        if isinstance(frame, wire.Answer) and frame.req == req:
            return
