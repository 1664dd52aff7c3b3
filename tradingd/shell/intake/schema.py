"""What a recommendation and a market event look like from outside, and what is answered. One schema for every door. Source: E1."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec

from tradingd.core.events import Action, MarketEvent, Mode, Recommendation
from tradingd.core.facts import OWN_SOURCES, Outcome, Reason
from tradingd.core.types import NS, AccountId, DecisionId, OrderId, Severity, Symbol

BATCH_MAX = 100  # recommendations in one request
EVENT_DAYS_MAX = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHERE = re.compile(r"(?s)(.*) - at `\$\.?(.*)`\Z")
_FIELD = re.compile(r"field `([^`]*)`")

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._/:=-]{1,32}\Z")]
Account = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Source = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Moment = Annotated[int, msgspec.Meta(ge=10**17, le=2**63 - 1)] | Annotated[datetime, msgspec.Meta(tz=True)]


class Fault(NamedTuple):
    """Why something was not taken. field: its path, like "confidence" or "symbols[2]", "" for the whole."""

    field: str
    text: str


class Offered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One recommendation as it is sent. generated_at: RFC 3339 with its zone, or ns since the epoch.   thesis: the first 500
    characters are kept.   source: under whose name; with `id` it says which recommendation this is.   intraday: E15."""

    id: Key
    symbol: Name
    action: Action
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    generated_at: Moment
    mode: Mode = Mode.PAPER
    thesis: Annotated[str, msgspec.Meta(max_length=8000)] = ""
    source: Source = "api"
    account: Account | None = None
    intraday: bool = False

    def __post_init__(self) -> None:
        if not self.id.isprintable():
            raise ValueError("field `id` must be printable")
        if self.source in OWN_SOURCES:
            raise ValueError(f"field `source`: {self.source} is a name of the house")
        if any("\ud800" <= char <= "\udfff" for char in self.thesis):
            raise ValueError("field `thesis`: half a character (a lone surrogate)")


class Happened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market event as it is sent. until or for_s: when it is over, one of the two.   symbols: whom it concerns, () everybody."""

    severity: Severity
    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")] | None = None
    until: Moment | None = None
    for_s: Annotated[float, msgspec.Meta(gt=0, le=EVENT_DAYS_MAX * 86_400)] | None = None
    symbols: Annotated[tuple[Name, ...], msgspec.Meta(max_length=500)] = ()
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""

    def __post_init__(self) -> None:
        if (self.until is None) == (self.for_s is None):
            raise ValueError("field `until`: give either until or for_s, one of the two")
        if not self.text.isprintable():
            raise ValueError("field `text` must be one line of plain text")


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What one account decided. ts: when, ns.   headline: the first reason, None when acted.   orders: their client ids."""

    account: AccountId
    decision_id: DecisionId
    outcome: Outcome
    headline: Reason | None
    reasons: tuple[Reason, ...]
    orders: tuple[OrderId, ...]
    ts: int


W = TypeVar("W", bound=msgspec.Struct)
Status = Literal["decided", "duplicate", "pending", "refused"]


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one recommendation. status: decided now; duplicate of one decided before, whose decisions these are; pending:
    taken, not yet decided by every account; refused: not taken, `field` and `text` say why."""

    id: str
    status: Status
    source: str = ""
    decisions: tuple[Decision, ...] = ()
    field: str = ""
    text: str = ""
    line: int = 0  # of a file, from 1


def refused(fault: Fault, value: object = None, line: int = 0) -> Told:
    """The answer to something that was not taken. value: what came, for its id when it has one."""
    ident = value.get("id") if isinstance(value, dict) else None
    return Told(
        id=ident[:1024] if isinstance(ident, str) else "",
        status="refused",
        field=fault.field,
        text=fault.text,
        line=line,
    )


def recommendation(value: Any, now: int) -> Recommendation | Fault:
    """A decoded JSON value as a recommendation. now: ns. Never raises: what is wrong is named with its field."""
    offered = shaped(value, Offered)
    if isinstance(offered, Fault):
        return offered
    generated_at = _ns(offered.generated_at)
    if not 10**17 <= generated_at < 2**63:
        return Fault("generated_at", "must lie between 1973 and 2262")
    return Recommendation(
        ts=now, id=offered.id, symbol=Symbol(offered.symbol), action=offered.action, confidence=offered.confidence,
        generated_at=generated_at, mode=offered.mode, thesis=offered.thesis[:500], source=offered.source,
        account=None if offered.account is None else AccountId(offered.account), intraday=offered.intraday,
    )  # fmt: skip


def market_event(value: Any, now: int, *, ident: str, source: str) -> MarketEvent | Fault:
    """A decoded JSON value as a market event. ident: its id when it brings none.   source: who says so. Its end must be in the
    future, at most 30 days ahead."""
    told = shaped(value, Happened)
    if isinstance(told, Fault):
        return told
    until = _ns(told.until) if told.until is not None else now + int((told.for_s or 0.0) * NS)
    if not now < until <= now + EVENT_DAYS_MAX * 86_400 * NS:
        return Fault("until", f"must be in the future, at most {EVENT_DAYS_MAX} days ahead")
    return MarketEvent(
        ts=now, id=told.id or ident, severity=told.severity, until=until, symbols=tuple(Symbol(s) for s in told.symbols),
        text=told.text, source=source,
    )  # fmt: skip


def shaped(value: Any, shape: type[W]) -> W | Fault:
    """The value as that struct, or what is wrong with which field."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as no:
        return _fault(str(no))


def _fault(text: str) -> Fault:
    found = _WHERE.match(text)
    if found is not None and found[2]:
        return Fault(found[2], found[1][:300])
    said = found[1] if found is not None else text
    named = _FIELD.search(said)
    return Fault(named[1] if named is not None else "", said[:300])


def _ns(moment: int | datetime) -> int:
    if isinstance(moment, int):
        return moment
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1_000


def moment_ns(text: str) -> int | None:
    """ns of an RFC 3339 time that names its zone, None for anything else."""
    try:
        return _ns(msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)]))
    except msgspec.ValidationError:
        return None
