"""Whom the venue plays: characters after four real brokers and a plain one, with the quirks each declares.

Times are scaled to a world of 90 s: never_after_s 4..12 stands for 30..60 s of the real ones. PERSONALITIES are those the
product claims to handle; EXTENDED differ from the plain one in one ability the product does not look at yet.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tradingd.core.types import OrderType
from tradingd.ports import Quirks

TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)


class Personality(msgspec.Struct, frozen=True, kw_only=True):
    """sync: an order is a request that is answered (HTTP), else it is written and the answer comes as an event.
    duplicate: a known client id again is the "same" order, is told to "refuse", or makes a "second" order.
    kicks: one session for the account, a login elsewhere ends the others.   fences: nothing written on an older session is read
    after a newer login.   replay: the day's executions are told again at each login.   partial: chance that a fill is a part.
    lag_s: how long a new order may stay hidden from questions.   fee: of one unit.   new_ids: an amended order has a new venue id.
    strict_stops: a stop that would trigger at once is refused.   holds_qty: what a
    working order would close cannot be closed by another.
    """

    name: str
    quirks: Quirks
    sync: bool = False
    duplicate: str = "same"
    kicks: bool = False
    fences: bool = False
    replay: bool = False
    partial: float = 0.0
    lag_s: float = 0.0
    fee: Decimal = Decimal(0)
    new_ids: bool = False
    strict_stops: bool = False
    holds_qty: bool = False

    @property
    def late_max_s(self) -> float:
        """How long after the death of its connection a message may still be read; with `hidden_max_s` below never_after_s.
        Where a login fences, time is no proof and none is needed."""
        return 5.0 if self.fences else 0.5 * self.quirks.never_after_s

    @property
    def hidden_max_s(self) -> float:
        return 0.4 * self.quirks.never_after_s


def _quirks(**over: object) -> Quirks:
    fields = {"reduce_only": True, "never_after_s": 4.0, "ack_timeout_s": 1.0, "silence_s": 2.0, "order_types": TYPES}
    return Quirks(**{**fields, **over})  # type: ignore[arg-type]


_PLAIN = Personality(name="plain", quirks=_quirks(partial_fills=False))
_EVERYONE = (
    _PLAIN,
    msgspec.structs.replace(_PLAIN, name="no_stops", quirks=_quirks(protective_stops=False)),
    Personality(
        name="alpaca", sync=True, duplicate="refuse", partial=0.25, lag_s=0.5, new_ids=True, strict_stops=True,
        quirks=_quirks(never_after_s=6.0, rate_per_s=20.0),
    ),
    Personality(
        name="oanda", sync=True, duplicate="second", partial=0.1, lag_s=1.0, new_ids=True,
        quirks=_quirks(never_after_s=12.0, idempotent_ids=False, rate_per_s=100.0),
    ),
    Personality(
        name="rithmic", duplicate="second", replay=True, partial=0.4, fee=Decimal("0.01"),
        quirks=_quirks(never_after_s=8.0, idempotent_ids=False, query_by_id=False, rate_per_s=10.0),
    ),
    Personality(
        name="cqg", duplicate="refuse", kicks=True, fences=True, partial=0.3, fee=Decimal("0.02"), new_ids=True,
        quirks=_quirks(never_after_s=0.0, cancel_on_disconnect=True, rate_per_s=30.0),
    ),
    msgspec.structs.replace(_PLAIN, name="no_amend", quirks=_quirks(amend=False)),
    msgspec.structs.replace(_PLAIN, name="no_reduce_only", quirks=_quirks(reduce_only=False)),
    msgspec.structs.replace(_PLAIN, name="held_qty", quirks=_quirks(reduce_only=False), holds_qty=True),
)  # fmt: skip
_OTHERS = (
    msgspec.structs.replace(_PLAIN, name="no_cursor", quirks=_quirks(fill_cursor=False)),
    msgspec.structs.replace(
        _PLAIN, name="no_client_ids", quirks=_quirks(client_order_ids=False, idempotent_ids=False), sync=True
    ),
)
PERSONALITIES = {p.name: p for p in _EVERYONE}
EXTENDED = {p.name: p for p in _OTHERS}
