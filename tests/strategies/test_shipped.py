"""What holds for every shipped strategy: on the real market, on garbage, over restarts."""

import math
from collections import Counter
from itertools import pairwise
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.simulate import CLOSE_NS, DAY_NS, SPLITS, Account, Look, daily, events, midnight, real_days
from tradingd.core.events import Action, Bar, Split
from tradingd.core.signals.bars import date_of
from tradingd.core.signals.strategy import SettingsError, Strategy, load
from tradingd.core.types import Symbol
from tradingd_strategies import breakout, reversion, trend

DAILY = [trend, reversion]
MODULES = [*DAILY, breakout]
CHECKED: tuple[Strategy, ...] = (trend, reversion, breakout)  # mypy proves that a module is a Strategy
each = pytest.mark.parametrize("module", MODULES, ids=["trend", "reversion", "breakout"])


def account(*modules: ModuleType) -> Account:
    return Account([load(m.__name__.rpartition(".")[2], m, {}) for m in modules])


@pytest.fixture(scope="module")
def crash() -> Account:
    """Both daily strategies through 2008, warmed up on the autumn before."""
    both = account(*DAILY)
    both.run(events(real_days("2007-09-01", "2008-12-31")))
    return both


def test_a_year_keeps_the_pipeline_busy(crash: Account) -> None:
    """W1, E1: entries and exits of both, some too weak for the confidence bar, in a year with everything."""
    said = [(name, s) for name, ts, s in crash.said if date_of(ts) >= "2008"]
    assert 40 <= len(said) <= 400
    assert {(name, s.action) for name, s in said} == {(n, a) for n in ("trend", "reversion") for a in Action}
    confidences = {s.confidence for _, s in said if s.action is Action.BUY}
    assert min(confidences) < 0.65 < max(confidences)
    assert len(confidences) > 20


def test_a_crash_stops_positions_out_and_recoveries_pay(crash: Account) -> None:
    """What the breaker and the reserve need to have something to do."""
    autumn = Counter(why for ts, _, why, _ in crash.exits if "2008-09" <= date_of(ts) < "2008-12")
    assert autumn["stop"] >= 3
    assert any(gain > 0 for _, _, _, gain in crash.exits)


def test_at_most_one_signal_a_symbol_day_and_direction(crash: Account) -> None:
    """Their ids tell as much, so a replay or a restart can never act twice."""
    said = [(name, s.symbol, date_of(ts), s.action) for name, ts, s in crash.said]
    assert len(said) == len(set(said))
    assert all(s.key == f"{date_of(ts)}-{s.action}" for _, ts, s in crash.said)


def test_exits_are_said_only_of_own_positions(crash: Account) -> None:
    """Each SELL follows a BUY of the same strategy and symbol; two strategies on one account leave each other alone."""
    for name, symbol in {(n, s.symbol) for n, _, s in crash.said}:
        own = [s.action for n, _, s in crash.said if n == name and s.symbol == symbol]
        assert own[0] is Action.BUY
        assert (Action.SELL, Action.SELL) not in pairwise(own)


@each
def test_a_replay_says_the_same(module: ModuleType) -> None:
    """W1: a pure function of its events."""
    days = real_days("2008-06-01", "2008-10-31")
    one, two = account(module), account(module)
    one.run(events(days))
    two.run(events(days))
    assert one.said == two.said != []


@each
def test_a_restart_at_any_day_changes_nothing(module: ModuleType) -> None:
    """W4: the state goes through a snapshot every 50 events, and every signal is the same."""
    days = real_days("2008-06-01", "2008-10-31")
    steady, restarted = account(module), account(module)
    steady.run(events(days))
    (strategy,) = restarted.strategies
    for n, event in enumerate(events(days)):
        if n % 50 == 0:
            restarted.states[strategy.name] = strategy.restore(strategy.dump(restarted.states[strategy.name]))
        restarted.step(event)
    assert restarted.said == steady.said != []
    assert restarted.states == steady.states


@each
def test_nothing_is_said_before_warm_up(module: ModuleType) -> None:
    """Twelve days are fewer than the longest window of either."""
    young = account(module)
    young.run(events(real_days("2008-10-01", "2008-10-16")))
    assert young.said == []


@each
def test_history_is_learnt_from_but_not_acted_on(module: ModuleType) -> None:
    days = real_days("2008-06-01", "2008-10-31")
    told = account(module)
    for event in events(days):
        told.step(msgspec.structs.replace(event, history=True) if isinstance(event, Bar) else event)
    assert told.said == []
    lived = account(module)
    for bar in days:
        lived.step(bar)
    assert told.states == lived.states  # daily bars are learnt the same way, and nothing else left a trace


