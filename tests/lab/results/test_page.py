"""The page without a browser: what it says, what it may load, that data stays data, and that it does not grow without end."""

from __future__ import annotations

import re
from base64 import b64encode
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.world import World
from tests.lab.results.stories import about, sheet_of
from tests.lab.results.test_sheet import traded
from tradingd.core.types import Money, Price, Qty, Symbol
from tradingd.lab.results import figures
from tradingd.lab.results.page import PAGE, candles, curves, make, render, tables
from tradingd.lab.results.page.html import Html, lasted, money, price, ratio, share, tag, text
from tradingd.lab.results.page.svg import across, scale, thin
from tradingd.lab.results.result import read, write
from tradingd.lab.results.rows import Action, Candle, Day, Decision, Execution, Row, Table, Trade
from tradingd.lab.results.sheet import Sheet

D = Decimal
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
DAY = 86_400 * 10**9


class Seen(HTMLParser):
    """Every element and attribute, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def fill(directory: Path, name: str, rows: list[Row]) -> None:
    (directory / name).unlink(missing_ok=True)
    table = Table(directory, name, type(rows[0]))
    for row in rows:
        table.add(row)
    table.close()


def utc(i: int) -> str:
    return f"{2008 + i // 360:04d}-{i % 360 // 30 + 1:02d}-{i % 30 + 1:02d} 20:00:00Z"


def a_day(i: int) -> Day:
    nil = Money(D(0))
    return Day(
        ts=i * DAY, utc=utc(i), date=utc(i)[:10], equity=100_000.0 + i % 97, cash=nil, reserve=Money(D(i)),
        capital=Money(D(100_000)), gross=10.0, net=-10.0, span_s=1.0, held_s=1.0,
        daily_return=0.001 if i % 2 else -0.001, drawdown=0.001,
    )  # fmt: skip


def a_trade(i: int, word: str) -> Trade:
    return Trade(
        ts=i * DAY, utc=utc(i), symbol=Symbol(word), side="long", opened=utc(i), qty=Qty(D(1)), entry=10.0, exit=11.0,
        entry_fees=Money(D(0)), exit_fees=Money(D(1)), realised=Money(D(i % 7 - 3)), gain=0.1, hold_s=60.0, sessions=0,
        strategy=word, cause=word, reason=word, order_id=f"{i}",
    )  # fmt: skip


def a_fill(i: int, word: str) -> Execution:
    return Execution(
        ts=i * DAY, utc=utc(i), symbol=Symbol(word), side="buy" if i % 2 else "sell", qty=Qty(D(1)), price=Price(D(10)),
        value=Money(D(10)), fee=Money(D(1)), realised=Money(D(0)), leg="entry", order_id=f"{word}{i}", exec_id=f"{i}",
    )  # fmt: skip


def a_candle(i: int, word: str) -> Candle:
    return Candle(ts=i * DAY, utc=utc(i), symbol=Symbol(word), open=10.0, high=12.0, low=9.0, close=10.0 + i % 3 - 1)


def a_decision(i: int, word: str) -> Decision:
    verdict, reasons = ("act", "") if i % 2 else ("skip", "heat earnings")
    return Decision(
        ts=i * DAY, utc=utc(i), id=f"d{i}", kind="entry", symbol=Symbol(word), action="buy", source=word, confidence=0.5,
        verdict=verdict, reasons=reasons, thesis=word,
    )  # fmt: skip


def folder_of(directory: Path, days: int, word: str = "ACME") -> Path:
    """A result of so many days, each with a trade, in which every text is `word`."""
    with Sheet(directory, about(data=word, strategies=(word,), config_hash=word, build=word, currency=word)) as sheet:
        sheet.finish("partial", why=word, notes=[word], head=word, page=False)
    fill(directory, figures.DAYS, [a_day(i) for i in range(days)])
    fill(directory, figures.TRADES, [a_trade(i, word) for i in range(days)])
    fill(directory, figures.FILLS, [a_fill(i, word) for i in range(days)])
    fill(directory, figures.BARS, [a_candle(i, word) for i in range(days)])
    fill(directory, figures.DECISIONS, [a_decision(i, word) for i in range(days)])
    fill(directory, figures.ACTIONS, [Action(ts=5 * DAY, utc=utc(5), kind=word, symbol=word, amount=Money(D(1)))])
    write(directory, msgspec.structs.replace(read(directory), metrics=None, counts={word: 1}))
    return directory


def test_text_from_data_is_never_markup(tmp_path: Path) -> None:
    """T2: a symbol, a thesis, a strategy, a note or a reason that is HTML shows as what it is; nothing of it becomes an element."""
    tame = Seen(render(folder_of(tmp_path / "tame", 40)))
    page = render(folder_of(tmp_path / "evil", 40, EVIL))
    seen = Seen(page)
    assert seen.elements == tame.elements
    assert seen.elements.count("script") == 1
    assert "img" not in seen.elements
    assert {name for name, _ in seen.attributes} == {name for name, _ in tame.attributes}
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in {"src", "style"}]
    shown = "".join(seen.words)
    assert shown.count(EVIL) > 20
    assert [points for name, points in seen.attributes if name == "data-points" and points]


def test_the_page_needs_nothing_and_may_load_nothing(tmp_path: Path) -> None:
    """T2: one file; its policy names the hash of its one style and its one script, and no address stands in it."""
    page = render(folder_of(tmp_path / "r", 40))
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    for kind in ("style", "script"):
        [source] = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert f"{kind}-src 'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy
    assert not re.findall(r"https?://|//[a-z]|url\(|@import", page)
    assert {value for name, value in Seen(page).attributes if name == "href"} <= {"#buy", "#sell"}


def test_what_is_drawn_is_well_formed(tmp_path: Path) -> None:
    """T2: every drawing is XML, and no place in it is no number."""
    page = render(folder_of(tmp_path / "r", 400))
    drawings = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(drawings) >= 6
    for drawing in drawings:
        ET.fromstring(drawing.replace("&nbsp;", " "))
        assert not re.findall(r'"[^"]*\b(?:nan|inf)\b[^"]*"', drawing)


def test_a_partial_run_is_said_so_on_top_in_red(tmp_path: Path) -> None:
    """T2: with its reason, before everything else; a run that was killed as well, with the figures of its rows."""
    with sheet_of(tmp_path / "r", traded()) as sheet:
        sheet.finish("partial", why="line 7 of the data")
    directory = tmp_path / "r"
    page = (directory / PAGE).read_text()
    banner = page.index('class="broken"')
    assert "line 7 of the data" in page[banner : banner + 200]
    assert banner < page.index("<h1>")
    write(directory, msgspec.structs.replace(read(directory), state="running", why="", metrics=None))
    killed = render(directory)
    assert "it was killed, or is still running" in killed
    assert re.search(r"<h2>fees</h2><p class=\"big\">4\.00</p>", killed)
    write(directory, msgspec.structs.replace(read(directory), state="complete"))
    assert 'class="broken"' not in render(directory)


def test_a_thesis_and_every_reason_are_told(tmp_path: Path) -> None:
    """T2, E11: why it was entered, why it was refused, in words and how often."""
    world = traded()
    world.recommend(Symbol("BOLT"), confidence=0.1)
    with sheet_of(tmp_path / "r", world) as sheet:
        sheet.finish("complete")
    words = "".join(Seen((tmp_path / "r" / PAGE).read_text()).words)
    assert "<script>alert(1)</script>" in words
    assert "the confidence is below the tier's bar" in words


def test_it_is_bounded_and_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T2: points, candles, signs, trades and decisions have a most; the page says where the rest is."""
    for room, name, most in (
        (tables, "LISTED", 20), (tables, "LATEST", 15), (candles, "CHARTS", 2), (candles, "MARKS", 10), (candles, "SYMBOLS", 1),
    ):  # fmt: skip
        monkeypatch.setattr(room, name, most)
    directory = folder_of(tmp_path / "r", 2_000)
    more = [a_fill(i, "OTHER") for i in range(3)]
    fill(directory, figures.FILLS, [*[a_fill(i, "ACME") for i in range(2_000)], *more])
    page = render(directory)
    assert page.count("<figure") == 4 + 2
    assert page.count('class="mark ') == 20
    assert "(the first 10 signs; 350 more fills are not drawn)" in page
    assert "All 2,000 in the order they closed, the first 20 of 2,000" in page
    assert "The last 15 of 2,000; decisions.csv has them all" in page
    assert "1 more symbols were traded" in page
    for points in re.findall(r'data-points="([^"]*)"', page):
        assert points.count("&quot;") <= 2 * 800


