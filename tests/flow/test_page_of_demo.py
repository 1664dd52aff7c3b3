"""The page as a newcomer sees it: a real browser, opened with the address that the demo prints first. H2."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.flow.child import HOLDING, Demo, demo
from tests.flow.test_page_browser import ARGS, CHROMIUM

SHOTS = os.environ.get("TRADINGD_SHOTS")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (apt install chromium)"),
]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as p:
        found = await p.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=ARGS)
        try:
            yield found
        finally:
            await found.close()


async def visit(found: Browser, url: str, width: int, *, dark: bool = False) -> tuple[Page, list[str]]:
    tab = await found.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    errors: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("requestfailed", lambda request: errors.append(f"failed: {request.url}"))
    await tab.goto(url)
    await tab.wait_for_selector("body[data-seq]:not(.stale)")
    return tab, errors


async def shoot(tab: Page, tmp_path: Path, name: str) -> None:
    path = (Path(SHOTS) if SHOTS else tmp_path) / name
    await tab.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000


async def _seq(tab: Page) -> int:
    return int(await tab.get_attribute("body", "data-seq") or 0)


async def test_the_page_lives_with_the_demo(tmp_path: Path) -> None:
    """H2, I4: it moves by itself, shows what the command line shows, and follows a halt; a console free of errors."""
    with demo(tmp_path / "demo", *HOLDING, "--speed", "3000") as house:
        async with browser() as found:
            tab, errors = await visit(found, house.url, 1280)
            before = await _seq(tab)
            await tab.wait_for_selector("[data-panel=positions] [data-symbol]", timeout=60_000)
            await tab.wait_for_selector("[data-decision]")
            await tab.wait_for_function("before => Number(document.body.dataset.seq) > before", arg=before)
            assert await tab.inner_text("#mode") == "DEMO"
            assert "token" not in tab.url
            symbol = house.json("positions")["demo"][0]["symbol"]
            await tab.wait_for_selector(f"[data-symbol={symbol}]")
            await shoot(tab, tmp_path, "demo-1280.png")
            await _no_wider_than_the_screen(tab)
            await tab.wait_for_selector("[data-decision] .tag.warn", timeout=60_000)
            refused = house.json("decisions", "--refused", "-n", "1")[0]
            await tab.wait_for_selector(f"[data-decision={refused['decision_id']}]")
            await tab.click(f"[data-decision={refused['decision_id']}] button")
            await tab.wait_for_selector("dialog[open]")
            assert await tab.locator("dialog tbody tr").count() == len(refused["checks"])
            assert await tab.locator("dialog .tag.warn").count() == len(
                refused["reasons"]
            )  # all of them, not the first only
            await _no_part_is_cut(tab, "dialog .scroll")
            await shoot(tab, tmp_path, "demo-why.png")
            await tab.click("dialog .close")
            assert house.cli("halt", "--reason", "seen on the page").returncode == 0
            await tab.wait_for_selector(".state.halted")
            assert "seen on the page" in await tab.inner_text("[data-panel='trading demo']")
            small, more = await visit(found, house.json("ui")["url"], 390, dark=True)
            await _no_wider_than_the_screen(small)
            await shoot(small, tmp_path, "demo-390.png")
            await small.locator("[data-decision] button").first.click()
            await small.wait_for_selector("dialog[open]")
            await _no_part_is_cut(small, "dialog")
            await shoot(small, tmp_path, "why-390.png")
            assert errors + more == []
            await _dies(house, tab)


async def _no_wider_than_the_screen(tab: Page) -> None:
    wide, shown = await tab.locator("html").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide <= shown


async def _no_part_is_cut(tab: Page, what: str) -> None:
    wide, shown = await tab.locator(what).first.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide <= shown


async def _dies(house: Demo, tab: Page) -> None:
    """A snapshot of a dead process is never shown as live."""
    house.process.kill()
    await tab.wait_for_selector("body.stale")
    assert re.match(r"disconnected, data \d+ s old", await tab.inner_text("#age"))


async def test_the_page_shows_what_a_week_sold_and_the_lots(tmp_path: Path) -> None:
    """E8, E13, H2: some weeks of 2008: the command line's lots, a rebalance that sold with its reason, wide and narrow."""
    with demo(
        tmp_path / "demo", "--from", "2008-02-20", "--to", "2008-12-31", "--port", "0", "--speed", "60000"
    ) as house:
        async with browser() as found:
            tab, errors = await visit(found, house.url, 1280)
            await tab.wait_for_selector("[data-panel=rebalance] [data-week] strong", timeout=60_000)
            text = await tab.inner_text("[data-panel=rebalance]")
            assert re.search(
                r"2008-W\d\d\s+\d+ [A-Z]+ sold: position 8\.\d\d% of the active pool, at most 8\.00%", text
            )
            assert "nothing above its limits" in text
            assert house.cli("halt", "--reason", "to compare").returncode == 0  # only a stop may still fire
            while (before := _lots(house)) != await _shown(tab) or before != _lots(house):
                await tab.wait_for_function("seq => Number(document.body.dataset.seq) > seq", arg=await _seq(tab))
            assert before[0]
            assert "nobody is told" in await tab.inner_text("[data-panel=notices]")
            await _no_wider_than_the_screen(tab)
            await shoot(tab, tmp_path, "lots-1280.png")
            small, more = await visit(found, house.json("ui")["url"], 390, dark=True)
            await small.wait_for_selector("[data-panel=rebalance] [data-week] strong")
            await _no_wider_than_the_screen(small)
            await shoot(small, tmp_path, "lots-390.png")
            assert errors + more == []
        assert house.end()[0] == 0


def _lots(house: Demo) -> tuple[list[str], list[str], str]:
    """Open lots, the latest closed ones, and the counts, by the command line."""
    (tax,) = house.json("lots")
    return (
        [lot["lot"] for lot in tax["lots"]],
        [part["lot"] for part in tax["closed"][:12]],
        f"{tax['parts']:,} parts closed",
    )


async def _shown(tab: Page) -> tuple[list[str], list[str], str]:
    """The same, read off the page at one moment."""
    found = await tab.evaluate("""() => [
        [...document.querySelectorAll("[data-lot]")].map((row) => row.dataset.lot),
        [...document.querySelectorAll("[data-part]")].map((row) => row.dataset.part),
        document.querySelector("[data-panel='realised lots']").textContent.match(/[0-9,]+ parts? closed/)?.[0] ?? ""]""")
    return found[0], found[1], found[2]


async def test_the_page_of_a_finished_replay_says_so(tmp_path: Path) -> None:
    """H2: nobody waits for a market that is over. (Without a terminal the demo ends; it is stopped at its last day here.)"""
    with demo(
        tmp_path / "demo", "--from", "2008-09-02", "--to", "2008-09-12", "--port", "0", "--speed", "40000"
    ) as house:
        async with browser() as found:
            tab, errors = await visit(found, house.url, 1280)
            await tab.wait_for_selector("body.stale", timeout=60_000)
            assert "disconnected" in await tab.inner_text("#age")
            assert await tab.locator("[data-decision]").count() > 0  # what was is still readable, in grey
            assert [e for e in errors if "failed" not in e and "ERR_" not in e] == []
        assert house.process.wait(30) == 0
