"""What was raised and is not over yet, so that its end is told as well: what ended, and how long it lasted (E16)."""

from __future__ import annotations

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.facts import Alerted, AnyFact, DriftCleared, DriftFound, LinkChanged, StateChanged
from tradingd.core.types import NS, AccountId, TradingState
from tradingd.shell.notify.note import Note, plain, word

_LINK = ("broker_disconnected", "link_missing")
_OWN_WORD = ("wall_clock",)  # tells its end by itself
_RULE = "rule:"


class Condition(msgspec.Struct):
    """seq: journal number of what raised it, 0 when a former process heard that."""

    seq: int
    codes: list[str]
    since: int
    level: str
    what: str = ""


class Conditions:
    """One account's: a link that is down, positions that drift, holds that a rule put on. A breaker tells its end by itself.

    booked: where to begin; without it nothing is known to be raised.
    """

    def __init__(self, account: AccountId, booked: Booked | None = None) -> None:
        self.account = account
        self.raised: dict[str, Condition] = {}
        if booked is None:
            return
        for alert in booked.alerts:
            if not booked.link_up and alert.ts >= booked.link_ts:
                self._link(0, alert)
        for drift in booked.drift.values():
            self.hear(0, drift)
        for hold in booked.holds.values():
            self.hear(0, hold)

    def hear(self, seq: int, fact: AnyFact) -> Note | None:
        """Take a fact of this account in; the closing notice when it ends something that was raised."""
        match fact:
            case Alerted():
                self._link(seq, fact)
            case DriftFound():
                found = Condition(seq, ["position_drift"], fact.ts, "page", f" {fact.symbol}")
                self.raised.setdefault(f"drift:{fact.symbol}", found)
            case StateChanged() if fact.state is not TradingState.ACTIVE:
                self._hold(seq, fact)
            case LinkChanged(up=True):
                return self._over("link", seq, fact.ts, fact.why)
            case DriftCleared():
                return self._over(f"drift:{fact.symbol}", seq, fact.ts, fact.how)
            case StateChanged():
                return self._over(fact.key, seq, fact.ts, f"{fact.verb} by {fact.actor}: {fact.reason}")
            case _:
                pass
        return None

    def raised_at(self, code: str) -> int:
        """Journal number of what raised the newest condition that an alert of that code tells of, 0 when none is known."""
        return max((raised.seq for raised in self.raised.values() if code in raised.codes), default=0)

    def _link(self, seq: int, alert: Alerted) -> None:
        if alert.code not in _LINK:
            return
        raised = self.raised.setdefault("link", Condition(seq, [], alert.ts, alert.level))
        if alert.code not in raised.codes:
            raised.codes.append(alert.code)
        if alert.level == "page":
            raised.level = "page"

    def _hold(self, seq: int, hold: StateChanged) -> None:
        code = hold.actor.removeprefix(_RULE)
        if hold.actor.startswith(_RULE) and code not in _OWN_WORD:
            self.raised.setdefault(hold.key, Condition(seq, [word(code)], hold.ts, "page"))

    def _over(self, key: str, seq: int, ts: int, how: str) -> Note | None:
        raised = self.raised.pop(key, None)
        if raised is None:
            return None
        kinds = tuple(f"{code}_resolved" for code in raised.codes)
        text = f"{', '.join(raised.codes)}{raised.what}: over after {lasted(ts - raised.since)} ({how})"
        return Note(
            seq=seq, notice=str(seq), ts=ts, account=self.account, level=raised.level, code=kinds[-1], kind=kinds[-1],
            text=plain(text), names=(*kinds, *raised.codes), ends=tuple(raised.codes),
        )  # fmt: skip


def lasted(ns: int) -> str:
    """A duration in words: 42 s, 3 min 20 s, 5 h 7 min, 2 d 3 h."""
    seconds = max(0, ns) // NS
    for (unit, width), (below, part) in (
        (("d", 86_400), ("h", 3_600)),
        (("h", 3_600), ("min", 60)),
        (("min", 60), ("s", 1)),
    ):
        if seconds >= width:
            rest = seconds % width // part
            return f"{seconds // width} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds} s"
