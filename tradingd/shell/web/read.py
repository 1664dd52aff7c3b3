"""What can be read: health, metrics, the page's data, decisions, tax lots, and the static files of the page."""

from __future__ import annotations

import re
from importlib.resources import files

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradingd.shell.intake.schema import moment_ns
from tradingd.shell.web.desk import LATEST, Desk
from tradingd.shell.web.door import Handler, Refused, as_json
from tradingd.shell.web.metrics import Metrics

STATIC = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/format.js": ("format.js", "text/javascript"),
    "/panels.js": ("panels.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
DECISIONS_MAX = 500
_SYMBOL = re.compile(r"[A-Za-z0-9._/:=-]{1,32}\Z")


class Reading:
    """Handlers that change nothing."""

    def __init__(self, desk: Desk, metrics: Metrics | None) -> None:
        self._desk = desk
        self._metrics = metrics

    async def livez(self, _request: web.Request) -> web.StreamResponse:
        """The loop turned lately; nothing else, so that a lost broker is no reason to restart. Source: FEATURES 5.7."""
        ok = self._desk.alive()
        return web.Response(text="ok\n" if ok else "stalled\n", status=200 if ok else 503)

    async def readyz(self, request: web.Request) -> web.StreamResponse:
        """200 when every probe is ok, else 503; `?verbose` has a line for each."""
        probes = self._desk.probes()
        ok = all(p.ok for p in probes)
        lines = []
        if "verbose" in request.query:
            lines = [f"[{'+' if p.ok else '-'}] {p.name}" + (f": {p.detail}" if p.detail else "") for p in probes]
        return web.Response(text="\n".join([*lines, "ready" if ok else "not ready", ""]), status=200 if ok else 503)

    async def metrics(self, _request: web.Request) -> web.StreamResponse:
        if self._metrics is not None:
            self._metrics.scrape(self._desk.page())
        return web.Response(body=generate_latest(self._desk.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status(self, _request: web.Request) -> web.StreamResponse:
        return as_json(self._desk.page())

    async def config(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._desk.config_text())

    async def decisions(self, request: web.Request) -> web.StreamResponse:
        """Latest first. `symbol`, `outcome` (act, skip), `limit` 1..500 (50), `before` (a decision's seq), `since`, `until` (RFC
        3339 or ns; until itself is left out)."""
        query = request.query
        symbol, outcome = _symbol(query.get("symbol")), query.get("outcome") or None
        if outcome not in {None, "act", "skip"}:
            raise Refused(400, "bad_request", "outcome must be act or skip")
        limit = _whole(query.get("limit"), "limit", 1, DECISIONS_MAX) or 50
        before = _whole(query.get("before"), "before", 0, 2**62)
        span = {name: _moment(query[name], name) for name in ("since", "until") if query.get(name)}
        found = self._desk.decisions(symbol=symbol, outcome=outcome, limit=limit, before=before, **span)
        return as_json(list(found))

    async def lots(self, request: web.Request) -> web.StreamResponse:
        """Tax lots of each account; `symbol` narrows them. Source: E8."""
        return as_json(list(self._desk.lots(symbol=_symbol(request.query.get("symbol")))))


def _symbol(text: str | None) -> str | None:
    if text and not _SYMBOL.match(text):
        raise Refused(400, "bad_request", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ / : = -")
    return text or None


def _whole(text: str | None, name: str, low: int, high: int) -> int | None:
    if text is None or text == "":
        return None
    if text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high:
        return int(text)
    raise Refused(400, "bad_request", f"{name} must be a whole number from {low} to {high}")


def _moment(text: str, name: str) -> int:
    if text.isascii() and text.isdigit():
        return _whole(text, name, 0, LATEST) or 0
    found = moment_ns(text)
    if found is None:
        raise Refused(400, "bad_request", f"{name} must be a time like 2026-11-23T14:30:00Z, or ns since the epoch")
    return found


def static(path: str) -> Handler:
    """A file of the page, read once; no path of a caller ever names a file. Source: J12."""
    name, kind = STATIC[path]
    body = (files("tradingd.shell.web") / "page" / name).read_bytes()

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})

    return handle