@each
def test_entries_wait_for_the_window(module: ModuleType) -> None:
    """E9: with the window shut for ever there is no BUY."""
    shut = Account([load("s", module, {})], shut=True)
    shut.run(events(real_days("2008-01-01", "2008-12-31")))
    assert shut.said == []


@each
def test_a_bar_seen_twice_or_late_counts_once(module: ModuleType) -> None:
    """Warm-up and live bars overlap after a restart."""
    days = real_days("2008-06-01", "2008-10-31")
    once, twice = account(module), account(module)
    for n, bar in enumerate(days):
        once.step(bar)
        twice.step(bar)
        twice.step(days[max(0, n - 8)])
        twice.step(bar)
    assert once.states == twice.states


@each
def test_a_split_is_no_crash(module: ModuleType) -> None:
    """Prices halve overnight on 2005-02-28: the same is said as of prices that were never split."""
    days = real_days("2004-10-01", "2005-06-30")
    apple = [b for b in days if b.symbol == "AAPL"]
    halved = [
        b if date_of(b.ts) >= "2005-02-28" else
        msgspec.structs.replace(b, open=b.open / 2, high=b.high / 2, low=b.low / 2, close=b.close / 2) for b in apple
    ]  # fmt: skip
    assert ("AAPL", "2005-02-28") in SPLITS
    split, smooth = account(module), account(module)
    split.run(events(apple))
    smooth.run(e for e in events(halved) if isinstance(e, Bar))
    assert [(ts, s.action, s.confidence) for _, ts, s in split.said if date_of(ts) >= "2005-02-28"] == [
        (ts, s.action, s.confidence) for _, ts, s in smooth.said if date_of(ts) >= "2005-02-28"
    ]
    assert split.said != []


@each
def test_one_absurd_close_is_passed_over(module: ModuleType) -> None:
    """B7: a misplaced decimal point does not enter the averages."""
    days = [b for b in real_days("2008-06-01", "2008-10-31") if b.symbol == "IBM"]
    clean, spoilt = account(module), account(module)
    for n, bar in enumerate(days):
        clean.step(bar)
        if n == 60:
            spoilt.step(
                daily("IBM", date_of(bar.ts - DAY_NS), *(x * 100 for x in (bar.open, bar.high, bar.low, bar.close)))
            )
        spoilt.step(bar)
    assert clean.states == spoilt.states


@each
def test_a_new_price_level_is_learnt_anew(module: ModuleType) -> None:
    """A missed 10:1 split must not silence a symbol for ever, and nothing is said until it has warmed up again."""
    days = [b for b in real_days("2008-01-01", "2008-10-31") if b.symbol == "IBM"]
    moved = account(module)
    level = [
        msgspec.structs.replace(b, open=b.open * 10, high=b.high * 10, low=b.low * 10, close=b.close * 10)
        if n >= 60
        else b
        for n, b in enumerate(days)
    ]
    moved.run(events(level))
    fresh = days[62 + 14].ts
    assert not [ts for _, ts, _ in moved.said if days[60].ts < ts < fresh]
    assert [ts for _, ts, _ in moved.said if ts >= fresh]


@each
def test_a_split_rescales_everything_remembered(module: ModuleType) -> None:
    """To the bit: as if the prices before it had been halves all along."""
    days = [b for b in real_days("2008-06-01", "2008-10-31") if b.symbol == "IBM"]
    split, halves = account(module), account(module)
    for b in days:
        split.step(b)
        halves.step(msgspec.structs.replace(b, open=b.open / 2, high=b.high / 2, low=b.low / 2, close=b.close / 2))
    split.step(Split(ts=days[-1].ts + 1, symbol=Symbol("IBM"), ratio=2.0, action_id="x"))
    one, two = (
        msgspec.to_builtins(a.states[a.strategies[0].name].tracks["IBM"]) | {"idea": None} for a in (split, halves)
    )
    assert one == two


@pytest.mark.parametrize(
    ("module", "spread"), [(trend, 0.0), (trend, 1.0), (reversion, 0.0), (reversion, 1.0), (breakout, 0.0)]
)
def test_a_symbol_that_never_moves_is_left_alone(module: ModuleType, spread: float) -> None:
    """Its RSI is 0, which is no dip; halted outright, or pinned to one close by an offer."""
    flat = account(module)
    start = midnight("2008-01-01")
    days = [date_of(start + n * DAY_NS) for n in range(80)]
    flat.run(events([daily("IBM", day, 10.0, 10.0 + spread, 10.0 - spread, 10.0) for day in days]))
    assert flat.said == []


