"""The control socket: what the CLI asks of a running daemon. The kernel says who calls; only we and root may."""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import socket  # sim-ok: the control socket is outside of the simulated world
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiohttp import web

from tradingd.ports import Broken, Env
from tradingd.shell.web.auth import Grant, Role
from tradingd.shell.web.commands import FullWish, answer_of, command_of, wish
from tradingd.shell.web.desk import Desk
from tradingd.shell.web.door import GRANT, Door, Refused, Route, as_json, start
from tradingd.shell.web.intake import Intake
from tradingd.shell.web.read import Reading
from tradingd.shell.web.settings import Limits

Closer = Callable[[], Awaitable[None]]
PATH_MAX = 107


class Links(NamedTuple):
    """Where the page is ("" when HTTP is off) and how to get a fresh viewer token for it."""

    url: str
    issue: Callable[[], str]


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str = ""


class TestWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: str | None = None


class Control:
    """Handlers of the control socket that are not also on the web. Source: H5, RELIABILITY 5.1."""

    def __init__(self, env: Env, desk: Desk, links: Links, limits: Limits) -> None:
        self._env = env
        self._desk = desk
        self._links = links
        self._depth_max = limits.json_depth_max

    async def ping(self, _request: web.Request) -> web.StreamResponse:
        page = self._desk.page()
        return as_json({"pid": os.getpid(), "version": page.version, "mode": page.mode})

    async def command(self, request: web.Request) -> web.StreamResponse:
        body = await wish(request, FullWish, self._depth_max)
        ident = body.id or f"cli-{self._env.rng.token(8)}"
        command = command_of(body, body.verb, ident=ident, actor=request[GRANT].actor, now=self._desk.now())
        return answer_of(await self._desk.command(command))

    async def ui(self, _request: web.Request) -> web.StreamResponse:
        """A link to the page with a viewer token of its own, good for a day."""
        if not self._links.url:
            raise Refused(409, "web_off", "the page is switched off ([web] enabled = false)")
        return as_json({"url": f"{self._links.url}/#token={self._links.issue()}"})

    async def reload(self, request: web.Request) -> web.StreamResponse:
        return answer_of(await self._desk.reload(request[GRANT].actor))

    async def notify_test(self, request: web.Request) -> web.StreamResponse:
        body = await wish(request, TestWish, self._depth_max)
        told = await self._desk.tell_test(body.channel, request[GRANT].actor)
        if not told:
            raise Refused(
                404, "no_channel", "no such channel is configured" if body.channel else "no channel is configured"
            )
        return as_json(told)

    async def shutdown(self, request: web.Request) -> web.StreamResponse:
        body = await wish(request, Closing, self._depth_max)
        if not body.reason.isprintable() or len(body.reason) > 500:
            raise Refused(400, "bad_request", "reason must be one line of at most 500 characters")
        actor = request[GRANT].actor
        self._desk.shutdown(f"{actor}: {body.reason}" if body.reason else actor)
        return as_json({"stopping": True})


def routes(env: Env, desk: Desk, links: Links, limits: Limits) -> list[Route]:
    """Every way in over the socket; all of them are the operator's."""
    read, own, op = Reading(desk, None), Control(env, desk, links, limits), Role.OPERATOR
    intake = Intake(desk, env.rng, limits.json_depth_max)
    return [
        Route("GET", "/ping", op, own.ping),
        Route("GET", "/status.json", op, read.status),
        Route("GET", "/decisions", op, read.decisions),
        Route("GET", "/lots", op, read.lots),
        Route("GET", "/config", op, read.config),
        Route("POST", "/command", op, own.command, reserved=True),
        Route("POST", "/recommendations", op, intake.recommend),
        Route("GET", "/recommendations/{id:.+}", op, intake.find),
        Route("POST", "/events", op, intake.event),
        Route("POST", "/ui", op, own.ui),
        Route("POST", "/reload", op, own.reload, reserved=True),
        Route("POST", "/notify/test", op, own.notify_test),
        Route("POST", "/shutdown", op, own.shutdown, reserved=True),
    ]


def by_peer(request: web.Request) -> Grant | None:
    """Recognise the caller by the uid the kernel names: ours and root are the operator, everybody else is nobody."""
    sock = None if request.transport is None else request.transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return grant_for(struct.unpack("3i", data)[1], os.geteuid())


def grant_for(uid: int, ours: int) -> Grant | None:
    """The operator's grant for a uid, None for a stranger's."""
    if uid not in {0, ours}:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "?"
    return Grant(Role.OPERATOR, f"uid:{uid}({name})")


async def listen(env: Env, desk: Desk, path: str, links: Links, limits: Limits) -> Closer:
    """Open the socket at path, mode 0600. A dead daemon's socket is replaced; Broken when a living one answers there."""
    sock = bind(path)
    door = Door(env.clock, limits, routes(env, desk, links, limits), by_peer)
    runner = await start(door)
    gate = door.gate
    assert gate is not None
    inode = _inode(path)
    server = await asyncio.get_running_loop().create_unix_server(gate, sock=sock)

    async def close() -> None:
        server.close()
        await runner.cleanup()
        if _inode(path) == inode:  # not a successor's
            with suppress(OSError):  # a disk that broke keeps it: the next start replaces it
                os.unlink(path)  # noqa: PTH108 - one call at the end of the daemon

    return close


def _inode(path: str) -> int | None:
    place = Path(path)
    return place.stat().st_ino if place.exists() else None


def bind(path: str) -> socket.socket:
    """The bound socket. Its mode is set before it has a name, so there is no moment in which others could connect, and no
    umask is changed under the writer thread's files. Source: J11."""
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(sock.fileno(), 0o600)
        _named(path, sock.bind)
    except OSError as no:
        sock.close()
        raise Broken(f"control socket: cannot listen on {path}: {no.strerror or no}") from no
    sock.setblocking(False)
    return sock


def _named(path: str, use: Callable[[str], None]) -> None:
    """Call `use` with a name short enough for the kernel (107 bytes): a longer path goes through its directory."""
    if len(os.fsencode(path)) <= PATH_MAX:
        use(path)
        return
    place = Path(path)
    flags = os.O_PATH | os.O_DIRECTORY
    directory = os.open(place.parent, flags)  # sim-ok: the control socket is outside of the simulated world
    try:
        use(f"/proc/self/fd/{directory}/{place.name}")
    finally:
        os.close(directory)


def _clear(path: str) -> None:
    """Remove what a dead daemon left; refuse when somebody listens, or when it is no socket."""
    place = Path(path)
    if not place.exists():
        return
    if not place.is_socket():
        raise Broken(f"control socket: {path} is there and is no socket")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.settimeout(1.0)
        _named(path, probe.connect)
    except OSError as no:
        if no.errno not in {errno.ECONNREFUSED, errno.ENOENT}:
            raise Broken(f"control socket: {path}: {no.strerror or no}") from no
    else:
        raise Broken(f"control socket: another daemon answers on {path}")
    finally:
        probe.close()
    place.unlink(missing_ok=True)
