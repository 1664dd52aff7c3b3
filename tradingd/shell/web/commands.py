"""Turns a request's JSON into a Command of the core: the operator's verbs, with every field checked at the door."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from tradingd.core.events import Command, Verb
from tradingd.core.types import AccountId, Money, OrderId, Symbol
from tradingd.ports import Rng
from tradingd.shell.web.desk import Answer, Desk
from tradingd.shell.web.door import GRANT, Handler, Refused, as_json
from tradingd.shell.web.limits import strict_json

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._/:=-]{1,32}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=500)]

KEYED = frozenset({Verb.FLATTEN, Verb.CANCEL})  # a double click on these must have one effect (J19)
HTTP_VERBS = (Verb.PAUSE, Verb.RESUME, Verb.HALT, Verb.FLATTEN, Verb.LOCKOUT, Verb.CANCEL)
FIELDS: dict[Verb, frozenset[str]] = {
    Verb.PAUSE: frozenset(),
    Verb.RESUME: frozenset(),
    Verb.HALT: frozenset(),
    Verb.FLATTEN: frozenset({"symbol"}),
    Verb.LOCKOUT: frozenset({"until", "flatten"}),
    Verb.CANCEL: frozenset({"symbol", "order_id", "protective"}),
    Verb.SETTLE: frozenset({"order_id"}),
    Verb.ADOPT: frozenset({"symbol"}),
    Verb.TRIP: frozenset({"symbol", "until"}),
    Verb.RELEASE: frozenset({"amount"}),
}
W = TypeVar("W", bound=msgspec.Struct)
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may stand in the body of a command. until: ns since the epoch, in the future."""

    reason: Text = ""
    account: Id | None = None
    until: int | None = None
    symbol: Name | None = None
    order_id: Id | None = None
    protective: bool = False
    flatten: bool = False
    amount: Decimal | None = None


class FullWish(Wish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with verb and id, as the CLI sends it. actor: taken from the socket; what is written here is not believed."""

    verb: Verb
    id: Id | None = None
    actor: Text = ""


async def wish(request: web.Request, shape: type[W], depth_max: int) -> W:
    """The request's body as that shape. Refuses with 400 and a text that names the field, 415 when it is not JSON."""
    if request.content_type != "application/json":
        raise Refused(415, "not_json", "send Content-Type: application/json")
    try:
        value = strict_json(await request.read() or b"{}", depth_max)
        return msgspec.convert(value, shape)
    except (ValueError, RecursionError) as no:
        raise Refused(400, "bad_request", str(no)[:300]) from None


def command_of(body: Wish, verb: Verb, *, ident: str, actor: str, now: int) -> Command:
    """Refuses with 400: text with control characters, a field that the verb does not know, what the verb needs and lacks."""
    if not body.reason.isprintable():
        raise Refused(400, "bad_request", "reason must be one line of plain text")
    for name in ("until", "symbol", "order_id", "protective", "flatten", "amount"):
        if getattr(body, name) not in {None, False} and name not in FIELDS[verb]:
            raise Refused(400, "bad_request", f"{verb} takes no `{name}`")
    if verb is Verb.RESUME and not body.reason.strip():
        raise Refused(400, "reason_missing", "resume needs a reason")
    if verb is Verb.LOCKOUT and (body.until is None or body.until <= now):
        raise Refused(400, "until_missing", "lockout needs `until`, a time in the future (ns since the epoch)")
    if body.until is not None and not now < body.until < 2**63:
        raise Refused(400, "bad_request", "`until` must be in the future (ns since the epoch)")
    if body.amount is not None and not body.amount.is_finite():
        raise Refused(400, "bad_request", "`amount` must be a finite number")
    return Command(
        ts=now,
        id=ident,
        verb=verb,
        actor=actor,
        reason=body.reason.strip(),
        account=None if body.account is None else AccountId(body.account),
        until=body.until,
        symbol=None if body.symbol is None else Symbol(body.symbol),
        order_id=None if body.order_id is None else OrderId(body.order_id),
        protective=body.protective,
        flatten=body.flatten,
        amount=None if body.amount is None else Money(body.amount),
    )


def answer_of(answer: Answer) -> web.Response:
    """200, or 409 when a rule of the house said no."""
    return as_json(answer, 409 if answer.refused else 200)


def handler_for(verb: Verb, desk: Desk, rng: Rng, depth_max: int) -> Handler:
    """POST /api/trading/<verb>. Source: H1, J6, J18, J19."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Tradingd") != "1":
            raise Refused(403, "header_missing", "send the header X-Tradingd: 1")
        ident = request.headers.get("Idempotency-Key", "")
        if ident and not _ID.match(ident):
            raise Refused(400, "bad_request", "Idempotency-Key must be 1 to 64 of A-Z a-z 0-9 _ . : -")
        if not ident and verb in KEYED:
            raise Refused(
                400, "key_missing", f"{verb} needs an Idempotency-Key header, so that sent twice it acts once"
            )
        body = await wish(request, Wish, depth_max)
        actor = request[GRANT].actor
        command = command_of(body, verb, ident=ident or f"web-{rng.token(8)}", actor=actor, now=desk.now())
        return answer_of(await desk.command(command))

    return handle
