"""What several strategies declare, together."""

from __future__ import annotations

from math import inf
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.core.world import ACME, BOLT, World
from tradingd.core.events import Quote
from tradingd.core.gates.window import next_window_change
from tradingd.core.signals.strategy import Loaded, load
from tradingd.core.signals.triggers import Between, Triggers
from tradingd.core.steps.strategies import FAILURES_MAX
from tradingd.lab.quiet import FAR, quiet
from tradingd.ports import Broken


class Settings(msgspec.Struct, frozen=True):
    pass


def one(name: str, declare: Any) -> Loaded:
    parts = {
        "Settings": Settings, "State": int, "WANTS": frozenset({Quote}), "initial": lambda _: 0,
        "decide": lambda _settings, state, _view, _event: (state, ()), "triggers": declare,
    }  # fmt: skip
    return load(name, SimpleNamespace(**parts), {})


def says(name: str, *words: Any, **more: Any) -> Loaded:
    told = Triggers(*words, **more)
    return one(name, lambda *_: told)


def test_the_narrowest_counts_and_who_names_nothing_is_shown_each() -> None:
    """T1, W1."""
    world = World(strategies=(says("a", {ACME: Between(9.0, 12.0)}, Between()), says("b", {ACME: Between(8.0, 11.0)})))
    calm = quiet(world.book, world.rules)
    assert (calm.low(ACME), calm.high(ACME)) == (9.0, 11.0)
    assert (calm.low(BOLT), calm.high(BOLT)) == (inf, -inf)
    only = quiet(world.book, World(strategies=(says("a", others=Between()),)).rules)
    assert (only.low(BOLT), only.high(BOLT)) == (-inf, inf)


def test_it_ends_with_the_first_of_them_and_where_the_window_may_change() -> None:
    """E9: a strategy may go by `View.in_window`."""
    world = World(strategies=(says("a", until=7), says("b", until=9), says("c")))
    assert quiet(world.book, world.rules).until == 7
    world = World(strategies=(says("c"),))
    (table,) = world.rules.calendars.values()
    assert quiet(world.book, world.rules).until == next_window_change(table, world.book.now, world.rules.window) < FAR


def test_who_is_out_of_service_is_not_asked() -> None:
    """G5."""
    world = World(strategies=(says("a", until=7),))
    world.book.strategy_errors["a"] = [world.now] * FAILURES_MAX
    calm = quiet(world.book, world.rules)
    assert (calm.until, calm.low(ACME), calm.high(ACME)) == (FAR, -inf, inf)


def test_what_cannot_be_used_ends_the_run_by_name() -> None:
    """W1."""
    answers = iter([Triggers(), Triggers(until=1.5)])  # type: ignore[arg-type]
    world = World(strategies=(one("a", lambda *_: next(answers)),))
    with pytest.raises(
        Broken, match=r"strategy a: triggers: `until`: expected whole nanoseconds or None, got 1\.5; --dense"
    ):
        quiet(world.book, world.rules)