def test_prices_before_a_split_are_shown_as_after_it(tmp_path: Path) -> None:
    """T2: the candles and the signs of one chart are of one kind of share."""
    directory = folder_of(tmp_path / "r", 20)
    split = Action(ts=10 * DAY - 1, utc=utc(9), kind="split", symbol="ACME", amount=Money(D(2)))
    fill(directory, figures.ACTIONS, [split])
    drawn = candles.candles(directory)
    assert "2008-01-10   open 5.0000   high 6.0000   low 4.5000" in drawn
    assert "2008-01-11   open 10.00   high 12.00   low 9.0000" in drawn
    assert "buy 2 at 5.0000" in drawn
    assert "buy 1 at 10.00" in drawn
    assert curves.all_of_them([], "USD").count("<figure") == 0


def test_the_page_is_replaced_as_one(tmp_path: Path) -> None:
    """T2: no half page, no rest of it; a folder in its place is refused."""
    directory = folder_of(tmp_path / "r", 5)
    out = tmp_path / "out.html"
    out.write_text("old")
    make(directory, out)
    assert out.read_text().startswith("<!doctype html>")
    assert not list(tmp_path.glob("*.new"))
    with pytest.raises(IsADirectoryError):
        make(directory, tmp_path)


def test_an_account_that_did_nothing_has_words(tmp_path: Path) -> None:
    with sheet_of(tmp_path / "r", World()) as sheet:
        sheet.finish("complete")
    words = "".join(Seen((tmp_path / "r" / PAGE).read_text()).words)
    for said in ("Nothing was traded.", "Nothing was closed.", "Nothing was decided."):
        assert said in words


