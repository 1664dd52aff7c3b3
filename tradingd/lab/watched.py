"""Holds strategies to what they declare: at every quote that a declaration says changes nothing, did it change nothing? W1, T1.

A declaration is asked for after each event, and for as long as it holds (`core/signals/triggers.py`) the quotes that follow are
held against it, whether a sparse run would have asked for it or not. The answers are those of the strategy itself, so a watched run
makes the journal of one that is not; it is dense.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, get_args

import msgspec

from tradingd.core.events import Event, Quote
from tradingd.core.signals.strategy import Loaded, Signal, View
from tradingd.core.signals.triggers import Between, Triggers, TriggersError
from tradingd.core.views.reasons import utc

TOLD_MAX = 10  # of a strategy, in full
STANDING_MAX = 64  # declarations of one that moves along with its quotes


class Watch:
    """What was found. told: in words, the first ones of each strategy.   counts: by strategy, all of them."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.counts: Counter[str] = Counter()

    def over(self, strategies: tuple[Loaded, ...]) -> tuple[Loaded, ...]:
        """The same, those that declare watched."""
        return tuple(
            msgspec.structs.replace(each, module=_Watched(each, self)) if each.declares else each for each in strategies
        )

    def found(self, name: str, words: str) -> None:
        self.counts[name] += 1
        if self.counts[name] <= TOLD_MAX:
            self.told.append(f"{name} {words}")

    def notes(self) -> list[str]:
        """For the result."""
        return [*self.told, *(f"{name}: {n} times in all" for name, n in self.counts.items() if n > TOLD_MAX)]


class _Asked(msgspec.Struct, frozen=True):
    """A declaration and what entries were allowed when it was asked for."""

    triggers: Triggers
    in_window: bool

    def holds(self, quote: Quote, view: View) -> bool:
        """Does the quote lie within?"""
        between, until = self.triggers.between(quote.symbol), self.triggers.until
        return (
            between is not None
            and between.holds(quote.bid, quote.ask)
            and (until is None or max(quote.ts, view.ts) < until)
            and view.in_window is self.in_window
        )


class _Watched:
    """A strategy in place of the one inside. It is shown everything, to know when something happened."""

    WANTS = frozenset(get_args(Event))

    def __init__(self, loaded: Loaded, watch: Watch) -> None:
        self._loaded = loaded
        self._watch = watch
        self._standing: deque[_Asked] = deque(maxlen=STANDING_MAX)
        self.Settings, self.State = loaded.module.Settings, loaded.module.State
        self.initial = loaded.module.initial

    def decide(self, settings: Any, state: Any, view: View, event: Any) -> tuple[Any, tuple[Signal, ...]]:
        if not self._loaded.wants(event):
            self._ask(state, view, afresh=True)
            return state, ()
        if type(event) is not Quote:
            self._standing.clear()
        holding = [each for each in self._standing if each.holds(event, view)]
        try:
            after, signals = self._loaded.module.decide(settings, state, view, event)
        except Exception as error:
            self._tell(holding, f"raised {type(error).__name__}", event)
            self._standing.clear()
            raise
        moved = after is not state and after != state
        if moved or signals:
            self._tell(holding, "changed its state" if moved else f"said {signals[0].action.value}", event)
        self._standing = deque(holding, STANDING_MAX)
        self._ask(after, view, afresh=moved)
        return after, signals

    def _ask(self, state: Any, view: View, *, afresh: bool) -> None:
        if afresh:
            self._standing.clear()
        try:
            told = self._loaded.triggers(state, view)
        except TriggersError as error:
            self._watch.found(self._loaded.name, f"cannot be asked what it declares: {error}")
            return
        assert told is not None
        asked = _Asked(told, view.in_window)
        if asked not in self._standing:
            self._standing.append(asked)

    def _tell(self, holding: list[_Asked], what: str, quote: Quote) -> None:
        if holding:
            triggers = holding[0].triggers
            between = triggers.between(quote.symbol)
            assert between is not None
            self._watch.found(
                self._loaded.name,
                f"{what} at a quote within what it declared: {quote.symbol} bid {quote.bid:.10g}, ask {quote.ask:.10g} at "
                f"{utc(quote.ts)} (ts {quote.ts}); declared were {_words(between, triggers.until)}",
            )


def _words(between: Between, until: int | None) -> str:
    before = "" if until is None else f" before {utc(until)}"
    return f"bids above {between.low:.10g} and asks below {between.high:.10g}{before}"
