"""Exact skipping: a run leaps over quotes that cannot matter, and decides what it would have decided. T1, ARCHITECTURE "exact
skipping".

A quote is passed over only when all of this holds; everything else is shown, one by one:

- it is believed at first sight: finite, positive, not crossed, inside the band about the quote before it of its symbol, newer;
- it reaches neither line of its market (stop, target, trail, a position's loss, a rapid move);
- no order that works at the venue could trade, trigger, trail or begin to rest by it;
- the account is not worth less with it than the line of the day's loss and of the emergency allows, with some slack;
- it comes before the next chore (all that a silence brings about is one) and before the venue's own next message, bar, action or
  end of session;
- it lies within what each strategy that asks for quotes declares (`quiet.py`), and the venue has no faults to strike with. One that
  declares nothing is shown every quote.

Then, of each symbol, the last one passed over is shown in the ordinary way, in order of time, with the band that the one before it
would have left; only to strategies it is not. So marks, tops of book, equity, ages of prices and the account's time are those of a
run that saw every quote. What depends on the way there was settled: equity is counted from the marks before anything reads it
(`Book.settle_marks`), the running sum in between only says when to count (`Book.watch_line`); quotes and happenings that were
passed over are counted as if they were seen. Nothing else keeps a memory of plain quotes: prices of the last minutes are sampled by
the timer, doubts about quotes are kept against the last good one, and what is left of a shown size begins anew with each quote.

Where a strategy is shown every quote, those that could be passed over but for it go through the core one by one (a walk), and only
the venue is spared them. It catches up in the same way before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from tradingd.core.book.book import Book
from tradingd.core.facts import AnyFact
from tradingd.core.pipeline import step
from tradingd.core.rules import Rules
from tradingd.lab.plan import Plan
from tradingd.lab.quiet import SILENT, Quiet, quiet
from tradingd.lab.sides import Clock, QuoteAhead, SparseVenue

WINDOW = 1024  # rows looked at in one go, at first
WINDOW_MAX = 8192
FEW = 8  # fewer than that are shown sooner than leapt over
WALK, WALK_MAX = 128, 8192  # rows of a walk: as many as the last ones went, and more
WALK_REST_MAX = 512
REST_MAX = 64


class Leap:
    """One run's. settle: steps through all that was offered.   take: carries out what a step of ours came to."""

    def __init__(
        self, venue: SparseVenue, book: Book, rules: Rules, clock: Clock, settle: Callable[[], None],
        take: Callable[[tuple[AnyFact, ...]], None],
    ) -> None:  # fmt: skip
        self._venue = venue
        self._book = book
        self._rules = rules
        self._clock = clock
        self._settle = settle
        self._take = take
        self._far = WALK
        self._every = not all(each.declares for each in rules.quote_strategies)
        self._plan: Plan | None = None
        self._idle = 0  # happenings that are not worth a look, or known to matter
        self._rest = 0

    def over(self, due: int) -> int:
        """Pass over what comes next and cannot matter; how many quotes that were. due: of the next chore, ns. What comes next must
        then be shown."""
        if self._idle:
            self._idle -= 1
            return 0
        ahead = self._venue.ahead()
        if ahead is None:
            return 0
        plan = self._plan
        if plan is None or plan.block is not ahead.block:
            plan = self._plan = Plan(
                ahead.block, [self._book.markets.get(s) for s in ahead.block.symbols], self._venue.now
            )
        row = ahead.row
        plan.seen(row)
        end = _end(plan, ahead, due)
        if end - row < FEW:
            return 0
        if self._every:
            calm, end = SILENT, min(end, row + self._far)
        else:
            calm = quiet(self._book, self._rules)
            end = min(end, _end(plan, ahead, calm.until))
        end = self._first_that_matters(plan, row, end, calm)
        if end - row < FEW:
            self._rest = min(REST_MAX, 2 * self._rest + 1)
            self._idle = end - row + self._rest
            return 0
        if self._every:
            return self._walk(plan, row, end)
        self._rest, self._idle = 0, 1
        self._pass(plan, row, end)
        return end - row

    def _walk(self, plan: Plan, row: int, end: int) -> int:
        """Each row through the core, for strategies that want each; none through the venue, which stays as it is until one of them
        comes to something. How many rows that were."""
        book, rules = self._book, self._rules
        facts: tuple[AnyFact, ...] = ()
        for at, quote in enumerate(plan.block.quotes(row, end), row):
            facts = step(book, quote, rules)
            if facts:
                end = at + 1
                break
        self._clock.set(plan.when[end - 1].item())  # nobody asks for the time within a step
        for at in plan.last_rows(row, end):
            self._venue.see_row(at)
        self._venue.pass_over(end)
        self._far = min(WALK_MAX, 2 * self._far) if not facts else max(WALK, end - row)
        self._rest = min(WALK_REST_MAX, 2 * self._rest + 1) if end - row < WALK else 0
        self._idle = self._rest
        if facts:
            self._take(facts)
        return end - row

    def _first_that_matters(self, plan: Plan, row: int, end: int, calm: Quiet) -> int:
        """From row on, before end; end when there is none, row when that lies behind."""
        if end <= row:
            return row
        lines = _Lines(plan, self._venue, self._book, calm)
        window = WINDOW
        while row < end:
            until = min(end, row + window)
            hit = lines.reached(row, until)
            at = int(hit.argmax())
            if hit[at]:
                return row + at
            row = until
            window = min(WINDOW_MAX, window * 2)
        return end

    def _pass(self, plan: Plan, row: int, end: int) -> None:
        shown = plan.last_rows(row, end)
        which = plan.block.which
        strategies, self._rules.quote_strategies = self._rules.quote_strategies, ()
        for at in shown:
            market = plan.markets[which[at]]
            assert market is not None
            market.lo, market.hi = plan.lo[at].item(), plan.hi[at].item()
            self._clock.set(plan.when[at].item())
            self._venue.show_row(at)
            self._settle()
        self._rules.quote_strategies = strategies
        self._venue.pass_over(end)
        self._book.quotes += end - row - len(shown)
        plan.seen(end)


