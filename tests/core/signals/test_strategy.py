"""Loading a strategy, its settings, its signals and its state over a restart."""

import math
import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tradingd.core.events import Action, Bar, Mode, Quote
from tradingd.core.signals.strategy import SettingsError, Signal, load, load_settings
from tradingd.core.signals.triggers import Between, Triggers
from tradingd.core.types import Symbol


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    days: int = 3
    width: float = 2.0
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"`days` must be >= 1, not {self.days}")


class State(msgspec.Struct, frozen=True):
    seen: int
    prices: tuple[float, ...] = ()


def module(**parts: Any) -> SimpleNamespace:
    """A strategy that counts bars."""
    whole: dict[str, Any] = {
        "__name__": "counting",
        "Settings": Settings,
        "State": State,
        "WANTS": frozenset({Bar}),
        "initial": lambda _settings: State(0),
        "decide": lambda _settings, state, _view, _event: (State(state.seen + 1), ()),
    }
    return SimpleNamespace(**{k: v for k, v in (whole | parts).items() if v is not None})


def signal(**changes: Any) -> Signal:
    whole: dict[str, Any] = {
        "symbol": Symbol("IBM"), "action": Action.BUY, "confidence": 0.7, "thesis": "up", "key": "2008-10-06-buy",
    }  # fmt: skip
    return Signal(**(whole | changes))


def test_settings_take_the_numbers_of_a_toml_file() -> None:
    """W1: configuration is read with Decimals."""
    assert load_settings(module(), {"days": 5, "width": Decimal("1.5"), "symbols": ["IBM"]}) == Settings(
        days=5, width=1.5, symbols=("IBM",)
    )


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"dayz": 3}, r"no such setting: `dayz` \(did you mean `days`\?\)"),
        ({"dayz": 3, "qqq": 1}, "`dayz`.*, `qqq`$"),
        ({"days": "three"}, "`days`: expected `int`, got `str`"),
        ({"symbols": [1]}, r"`symbols\[0\]`: expected `str`, got `int`"),
        ({"days": 0}, "`days` must be >= 1, not 0"),
    ],
)
def test_bad_settings_are_refused_by_field(mapping: dict[str, object], message: str) -> None:
    """W1: the operator is told which field, and how it is spelled."""
    with pytest.raises(SettingsError, match=f"strategy counter: .*{message}"):
        load("counter", module(), mapping)


@pytest.mark.parametrize("name", ["", "Counter", "1st", "a:b", "a" * 33])
def test_names_that_would_spoil_ids_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="strategy name"):
        load(name, module(), {})


@pytest.mark.parametrize("part", ["Settings", "State", "WANTS", "initial", "decide"])
def test_an_incomplete_module_is_refused(part: str) -> None:
    with pytest.raises(SettingsError, match=f"counting lacks {part}"):
        load("counter", module(**{part: None}), {})


@pytest.mark.parametrize("wants", [frozenset(), {Bar}, (Bar,)])
def test_wants_must_be_a_frozenset_of_something(wants: object) -> None:
    """A strategy that wants nothing would be silent for ever, and nobody would notice."""
    with pytest.raises(SettingsError, match="WANTS"):
        load("counter", module(WANTS=wants), {})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"triggers": 3}, "triggers of counting must be a function of settings, state and view"),
        ({"triggers": lambda *_: Triggers(), "WANTS": frozenset({Bar})}, "would never be asked: Quote is not in WANTS"),
        ({"triggers": lambda *_: {"IBM": (1.0, 2.0)}}, "expected `Triggers`, got `dict`"),
        ({"triggers": lambda _settings: Triggers()}, "TypeError"),
        ({"triggers": lambda *_: 1 / 0}, "ZeroDivisionError"),
        ({"triggers": lambda *_: Triggers([Between()])}, "`of`: expected symbols with `Between`, got `list`"),
        ({"triggers": lambda *_: Triggers({7: Between()})}, "`of`: expected a symbol, got 7"),
        ({"triggers": lambda *_: Triggers({"IBM": (1.0, 2.0)})}, "`of` IBM: expected `Between`, got `tuple`"),
        ({"triggers": lambda *_: Triggers({"IBM": Between(low=math.nan)})}, "`low` must be a number, not nan"),
        ({"triggers": lambda *_: Triggers({"IBM": Between(high="9")})}, "`high` must be a number, not '9'"),
        ({"triggers": lambda *_: Triggers(others=True)}, "`others`: expected `Between` or None, got `bool`"),
        ({"triggers": lambda *_: Triggers(until=1.5)}, "`until`: expected whole nanoseconds or None, got 1.5"),
    ],
)
def test_triggers_that_cannot_be_used_are_refused_by_field(parts: dict[str, Any], message: str) -> None:
    """W1: before anything is run by them."""
    with pytest.raises(SettingsError, match=f"strategy counter: .*{re.escape(message)}"):
        load("counter", module(**({"WANTS": frozenset({Quote})} | parts)), {})


