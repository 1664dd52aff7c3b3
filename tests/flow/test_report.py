"""The report of a real run: its figures are the house's, and its page is looked at in a real browser. T2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.flow.test_page_browser import ARGS, CHROMIUM, shoot
from tests.lab.results.demo import Played, play
from tests.lab.results.test_page import EVIL, folder_of
from tradingd.core.facts import DayClosed, DayMeasured, Filled, SplitApplied
from tradingd.core.views.performance import max_drawdown
from tradingd.lab.results import figures
from tradingd.lab.results.page import PAGE, make
from tradingd.lab.results.result import read
from tradingd.lab.results.rows import Action, Day, Trade, rows

pytestmark = pytest.mark.slow
PANELS = (
    "figures", "Equity", "Drawdown", "Returns by month", "Exposure", "candles", "groups", "Trades", "Decisions", "The run",
)  # fmt: skip
browser_only = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (apt install chromium)"),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Weeks of the demo with micro-trades, rebalancing, dividends and a split of AAPL."""
    return play(tmp_path_factory.mktemp("demo"), "2005-02-01", "2005-03-18")


def test_the_figures_are_those_of_the_house(played: Played) -> None:
    """T1, T2, E14: trades, rates, factors, drawdown, fees and every close, by the facts that the daemon journals."""
    m, house, booked = read(played.directory).metrics, played.measures, played.book.booked
    assert m is not None
    t = m.trades
    assert (t.trades, t.wins, t.losses, t.win_rate) == (house.trades, house.wins, house.losses, house.win_rate)
    assert (t.average_win, t.average_loss, t.profit_factor) == (
        house.average_win,
        house.average_loss,
        house.profit_factor,
    )
    assert (m.micro.trades, m.micro.wins, float(m.micro.realised)) == (
        house.micro_trades,
        house.micro_wins,
        house.micro_pnl,
    )
    assert t.trades > 5
    assert m.micro.trades > 5
    assert (
        sum((g.trades for g in m.by_strategy.values()), 0) == sum((g.trades for g in m.by_exit.values()), 0) == t.trades
    )
    assert (m.fees, m.fills) == (booked.fees, len([f for f in played.facts if isinstance(f, Filled)]))
    curve = list(rows(played.directory, figures.DAYS, Day))
    closes = [f for f in played.facts if isinstance(f, DayClosed)]
    measured = [f for f in played.facts if isinstance(f, DayMeasured)]
    assert [d.date for d in curve] == [c.date for c in closes]
    assert [d.equity for d in curve] == pytest.approx(
        [float(c.equity) for c in closes], abs=0.0051
    )  # the facts are in cents
    assert [d.daily_return for d in curve] == [f.daily_return for f in measured]
    assert m.total_return == pytest.approx(measured[-1].cumulative_return)
    assert m.max_drawdown.share == pytest.approx(max_drawdown([100_000.0, *[d.equity for d in curve]]))
    assert m.max_drawdown.share == pytest.approx(max(c.drawdown for c in closes), abs=1e-6)  # of closes in cents
    assert read(played.directory).counts == booked.counts
    assert m.exposure is not None
    assert 0 < m.exposure < 1
    trades = list(rows(played.directory, figures.TRADES, Trade))
    assert {trade.strategy for trade in trades} <= {"strategy:breakout", "strategy:trend", "strategy:reversion"}
    splits = [a for a in rows(played.directory, figures.ACTIONS, Action) if a.kind == "split"]
    assert len(splits) == len([f for f in played.facts if isinstance(f, SplitApplied)])
    assert [(s.symbol, s.amount) for s in splits] == [("AAPL", 2)]


@asynccontextmanager
async def opened() -> AsyncIterator[Browser]:
    async with async_playwright() as p:
        found = await p.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=ARGS)
        try:
            yield found
        finally:
            await found.close()


async def visit(
    found: Browser, path: Path, width: int, *, dark: bool = False, script: bool = True
) -> tuple[Page, list[str]]:
    """The page as a file; whatever the console says, and every request but the one for the page itself."""
    context = await found.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", java_script_enabled=script
    )
    tab = await context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: said.append(dialog.message))
    tab.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    await tab.goto(path.as_uri())
    return tab, said


async def fits(tab: Page) -> None:
    """Nothing sticks out, opened or closed."""
    await tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide, screen = await tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= screen


class TestBrowser:
    pytestmark = browser_only

    async def test_the_page_shows_the_run(self, played: Played, tmp_path: Path) -> None:
        """T2: charts that are drawn, values under the pointer, tables; a silent console, no request, nothing sticks out."""
        page = played.directory / PAGE
        async with opened() as found:
            for width, dark in ((1280, False), (390, True)):
                tab, said = await visit(found, page, width, dark=dark)
                await shoot(tab, tmp_path, f"report-{width}.png")
                assert await tab.locator("figure.chart").count() >= 5
                for line in await tab.locator("path.line").all():
                    box = await line.bounding_box()
                    assert box is not None
                    assert box["width"] > 150
                tip = tab.locator("figure.chart .tip").first
                last = await tip.inner_text()
                await tab.locator("figure.chart .plot").first.hover()
                assert await tip.inner_text() != last
                assert "equity" in await tip.inner_text()
                await tab.locator("h1").hover()
                assert await tip.inner_text() == last
                signs = tab.locator("[data-panel=candles] details[open] .mark")
                assert await signs.count() > 3
                await fits(tab)
                assert said == []

    async def test_without_scripts_and_on_paper_nothing_is_lost(self, played: Played, tmp_path: Path) -> None:
        """T2: tables and charts are there; it can be printed."""
        async with opened() as found:
            tab, said = await visit(found, played.directory / PAGE, 1280, script=False)
            assert await tab.locator(".broken").count() == 0
            for panel in PANELS:
                assert await tab.locator(f"[data-panel='{panel}']").is_visible(), panel
            assert await tab.locator("[data-panel=Trades] tbody tr").count() >= 20
            paper = await tab.pdf(path=tmp_path / "report.pdf", format="A4")
            assert len(paper) > 20_000
            assert said == []

    async def test_evil_text_stays_text(self, tmp_path: Path) -> None:
        """T2: no dialog, no request, no element of it; a partial run stands in red on top."""
        directory = folder_of(tmp_path / "r", 60, EVIL)
        make(directory, directory / PAGE)
        async with opened() as found:
            for width in (1280, 390):
                tab, said = await visit(found, directory / PAGE, width)
                banner = tab.locator(".broken")
                assert EVIL in await banner.inner_text()
                box = await banner.bounding_box()
                assert box is not None
                assert box["y"] < 60
                assert await tab.locator("img").count() == 0
                await fits(tab)
                assert said == []