def _end(plan: Plan, ahead: QuoteAhead, due: int) -> int:
    """The first row that does not lie before the chore and the venue's message."""
    return int(np.searchsorted(plan.when, min(due, ahead.until)))


class _Lines:
    """What the prices of each symbol must not reach now, by its place in the block."""

    def __init__(self, plan: Plan, venue: SparseVenue, book: Book, calm: Quiet) -> None:
        self._plan = plan
        low, high, exposure, others = [], [], [], []
        for i, (symbol, market) in enumerate(zip(plan.block.symbols, plan.markets, strict=True)):
            if market is None or plan.is_other(i):
                low.append(inf)
                high.append(-inf)
                others.append((-inf, inf))
                exposure.append(0.0)
                continue
            bounds = venue.bounds(symbol)
            low.append(max(market.low_line, bounds.bid_low, calm.low(symbol)))
            high.append(min(market.high_line, bounds.ask_high, calm.high(symbol)))
            others.append((bounds.ask_low, bounds.bid_high))
            exposure.append(market.exposure)
        self._low, self._high = np.array(low), np.array(high)
        ask_low, bid_high = zip(*others, strict=True)
        self._has_others = max(ask_low) > -inf or min(bid_high) < inf
        self._ask_low, self._bid_high = np.array(ask_low), np.array(bid_high)
        self._exposure = np.array(exposure)
        self._worth = book.equity
        self._line = book.watch_line

    def reached(self, row: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Of the rows row .. end - 1: may it matter? To be asked for rows that follow one another, until one does."""
        plan, block = self._plan, self._plan.block
        which, bid, ask = block.which[row:end], block.bid[row:end], block.ask[row:end]
        hit: np.ndarray[tuple[int], np.dtype[np.bool_]] = ~plan.plain[row:end]
        hit |= bid <= self._low[which]
        hit |= ask >= self._high[which]
        if self._has_others:
            hit |= ask <= self._ask_low[which]
            hit |= bid >= self._bid_high[which]
        if self._line > -inf:
            with np.errstate(all="ignore"):
                worth = self._worth + np.cumsum(self._exposure[which] * plan.step[row:end])
            hit |= worth < self._line
            self._worth = worth[-1].item()
        return hit
