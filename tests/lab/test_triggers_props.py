"""The law of declared triggers: whatever a strategy declares rightly, sparse and dense runs come to the same, for any quotes."""

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.lab.columns import BUYER, Asked, Random, ran, state_of
from tests.lab.levels import Settings, levels
from tests.lab.test_leap_props import config_of
from tradingd.core.facts import Filled
from tradingd.core.types import NS
from tradingd.lab.watched import Watch

LEVELS = st.builds(
    Settings,
    seed=st.integers(0, 2**32),
    width=st.sampled_from([2e-4, 1e-3, 5e-3, 0.05]),
    symbols=st.sampled_from([(), (), ("IBM",), ("AAPL", "MSFT"), ("NONE",)]),
    every=st.sampled_from([0, 0, NS, 600 * NS]),
    gain=st.sampled_from([None, -0.001, 0.0, 0.002]),
    inside=st.sampled_from([None, None, True, False]),
)


MARKETS = st.builds(
    Asked,
    seed=st.integers(0, 2**32),
    rows=st.integers(300, 2_500),
    wobble=st.sampled_from([2e-5, 2e-4, 1e-3]),
    drift=st.sampled_from([0.0, 0.0, -2e-5, 2e-5]),
    gap=st.sampled_from([10_000_000, NS, 10 * NS]),
    odd=st.sampled_from([0, 2, 20]),
    ideas=st.booleans(),
    split=st.booleans(),
    orders=st.integers(0, 6),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=MARKETS, strategies=st.lists(LEVELS, min_size=1, max_size=3), timer=st.sampled_from([60.0, 300.0, 7200.0]),
    latency=st.sampled_from([0, 2_000_000]),
)  # fmt: skip
def test_what_a_strategy_declares_is_passed_over_and_cannot_matter(
    asked: Asked, strategies: list[Settings], timer: float, latency: int
) -> None:
    """T1, W1: not one fact, mark or state of a strategy differs, the journal's bytes do not, and the watch finds nothing."""
    loaded = tuple(levels(each, name=f"levels{n}") for n, each in enumerate(strategies))
    if asked.ideas:
        loaded = (*loaded, BUYER)
    config, watch = config_of(timer, 0.03, 300.0), Watch()
    dense, sparse, watched = (
        ran(config, Random(asked), sparse=each, asked=asked, latency=latency, strategies=which)
        for each, which in ((False, loaded), (True, loaded), (False, watch.over(loaded)))
    )
    event(f"{10 * sparse.shown // dense.shown * 10} % shown")
    assert sparse.facts == dense.facts
    assert state_of(sparse) == state_of(dense) == state_of(watched)
    assert watch.notes() == []


def test_the_law_is_tried_where_strategies_move() -> None:
    """Lines, a clock, a gain and the window's end move them, they trade, and much of what they do not ask for is passed over."""
    asked = Asked(seed=3, rows=2_500, wobble=2e-4, gap=10 * NS, odd=2)
    told: list[tuple[int, int, int, int]] = []
    for what in (
        Settings(width=0.003), Settings(width=0.5, every=600 * NS), Settings(width=0.003, gain=-0.01), Settings(inside=False),
    ):  # fmt: skip
        dense, sparse = (
            ran(config_of(7200.0, 0.03, 7200.0), Random(asked), sparse=each, asked=asked, strategies=(levels(what),))
            for each in (False, True)
        )
        assert sparse.facts == dense.facts
        assert state_of(sparse) == state_of(dense)
        state = sparse.book.strategy_states["levels"]
        fills = len([fact for fact in sparse.facts if isinstance(fact, Filled)])
        told.append((state.moves, len(state.sold), fills, sparse.shown))
    lines, clock, gain, outside = told
    assert min(moves for moves, *_ in told) >= 10
    assert (gain[1] > 0, gain[0] > lines[0]) == (True, True)
    assert min(fills for _, _, fills, _ in told[:3]) >= 10
    assert max(shown for *_, shown in told) < 800
    assert clock[0] > 20 > outside[2] == 0