# the parts --------------------------------------------------------------------------------------------------------------

numbers = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300)


@given(numbers, st.integers(4, 60))
def test_a_thinned_line_keeps_its_ends_and_its_extremes(values, most):
    """T2: the deepest point of a drawdown is drawn however long the run."""
    kept = thin(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= most
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    assert {min(values), max(values)} <= {values[i] for i in kept}


@given(numbers, st.booleans())
def test_a_scale_holds_every_value(values, zero):
    """T2: nothing is drawn outside, lower values lie lower, the lines are few and within."""
    scaled = scale(values, 200, zero=zero)
    assert all(scaled.low <= value <= scaled.high for value in values)
    assert all(12 <= scaled.y(value) <= 212 for value in values)
    assert 2 <= len(scaled.ticks) <= 8
    assert scaled.y(scaled.high) < scaled.y(scaled.low)
    if zero:
        assert scaled.low <= 0 <= scaled.high


@given(st.text())
def test_any_text_comes_back_from_the_page_as_it_was(words):
    seen = Seen(tag("p", words, title=words))
    expected = "".join(c if c.isprintable() else " " for c in words)
    assert "".join(seen.words) == expected
    assert seen.attributes == ([("title", expected)] if words else [])
    assert text(Html("<b>")) == "<b>"


def test_numbers_are_read_as_they_are_meant():
    """T2: a real minus, none before nothing; small prices keep their digits; what is not known is a dash."""
    assert (money(D("-1234.5")), money(-0.004), money(None)) == ("\u22121,234.50", "0.00", "\u2013")
    assert (share(-0.00001), share(-0.0123), ratio(-2.0)) == ("0.00\u00a0%", "\u22121.23\u00a0%", "\u22122.00")
    assert (price(1234.5), price(9.5), price(0)) == ("1,234.50", "9.5000", "0.00")
    assert [lasted(s) for s in (None, 90.0, 5_400.0, 864_000.0)] == ["\u2013", "2 min", "1.5 h", "10.0 d"]


@given(st.integers(1, 5_000), st.data())
def test_places_lie_within_the_plot_in_order(n, data):
    i = data.draw(st.integers(0, n - 1))
    assert 0 < across(i, n) < 100
    assert i == 0 or across(i - 1, n) < across(i, n)
