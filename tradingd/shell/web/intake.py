"""Ideas and news from outside over HTTP and the control socket: checked item by item, answered when durable. Source: E1, E12."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tradingd.ports import Broken, Rng
from tradingd.shell.intake.schema import BATCH_MAX, Fault, Told, market_event, recommendation, refused
from tradingd.shell.logs import log
from tradingd.shell.web.commands import answer_of
from tradingd.shell.web.desk import Desk, NotReady
from tradingd.shell.web.door import GRANT, Refused, as_json
from tradingd.shell.web.limits import strict_json

BROKEN = "the daemon ended before the answer was durable; send it again, or ask for it, when it is back"


class Intake:
    """Handlers for recommendations and market events."""

    def __init__(self, desk: Desk, rng: Rng, depth_max: int) -> None:
        self._desk = desk
        self._rng = rng
        self._depth_max = depth_max

    async def recommend(self, request: web.Request) -> web.StreamResponse:
        """One object, answered by one; or a list of up to 100, answered by a list in the same order.

        200 when all are decided, 207 when some of a list were refused at the door, 400 when all were, 504 when the decision of one
        is still out, 503 when nothing was taken because an account is not ready. What was refused at the door changes nothing and
        does not hold back the others.
        """
        value = await self._value(request)
        items = value if isinstance(value, list) else [value]
        if not 1 <= len(items) <= BATCH_MAX:
            raise Refused(400, "bad_request", f"a list must hold 1 to {BATCH_MAX} recommendations")
        told = await self._take(items)
        log.info("intake.asked", actor=request[GRANT].actor, items=len(items), refused=len(_of(told, "refused")))
        answer = as_json(told if isinstance(value, list) else told[0], _status(told))
        if answer.status == 504:
            answer.headers["Retry-After"] = "1"
        return answer

    async def find(self, request: web.Request) -> web.StreamResponse:
        """What became of the recommendation of that id. `source`: under whose name, "api" by default. 404 when nothing is known."""
        told = await self._desk.counter.find(request.query.get("source") or "api", request.match_info["id"])
        if told is None:
            raise Refused(404, "not_found", "no such recommendation within the last two days")
        return as_json(told)

    async def event(self, request: web.Request) -> web.StreamResponse:
        """Something happened out there (E12)."""
        value = await self._value(request)
        event = market_event(value, self._desk.now(), ident=f"event-{self._rng.token(8)}", source=request[GRANT].actor)
        if isinstance(event, Fault):
            raise Refused(400, "bad_request", f"{event.field}: {event.text}" if event.field else event.text)
        return answer_of(await self._desk.counter.happened(event))

    async def _value(self, request: web.Request) -> Any:
        if request.content_type != "application/json":
            raise Refused(415, "not_json", "send Content-Type: application/json")
        try:
            return strict_json(await request.read(), self._depth_max)
        except (ValueError, RecursionError) as no:
            raise Refused(400, "bad_request", str(no)[:300]) from None

    async def _take(self, items: list[Any]) -> list[Told]:
        now = self._desk.now()
        read = [recommendation(item, now) for item in items]
        sound = [rec for rec in read if not isinstance(rec, Fault)]
        try:
            answers = iter(await self._desk.counter.take(sound) if sound else ())
        except NotReady as no:
            raise Refused(503, "not_ready", str(no), retry_s=2) from None
        except Broken:
            raise Refused(504, "ended", BROKEN, retry_s=5) from None
        return [
            refused(rec, item) if isinstance(rec, Fault) else next(answers)
            for rec, item in zip(read, items, strict=True)
        ]


def _of(told: list[Told], status: str) -> list[Told]:
    return [each for each in told if each.status == status]


def _status(told: list[Told]) -> int:
    if _of(told, "pending"):
        return 504
    bad = len(_of(told, "refused"))
    return 200 if not bad else 400 if bad == len(told) else 207