@each
def test_only_the_chosen_symbols_are_looked_at(module: ModuleType) -> None:
    """W1: each strategy has its own parameters."""
    chosen = Account([load("one", module, {"symbols": ["IBM", "GOOG"]})])
    chosen.run(events(real_days("2008-01-01", "2008-12-31")))
    assert {s.symbol for _, _, s in chosen.said} == {"IBM", "GOOG"}


numbers = st.floats() | st.floats(0.5, 200.0)
rubbish = st.lists(
    st.builds(
        Bar, ts=st.integers(0, 60 * DAY_NS), symbol=st.sampled_from([Symbol("A"), Symbol("B")]),
        span_s=st.sampled_from([86_400, 1_800, 7]), open=numbers, high=numbers, low=numbers, close=numbers,
        history=st.booleans(),
    )
    | st.builds(Split, ts=st.integers(), symbol=st.just(Symbol("A")), ratio=st.floats(), action_id=st.just("x")),
    max_size=60,
)  # fmt: skip


@each
@given(stream=rubbish, qty=st.sampled_from([0.0, 1.0, -1.0, math.nan]))
def test_garbage_never_raises_and_never_poisons(module: ModuleType, stream: list[Bar | Split], qty: float) -> None:
    """W1, B7: `decide` raises nothing, and its state still goes through a snapshot."""
    strategy, look = load("s", module, {}), Look()
    look.held, look.in_window = {Symbol("A"): qty}, True
    state = strategy.initial()
    for event in stream:
        look.ts = event.ts
        state, _ = strategy.decide(state, look, event)
    assert strategy.restore(strategy.dump(state)) == state


steps = st.lists(st.tuples(st.floats(0.9, 1.11), st.floats(0.0, 0.05), st.floats(0.95, 1.05)), min_size=25, max_size=60)


@each
@given(walk=steps)
def test_signals_hold_their_promises_on_any_walk(module: ModuleType, walk: list[tuple[float, float, float]]) -> None:
    """Confidence 0.5..0.95, on half-hour bars only, BUY only in the window and while flat, SELL only while long."""
    strategy, look = load("s", module, {}), Look()
    state, price, said = strategy.initial(), 100.0, set()
    for n, (ratio, spread, overnight) in enumerate(walk):
        close = price * ratio
        day = daily(
            "A", date_of(n * DAY_NS), price, max(price, close) * (1 + spread), min(price, close) * (1 - spread), close
        )
        state, signals = strategy.decide(state, look, day)
        assert signals == ()
        now = close * overnight
        later = Bar(
            ts=day.ts + DAY_NS - CLOSE_NS // 4, symbol=day.symbol, span_s=1_800, open=now, high=now, low=now, close=now
        )
        look.ts, look.in_window = later.ts, n % 3 != 0
        held = look.qty(day.symbol)
        state, signals = strategy.decide(state, look, later)
        for s in signals:
            assert 0.5 <= s.confidence <= 0.95
            assert (s.symbol, s.action, s.key) not in said
            said.add((s.symbol, s.action, s.key))
            assert (held == 0.0 and look.in_window) if s.action is Action.BUY else held > 0.0
            look.held[s.symbol] = 5.0 if s.action is Action.BUY else 0.0
        price = close


@each
def test_settings_out_of_range_are_refused(module: ModuleType) -> None:
    """W1: the message names the field."""
    bad: dict[str, list[tuple[dict[str, object], str]]] = {
        "trend": [({"fast": 20, "slow": 20}, "`fast`"), ({"breakout": 1}, "`breakout`"), ({"atr": 0}, "`atr`"),
                  ({"giveback_atr": -1.0}, "`giveback_atr`"), ({"speed": 1}, "`speed`")],
        "breakout": [({"atr": 0}, "`atr`"), ({"range_s": 59}, "`range_s`"), ({"until_s": 3599}, "`until_s`"),
                     ({"narrow_atr": math.nan}, "`narrow_atr`"), ({"hours": 2}, "`hours`")],
        "reversion": [({"rsi": 1}, "`rsi`"), ({"oversold": 80.0}, "`oversold`"), ({"width": 0.0}, "`width`"),
                      ({"panic_atr": math.inf}, "`panic_atr`"), ({"overbought": 1}, "`overbought`")],
    }  # fmt: skip
    for mapping, field in bad[module.__name__.rpartition(".")[2]]:
        with pytest.raises(SettingsError, match=f"strategy s: .*{field}"):
            load("s", module, mapping)
