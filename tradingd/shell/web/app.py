"""Serves the web: the table of all routes with their roles, the loopback listener, the control socket."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from contextlib import AsyncExitStack

from tradingd.ports import Broken, Env
from tradingd.shell.web import control
from tradingd.shell.web.auth import Brake, Role, Tokens
from tradingd.shell.web.commands import HTTP_VERBS, handler_for
from tradingd.shell.web.desk import Desk
from tradingd.shell.web.door import Door, Route, by_token, start
from tradingd.shell.web.intake import Intake
from tradingd.shell.web.metrics import Metrics
from tradingd.shell.web.read import STATIC, Reading, static
from tradingd.shell.web.settings import Limits, WebSettings
from tradingd.shell.web.stream import Stream

Alert = Callable[[str, str], None]  # code, text


class PortTaken(Broken):
    """Another program listens on that port."""


class Served:
    """The running web. url: of the page, "" when HTTP is off.   viewer_token: opens it for reading, for this process's life.
    page_url: both in one, for a terminal or a browser; the fragment never leaves the browser."""

    def __init__(self, host: str, port: int, viewer_token: str, opened: AsyncExitStack) -> None:
        self.port = port
        self.url = _address(host, port)
        self.viewer_token = viewer_token
        self.page_url = f"{self.url}/#token={viewer_token}" if port else ""
        self._opened = opened

    async def aclose(self) -> None:
        """Stop listening, end streams, give running commands three seconds. Safe to call twice."""
        await self._opened.aclose()


def routes(
    desk: Desk, env: Env, stream: Stream, metrics: Metrics | None = None, *, depth_max: int = 20,
) -> list[Route]:  # fmt: skip
    """Every way in over HTTP. A path that is not here does not exist. Source: H1, J10."""
    read, intake = Reading(desk, metrics), Intake(desk, env.rng, depth_max)
    return [
        Route("GET", "/livez", Role.OPEN, read.livez),
        Route("GET", "/health", Role.OPEN, read.livez),
        Route("GET", "/readyz", Role.OPEN, read.readyz),
        Route("GET", "/ready", Role.OPEN, read.readyz),
        *(Route("GET", path, Role.OPEN, static(path)) for path in STATIC),
        Route("GET", "/metrics", Role.VIEWER, read.metrics),
        Route("GET", "/status.json", Role.VIEWER, read.status),
        Route("GET", "/events", Role.VIEWER, stream.handle, stream=True),
        Route("GET", "/api/trading/status", Role.VIEWER, read.status),
        Route("GET", "/api/trading/config", Role.VIEWER, read.config),
        Route("GET", "/api/trading/decisions", Role.VIEWER, read.decisions),
        Route("GET", "/api/trading/lots", Role.VIEWER, read.lots),
        Route("POST", "/api/trading/recommendations", Role.TRADER, intake.recommend),
        Route("GET", "/api/trading/recommendations/{id:.+}", Role.TRADER, intake.find),
        Route("POST", "/api/trading/events", Role.OPERATOR, intake.event),
        *(
            Route(
                "POST",
                f"/api/trading/{verb}",
                Role.OPERATOR,
                handler_for(verb, desk, env.rng, depth_max),
                reserved=True,
            )
            for verb in HTTP_VERBS
        ),
    ]


async def serve(
    env: Env, desk: Desk, settings: WebSettings, *, socket_path: str | None, metrics: Metrics | None = None,
    alert: Alert | None = None, limits: Limits | None = None,
) -> Served:  # fmt: skip
    """Listen on loopback (unless switched off) and on the control socket (unless socket_path is None).

    alert: told of a run of wrong tokens.   metrics: refreshed from the page at each scrape.
    Raises Broken, naming the address, when the port (then PortTaken) or the socket is taken or may not be bound.
    """
    limits = limits or Limits()
    tokens = Tokens(env.clock, env.rng, settings.tokens)
    viewer = tokens.issue(Role.VIEWER, "viewer")
    async with AsyncExitStack() as opened:  # what was opened before a refusal is closed again
        port = 0
        if settings.enabled:
            port = await _listen(env, desk, settings, tokens, metrics, alert, limits, opened)
        if socket_path is not None:
            links = control.Links(
                _address(settings.host, port), lambda: tokens.issue(Role.VIEWER, "page", ttl_s=86_400.0)
            )
            opened.push_async_callback(await control.listen(env, desk, socket_path, links, limits))
        return Served(settings.host, port, viewer, opened.pop_all())


async def _listen(
    env: Env, desk: Desk, settings: WebSettings, tokens: Tokens, metrics: Metrics | None, alert: Alert | None,
    limits: Limits, opened: AsyncExitStack,
) -> int:  # fmt: skip
    stream = Stream(env.clock, desk, limits)
    wrong = metrics.wrong_token if metrics is not None else lambda: None
    brake = Brake(env.clock, alert or (lambda _code, _text: None), wrong)
    table = routes(desk, env, stream, metrics, depth_max=limits.json_depth_max)
    door = Door(env.clock, limits, table, by_token(tokens, brake))
    runner = await start(door)
    opened.push_async_callback(runner.cleanup)
    gate = door.gate
    assert gate is not None
    try:
        server = await asyncio.get_running_loop().create_server(gate, settings.host, settings.port, backlog=64)
    except OSError as no:
        kind = PortTaken if no.errno == errno.EADDRINUSE else Broken
        raise kind(_why(no, settings.host, settings.port)) from no
    opened.callback(stream.close)
    opened.callback(server.close)
    port = int(server.sockets[0].getsockname()[1])
    door.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
    return port


def _why(no: OSError, host: str, port: int) -> str:
    where = f"{_bracketed(host)}:{port}"
    if no.errno == errno.EADDRINUSE:
        return f"web: {where} is taken by another program; set another [web] port, or 0 for any"
    return f"web: cannot listen on {where}: {no.strerror or no}"


def _address(host: str, port: int) -> str:
    return f"http://{_bracketed(host)}:{port}" if port else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
