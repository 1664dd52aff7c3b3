"""The door every request passes: where it came from, who sent it, how often, how big, how long. Deny by default."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from tradingd.ports import Clock
from tradingd.shell.web.auth import Brake, Grant, Role, Tokens
from tradingd.shell.web.limits import Bucket, Gate
from tradingd.shell.web.settings import Limits

log = structlog.get_logger("web")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
GRANT: web.RequestKey[Grant] = web.RequestKey("grant", Grant)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "tradingd",
}


class Route(NamedTuple):
    """One way in. role: who may take it.   stream: it may last, so it has no time limit.   reserved: never held back by the
    rate limit (stop words, J5)."""

    method: str
    path: str
    role: Role
    handler: Handler
    stream: bool = False
    reserved: bool = False


class Refused(Exception):
    """A request that is answered with an error; nothing was done."""

    def __init__(self, status: int, code: str, text: str, *, retry_s: int | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.status = status
        self.code = code
        self.text = text
        self.retry_s = retry_s

    def response(self) -> web.Response:
        answer = as_json({"error": self.code, "text": self.text}, self.status)
        if self.retry_s is not None:
            answer.headers["Retry-After"] = str(self.retry_s)
        if self.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def as_json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


class Door:
    """Builds an aiohttp application from a route table. `gate` and `hosts` are known only once the listener is bound."""

    def __init__(
        self, clock: Clock, limits: Limits, routes: Sequence[Route], identify: Callable[[web.Request], Grant | None],
    ) -> None:  # fmt: skip
        self.limits = limits
        self.routes: dict[tuple[str, str], Route] = {}
        self.gate: Gate | None = None
        self.hosts: frozenset[str] | None = None  # None: a unix socket, which no web page can reach
        self._identify = identify
        self._bucket = Bucket(clock, rate=limits.requests_per_s, burst=limits.requests_burst)
        self.app = web.Application(middlewares=[self._middleware()], client_max_size=limits.body_max)
        for route in routes:
            resource = self.app.router.add_route(route.method, route.path, route.handler).resource
            self.routes[route.method, route.path if resource is None else resource.canonical] = route
        self.app.on_response_prepare.append(_dress)

    def _middleware(self) -> Middleware:
        @web.middleware
        async def pass_door(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await self._pass(request, handler)
            except Refused as no:
                response = no.response()
                log.warning(
                    "web_refused",
                    status=no.status,
                    code=no.code,
                    peer=peer(request),
                    path=request.rel_url.raw_path[:100],
                )
            except web.HTTPException as no:
                response = Refused(no.status, no.reason.lower().replace(" ", "_"), no.reason).response()
            response.force_close()
            return response

        return pass_door

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.hosts is not None:
            check_origin(request, self.hosts)
        route = self._route(request)
        if not route.reserved and not self._bucket.take(peer(request)):
            raise Refused(429, "too_many_requests", "slow down", retry_s=1)
        if route.role > Role.OPEN:
            grant = self._identify(request)
            if grant is None or not grant.role.may(route.role):
                raise Refused(403, "not_allowed", f"this needs the role {route.role.name.lower()}")
            request[GRANT] = grant
        if route.stream:
            self._completed(request)
            return await handler(request)
        try:
            async with asyncio.timeout(self.limits.handler_s):
                await self._body(request)
                return await handler(request)
        except TimeoutError:
            raise Refused(
                504, "no_answer", f"no answer within {self.limits.handler_s:g} s; a command may still take effect"
            ) from None

    def _route(self, request: web.Request) -> Route:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        route = self.routes.get((request.method, path))
        if route is None:
            known = {r.path for r in self.routes.values()}
            if request.path in known:
                raise Refused(405, "wrong_method", f"{request.method} is not for this path")
            raise Refused(404, "not_found", "there is nothing here")
        return route

    async def _body(self, request: web.Request) -> None:
        """Read all of it now: the first request must be whole in time, and no handler waits for a slow sender."""
        if "Content-Encoding" in request.headers:
            raise Refused(415, "encoded_body", "send the body as it is")
        if request.can_read_body:
            await request.read()
        self._completed(request)

    def _completed(self, request: web.Request) -> None:
        if self.gate is not None:
            self.gate.completed(request.transport)


async def start(door: Door) -> web.AppRunner:
    """The door's application, ready to be given connections by its gate."""
    runner = web.AppRunner(
        door.app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=3.0,
        keepalive_timeout=door.limits.keepalive_s,
        auto_decompress=False,
        lingering_time=2.0,
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    make = cast("Callable[[], asyncio.Protocol]", runner.server)
    door.gate = Gate(make, most=door.limits.connections_max, first_s=door.limits.first_request_s)
    return runner


def by_token(tokens: Tokens, brake: Brake) -> Callable[[web.Request], Grant]:
    """Recognise the caller by `Authorization: Bearer <token>`."""

    def identify(request: web.Request) -> Grant:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            raise Refused(401, "no_token", "this needs a token: run `tradingd ui` for a link with one")
        grant = tokens.grant(token.strip()) if kind.lower() == "bearer" else None
        if grant is not None:
            return grant
        if brake.failed(peer(request)):
            raise Refused(429, "wrong_token", "wrong token; one try a second", retry_s=1)
        raise Refused(401, "wrong_token", "this token is wrong or has expired: run `tradingd ui` for a new link")

    return identify


def check_origin(request: web.Request, hosts: frozenset[str]) -> None:
    """Only pages we served ourselves, and programs on this machine, may talk to us. Source: J6, J7."""
    headers = request.headers
    named = headers.getall("Host", [])
    if len(named) != 1 or named[0].lower() not in hosts:
        raise Refused(403, "foreign_host", "this address is not served here")
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        raise Refused(403, "foreign_origin", "requests from other sites are refused")
    if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise Refused(403, "foreign_origin", "requests from other sites are refused")


def peer(request: web.Request) -> str:
    return request.remote or "local"


async def _dress(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({k: v for k, v in HEADERS.items() if k not in response.headers or k == "Server"})
