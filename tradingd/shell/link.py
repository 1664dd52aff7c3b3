"""One broker connection: connect, learn what is traded, warm up, reconcile, and only then ready; again after each loss (B1).

A lost link is retried for ever with capped, jittered back-off, which only a session that lasted sets back (D1, D15); a refused
login is not hammered: after three refusals in a row each try waits five minutes (D7); a session that somebody else took is taken
back once in ten minutes (D6). Every way down is told to the core, which takes entries off by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import msgspec

from tradingd.core.book.book import Book
from tradingd.core.book.market import DAY_S
from tradingd.core.events import Event, FillSeen, LinkLost, LinkUp, Quote, Split
from tradingd.core.rules import Rules
from tradingd.core.steps import tradables
from tradingd.core.steps.quotes import AHEAD_NS
from tradingd.core.types import NS, AccountId, Instrument, Symbol
from tradingd.ports import Broker, Env, LinkDown, SessionTaken, Throttled, VenueRefused
from tradingd.shell.almanac import Almanac
from tradingd.shell.backoff import Backoff
from tradingd.shell.channels import Inbox
from tradingd.shell.dispatch import Dispatch
from tradingd.shell.reconcile import Reconciler

T = TypeVar("T")

HISTORY_BARS = 120
STEP_S = 30.0  # given to a login, to each question for what is traded, and to a whole reconciliation
CLOSE_S = 5.0


class Link:
    """Owns the session of one account. losses: by broker name, for the metrics."""

    def __init__(
        self, env: Env, broker: Broker, book: Book, rules: Rules, inbox: Inbox, dispatch: Dispatch, reconciler: Reconciler, *,
        instrument: Callable[[Instrument], Instrument],
    ) -> None:  # fmt: skip
        self.env = env
        self.broker = broker
        self.book = book
        self.rules = rules
        self.inbox = inbox
        self.dispatch = dispatch
        self.reconciler = reconciler
        self.losses: dict[str, int] = {}
        self._held: list[tuple[int, FillSeen]] | None = None
        self._logged_in = self._resyncing = self._warming = False
        self.real_time = False  # set where the house's clock is the world's
        self.from_the_future = 0
        self._instrument = instrument
        self.almanac: Almanac | None = None  # the operator's files
        self.on_learned: Callable[[AccountId, tuple[Instrument, ...]], None] | None = None

    async def run(self) -> None:
        """For ever: a session, its loss, a pause."""
        backoff = Backoff(self.env)
        while True:
            await self.env.clock.sleep(await self._session(backoff))

    async def _session(self, backoff: Backoff) -> float:
        """One session from login to loss; the seconds to stay away after it."""
        began: int | None = None
        taken = refused = False
        try:
            await self.open()
            began = self.env.clock.mono()
            why = await self.broker.wait_closed()
        except SessionTaken as error:
            why, taken = f"taken over: {error}", True
        except LinkDown as error:
            why = str(error) or "the link is down"
        except VenueRefused as error:  # of a question, not of a login, is no reason to stay away for long
            refused = not self._logged_in and not isinstance(error, Throttled)
            why = f"refused: {error}"
        await self.lost(why, taken=taken)
        if refused:
            return backoff.refused()
        lasted = (self.env.clock.mono() - began) / NS if began is not None else None
        return backoff.taken(lasted) if taken else backoff.lost(lasted)

    async def open(self) -> None:
        """One session up to ready. Raises LinkDown or VenueRefused."""
        self._held = []  # a fill that comes before its instrument is known could not be booked
        self._logged_in, self._resyncing, self._warming = False, True, True
        self.reconciler.held.clear()  # fetched again
        if self.almanac is not None:
            self.reconciler.expect((event.ts, event) for event in await self.almanac.overdue(self.book.account))
        await within("the login", self.broker.connect(self.sink))
        self._logged_in = True
        self.dispatch.sent_at.clear()
        self.dispatch.up = True
        self.inbox.offer(LinkUp(ts=self._now(), account=self.book.account, broker=self.broker.name))
        if self.env.sometimes("link.breaks_early"):
            raise LinkDown("the link broke right after the login")
        await self.learn()
        await within("the resync", self.reconciler.resync())
        while self.reconciler.splits:  # heard at its very end
            await within("the fetch of fills", self.reconciler.fills())
        self._resyncing = False

    async def learn(self) -> None:
        """Instruments, and the daily bars we do not have yet, oldest first."""
        told = await within("the question for instruments", self.broker.instruments())
        instruments = tuple(self._instrument(raw) for raw in told)
        if self.on_learned is not None:
            self.on_learned(self.book.account, instruments)
        tradables.learn(self.book, instruments, self.rules)
        self._release()
        if self.almanac is not None:
            self.almanac.introduce(self.book.account)
        for symbol in tuple(self.rules.instruments):
            await self._warm_up(symbol)
        self._warming = False

    async def _warm_up(self, symbol: Symbol) -> None:
        market = self.book.markets[symbol]
        last = market.bars[-1].ts if market.bars else 0
        bars = await within(f"the history of {symbol}", self.broker.history(symbol, HISTORY_BARS))
        if self.almanac is not None:
            bars = await self.almanac.history(self.rules, symbol, bars, HISTORY_BARS)
        for bar in bars:
            if bar.span_s == DAY_S and bar.ts > last:
                self.inbox.offer(bar)

    async def lost(self, why: str, *, taken: bool = False) -> None:
        """Told first: taking leave of a dead connection may take its time."""
        self.dispatch.up = False
        self.losses[self.broker.name] = self.losses.get(self.broker.name, 0) + 1
        self.inbox.offer(
            LinkLost(ts=self._now(), account=self.book.account, broker=self.broker.name, why=why, taken=taken)
        )
        with suppress(LinkDown), anyio.move_on_after(CLOSE_S):  # it is down, that is why we are here
            await self.broker.close()
        self.reconciler.closed_at = self.env.clock.mono()

    def sink(self, event: Event) -> None:
        """Where the adapter hands its events in. Time from the future would end cool-downs and blind stops (RELIABILITY E8): such a
        quote is thrown away and counted, anything else keeps its content under our own time."""
        if isinstance(event, Quote):
            self._take_quote(event)
            return
        told = event.ts
        if self.real_time and told > (latest := self._now() + AHEAD_NS):
            self.from_the_future += 1
            event = msgspec.structs.replace(event, ts=latest - AHEAD_NS)
        if self._held is not None and isinstance(event, FillSeen):
            self._held.append((told, event))
            return
        if type(event) is Split:
            event = msgspec.structs.replace(
                event, account=self.book.account, at=told
            )  # told by this broker, so of this account
        self._take(told, event)

    def _take_quote(self, quote: Quote) -> None:
        if self._warming and not self._has_price(quote.symbol):
            return  # nothing is known yet that a first print could be held against (F4)
        if self.real_time and quote.ts > self._now() + AHEAD_NS:
            self.from_the_future += 1
            return
        self.inbox.offer(quote)

    def _has_price(self, symbol: Symbol) -> bool:
        market = self.book.markets.get(symbol)
        return market is not None and market.mid > 0

    def _take(self, told: int, event: Event) -> None:
        """told: when it happened by the venue's clock. In a resync that is what places splits and fills among each other."""
        self.reconciler.splits_heard += isinstance(event, Split)
        if self._resyncing and isinstance(event, Split):  # the fills before it are booked before it
            self.reconciler.splits.append((told, event))
        elif self._resyncing and self.reconciler.splits and isinstance(event, FillSeen):
            self.reconciler.held.append((told, event))
        else:
            self.inbox.offer(event)

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for told, fill in held:
            self._take(told, fill)

    def _now(self) -> int:
        return self.env.clock.wall()


async def within(what: str, step: Awaitable[T]) -> T:
    """A step with the venue that never ends would be a link that never comes back, and nobody would know why. LinkDown."""
    with suppress(TimeoutError):  # of the step's own
        with anyio.move_on_after(STEP_S):  # asks until it ends: taking leave of a dead connection may hang as well
            return await step
    raise LinkDown(f"{what} took more than {STEP_S:.0f} s")
