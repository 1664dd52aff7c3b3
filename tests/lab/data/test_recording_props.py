"""Laws of recordings: order is the order of arrival, and where one tape ends and the next begins makes no difference. T1, J5."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.data.heard import DAY, OPEN, bar, began, learned, quote, split, taken
from tradingd.core.inputs import Input
from tradingd.core.types import NS
from tradingd.lab.data.recording import APART_NS, Recording

HOUR = 3_600 * NS
ages = st.one_of(st.just(0), st.integers(-2 * APART_NS, 2 * APART_NS), st.integers(-5, 5))


@st.composite
def hearings(draw: st.DrawFn) -> list[Input]:
    """A daemon's time goes on; a day told at a login is over, one told by itself is of that moment, as is a split."""
    heard: list[Input] = [began(), learned()]
    now = OPEN
    for n in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from([0, 1, NS, HOUR, DAY]))
        symbol = draw(st.sampled_from("AB"))
        match draw(st.sampled_from(["quote", "quote", "quote", "half", "day", "past", "split", "began"])):
            case "quote":
                age = draw(ages)
                heard.append(quote(now - age, 1.0 + n, symbol, recv=draw(st.sampled_from([0, now]))))
            case "half":
                heard.append(bar(now, 5.0 + n, 1800, symbol))
            case "day":
                heard.append(bar(now, 5.0 + n, symbol=symbol))
            case "past":
                heard.append(bar(now - draw(st.integers(1, 5)) * DAY, 5.0 + n, symbol=symbol, history=True))
            case "split":
                heard.append(split(now, draw(st.sampled_from([0.5, 2.0, 3.0])), f"s{n}", symbol))
            case _:
                heard.append(began(now))
    return heard


@given(hearings())
def test_quotes_keep_the_order_they_arrived_in(heard: list[Input]) -> None:
    """T2: rising times; none before the moment somebody noted, within an hour of the source's."""
    rows = taken(Recording(), heard)
    for symbol in "AB":
        mine = [each for each in heard if getattr(each, "bid", None) is not None and each.symbol == symbol]  # type: ignore[union-attr]
        kept = rows.get(("quotes", symbol), [])
        assert [row[1] for row in kept] == [each.bid for each in mine]  # type: ignore[union-attr]
        assert all(a[0] <= b[0] for a, b in pairwise(kept))
        for row, each in zip(kept, mine, strict=True):
            near = abs(each.recv_ts - each.ts) <= APART_NS  # type: ignore[union-attr]
            assert row[0] >= (each.recv_ts if near else each.ts)  # type: ignore[union-attr]


@given(hearings(), st.lists(st.integers(0, 27), max_size=3))
def test_where_tapes_end_makes_no_difference(heard: list[Input], cuts: list[int]) -> None:
    """J5: a file a day, a file an hour, one for all: the same rows, holes and rules."""
    whole, parts = Recording(), Recording()
    edges = [0, *sorted(cuts), len(heard)]
    tapes = [heard[begin:end] for begin, end in pairwise(edges)]
    assert taken(parts, *tapes) == taken(whole, heard)
    assert (parts.holes, parts.config, parts.instruments) == (whole.holes, whole.config, whole.instruments)