def test_what_is_declared_is_asked_for_with_state_and_settings() -> None:
    """W1: and who declares nothing says so."""
    of = load(
        "counter",
        module(WANTS=frozenset({Quote}), triggers=lambda s, state, _: Triggers(until=s.days + state.seen)),
        {},
    )
    assert of.declares
    assert of.triggers(State(4), None).until == 7
    none = load("counter", module(), {})
    assert (none.declares, none.triggers(State(4), None)) == (False, None)


def test_only_wanted_events_are_shown() -> None:
    loaded = load("counter", module(), {})
    assert loaded.wants(Bar(ts=1, symbol=Symbol("IBM"), span_s=60, open=1.0, high=1.0, low=1.0, close=1.0))
    assert not loaded.wants(Quote(Symbol("IBM"), 1.0, 1.1, 1))


def test_one_module_runs_under_two_names_with_its_own_ids() -> None:
    """W1, E1: several at once, and their recommendations never collide."""
    ids = [load(name, module(), {}).recommendation(signal(), 5).id for name in ("slow", "fast")]
    assert ids == ["slow:IBM:2008-10-06-buy", "fast:IBM:2008-10-06-buy"]


def test_a_signal_becomes_a_recommendation() -> None:
    """E1: everything intake asks for is there, and its time is the event's."""
    r = load("slow", module(), {}).recommendation(signal(), 77, Mode.LIVE)
    assert (r.ts, r.generated_at, r.symbol, r.action, r.confidence, r.mode, r.thesis, r.source) == (
        77, 77, "IBM", Action.BUY, 0.7, Mode.LIVE, "up", "strategy:slow",
    )  # fmt: skip


@pytest.mark.parametrize("intraday", [False, True])
def test_an_idea_for_hours_says_so(intraday: bool) -> None:
    """E15: what a strategy marks as one is a recommendation for hours."""
    assert load("slow", module(), {}).recommendation(signal(intraday=intraday), 77).intraday is intraday


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf])
def test_a_confidence_outside_0_to_1_is_no_signal(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        signal(confidence=confidence)


@pytest.mark.parametrize("key", ["", "a b", "a:b", "x" * 49])
def test_a_key_that_would_spoil_the_id_is_no_signal(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        signal(key=key)


def test_state_survives_a_restart() -> None:
    """W4: through a snapshot, exactly."""
    loaded = load("counter", module(), {"days": 4})
    state = State(7, (0.1, 1 / 3))
    assert load("counter", module(), {"days": 4}).restore(loaded.dump(state)) == state


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"not json", b'{"settings":{},"state":{"seen":1}}'])
def test_a_state_that_does_not_read_is_left_for_a_new_warm_up(data: bytes) -> None:
    assert load("counter", module(), {}).restore(data) is None


def test_a_state_grown_under_other_settings_is_not_taken_over() -> None:
    """A window of 3 days must not go on as one of 4."""
    data = load("counter", module(), {"days": 3}).dump(State(7))
    assert load("counter", module(), {"days": 4}).restore(data) is None


def test_a_state_of_another_shape_is_not_taken_over() -> None:
    """After an upgrade of the strategy's code."""
    data = load("counter", module(), {}).dump(State(7))
    assert load("counter", module(State=tuple[str, ...]), {}).restore(data) is None
