"""The page in a real browser."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.fakes.desk import FakeDesk, empty_page, page, told
from tradingd.core.views.page import HoldView
from tradingd.core.views.rebalance import RebalanceView
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import Served, serve
from tradingd.shell.web.settings import WebSettings

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("TRADINGD_SHOTS")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (apt install chromium)"),
]
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[FakeDesk, Served, Browser]]:
    env, desk = RealEnv(failpoint=""), FakeDesk()
    served = await serve(env, desk, WebSettings(port=0), socket_path=None)
    async with async_playwright() as p:
        browser = await p.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=ARGS)
        try:
            yield desk, served, browser
        finally:
            await browser.close()
            await served.aclose()
            await env.aclose()


async def visit(browser: Browser, url: str, *, width: int = 1280, dark: bool = False) -> tuple[Page, list[str]]:
    tab = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    errors: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    await tab.goto(url)
    return tab, errors


async def shoot(tab: Page, tmp_path: Path, name: str) -> None:
    path = (Path(SHOTS) if SHOTS else tmp_path) / name
    await tab.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000


async def test_the_page_shows_and_follows_the_house(tmp_path: Path) -> None:
    """H2: positions, decisions with their whole reasoning, live by server-sent events, a console free of errors."""
    async with opened() as (desk, served, browser):
        tab, errors = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']")
        assert await tab.inner_text("#mode") == "DEMO"
        assert "token" not in tab.url
        assert await tab.locator("[data-panel=positions] [data-symbol]").count() == 4
        assert "none at venue" in await tab.inner_text("[data-symbol=NVDA]")
        await shoot(tab, tmp_path, "wide.png")
        await desk.show(page(2, drift=11.0))
        await tab.wait_for_selector("body[data-seq='2']")
        assert "101,261.40" in await tab.inner_text("[data-panel='money usd']")
        await tab.click("[data-decision=d10]")
        await tab.wait_for_selector("dialog[open]")
        text = await tab.inner_text("dialog")
        assert "0.064" in text
        assert "not reached" in text
        assert "<b>Breakout</b>" in text  # a thesis is text, never markup
        await shoot(tab, tmp_path, "why.png")
        assert errors == []


async def test_it_fits_a_phone_and_the_dark(tmp_path: Path) -> None:
    """H2: nothing sticks out at 390 px; what a halt looks like."""
    async with opened() as (desk, served, browser):
        hold = HoldView(
            key="operator", verb="halt", state="halted", actor="uid:1000(ann)", reason="feed looks wrong", ts=desk.now()
        )
        await desk.show(page(3, mode="live", holds=(hold,), state="halted"))
        tab, errors = await visit(browser, served.page_url, width=390, dark=True)
        await tab.wait_for_selector("body[data-seq='3']")
        assert await tab.inner_text("#mode") == "LIVE"
        assert "feed looks wrong" in await tab.inner_text("[data-panel='trading demo']")
        box = await tab.locator("html").evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert box[0] <= box[1]
        await shoot(tab, tmp_path, "phone.png")
        assert errors == []


async def test_without_a_token_there_are_words_and_no_numbers() -> None:
    """H5: the shell of the page is open, what it would show is not."""
    async with opened() as (_desk, served, browser):
        for url in (served.url + "/", served.url + "/#token=" + "0" * 64):
            tab, _ = await visit(browser, url)
            await tab.wait_for_selector("#message:not([hidden])")
            assert "tradingd ui" in await tab.inner_text("#message")
            text = await tab.inner_text("body")
            assert "AAPL" not in text
            assert "101,250" not in text


async def test_empty_panels_say_what_they_wait_for() -> None:
    """H2: an empty page is explained."""
    async with opened() as (desk, served, browser):
        await desk.show(empty_page())
        tab, errors = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']")
        assert "The next trading window opens in 1 h 59 min" in await tab.inner_text("[data-panel=positions]")
        assert "The next trading window opens in 1 h 59 min" in await tab.inner_text("[data-panel='open lots']")
        assert "Nothing was closed yet." in await tab.inner_text("[data-panel='realised lots']")
        assert "no week was looked at yet" in await tab.inner_text("[data-panel=rebalance]")
        assert "No channel is configured: nobody is told" in await tab.inner_text("[data-panel=notices]")
        assert errors == []


async def test_a_page_that_nobody_got_stands_out() -> None:
    """E16, H2: which notices wait, went, or did not; the one that must be known is said in words and in red, and goes away."""
    async with opened() as (desk, served, browser):
        tab, errors = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']")
        said = await tab.inner_text("#undelivered")
        assert said.startswith("A page was not delivered: position drift 2026-11-18 15:59 UTC (sms: failed)")
        rows = tab.locator("[data-panel=notices] tbody tr")
        found = [(await rows.nth(i).locator("td").all_inner_texts())[1:] for i in range(await rows.count())]
        assert found[:3] == [
            ["page", "disk low", "mail", "waiting", "8120"], ["page", "position drift", "sms", "failed", "8101"],
            ["page", "position drift", "mail", "dropped", "8101"],
        ]  # fmt: skip
        assert "failing" in await tab.inner_text("[data-panel=notices] dl")
        assert await tab.locator("[data-panel=notices] td .tag.bad", has_text="dropped").count() == 1
        assert await tab.locator("[data-panel=notices] td .tag.bad", has_text="rate limited").count() == 0
        fine = msgspec.structs.replace(told(desk.now()), unheard=())
        await desk.show(msgspec.structs.replace(page(2), notices=fine))
        await tab.wait_for_selector("body[data-seq='2']")
        assert not await tab.is_visible("#undelivered")
        assert errors == []


async def test_lots_and_rebalances_are_shown_with_their_reasons(tmp_path: Path) -> None:
    """E8, E13: what is held since when at what cost, what was closed, what a week sold and why, and when the next is due."""
    async with opened() as (desk, served, browser):
        tab, errors = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']")
        cells = await tab.locator("[data-lot=x-MSFT] td").all_inner_texts()
        assert cells == [
            "MSFT",
            "2026-11-18",
            "long",
            "5",
            "2,091.00",
            "20.50",
            "\u221212.25",
            "short",
            "x-MSFT",
        ]
        assert "43 more open: tradingd lots" in await tab.inner_text("[data-panel='open lots']")
        cells = await tab.locator("[data-part=x-old] td").all_inner_texts()
        assert cells[5:] == ["2,191.00", "2,070.50", "\u2212120.50", "20.50", "long"]
        text = await tab.inner_text("[data-panel='realised lots']")
        assert "4 lots opened, 1 part closed, 1 wash sale among them" in text
        assert "2026 \u2212100.00 counts: realised \u2212120.50, of its losses 20.50 disallowed" in text
        text = await tab.inner_text("[data-panel=rebalance]")
        assert "8 MSFT sold: position 8.49% of the active pool, at most 8.00% d7" in text
        assert "order rate AAPL not sold: sector technology 31.00%" in text
        assert "2026-W46 nothing above its limits" in text
        assert "2026-11-22 16:00 UTC, in 4 days" in text
        off = msgspec.structs.replace(
            page(2).accounts[0], rebalance=RebalanceView(enabled=False, next_due=None, weeks=())
        )
        await desk.show(msgspec.structs.replace(page(2), accounts=(off,)))
        await tab.wait_for_selector("body[data-seq='2']")
        assert "switched off" in await tab.inner_text("[data-panel=rebalance]")
        assert errors == []


async def test_what_was_scrolled_may_become_empty() -> None:
    """H2: a table that is scrolled aside and then has no rows any more; the page goes on."""
    async with opened() as (desk, served, browser):
        tab, errors = await visit(browser, served.page_url, width=700)
        await tab.wait_for_selector("body[data-seq='1']")
        scrolled = await tab.locator("[data-panel='realised lots'] .scroll").evaluate(
            "e => (e.scrollLeft = 40, e.scrollLeft)"
        )
        assert scrolled > 0
        await desk.show(msgspec.structs.replace(empty_page(), seq=2))
        await tab.wait_for_selector("body[data-seq='2']")
        assert "Nothing was closed yet." in await tab.inner_text("[data-panel='realised lots']")
        assert errors == []


async def test_a_dead_house_is_grey() -> None:
    """H2: a snapshot of a dead process is never shown as live."""
    async with opened() as (_desk, served, browser):
        tab, _ = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']:not(.stale)")
        await served.aclose()
        await tab.wait_for_selector("body.stale")
        assert "disconnected" in await tab.inner_text("#age")


async def test_thousands_of_updates_leave_nothing_behind() -> None:
    """I5, H2: the number of elements stays, and the last state is the one shown."""
    async with opened() as (desk, served, browser):
        tab, errors = await visit(browser, served.page_url)
        await tab.wait_for_selector("body[data-seq='1']")
        before = await tab.locator("*").count()
        for seq in range(2, 2002):
            await desk.show(page(seq, drift=seq / 100))
            if seq % 20 == 0:
                await asyncio.sleep(0.01)
        await tab.wait_for_selector("body[data-seq='2001']")
        assert await tab.locator("*").count() == before
        assert errors == []
