"""Reconcile: compares the venue's orders, fills and positions with ours, on every (re)connect and on timers (B6).

It never edits the book: what it learns goes through the inbox as the same events the stream would have carried, and the core
books each fill once. NOT FOUND proves `never` only when the broker's quirk says so and the link it was sent on is closed (A13).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from tradingd.core.book.book import Book
from tradingd.core.book.orders import OPEN, Life, Working
from tradingd.core.events import (
    AccountSeen,
    DividendDue,
    Event,
    FillSeen,
    ForeignOrder,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNever,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    PositionsSeen,
    Reconciled,
    ReplaceRejected,
    Split,
)  # fmt: skip
from tradingd.core.facts import AnyFact, CancelIntended
from tradingd.core.types import NS, OrderId
from tradingd.ports import Broker, Env, LinkDown, Misconfigured, OrderReport

MISSING_MIN_S = (
    10.0  # an unknown order that is not found on its own connection for twice the broker's time ends the connection
)
ROUNDS = 5  # how often a moving target is asked again before the resync gives up


class WayOut(Protocol):
    """The room that writes to the broker: the daemon's dispatch, or the lab's."""

    @property
    def sent_at(self) -> Mapping[OrderId, int]:
        """Monotonic ns of the one attempt on this connection, until the venue's answer."""

    def on_durable(self, facts: Sequence[AnyFact]) -> None:
        """Do what these facts ask for."""


class WayIn(Protocol):
    def offer(self, event: Event) -> None:
        """Take an event in, in order."""


class Reconciler:
    """One account. `settle` waits until everything offered so far was stepped through and is durable."""

    def __init__(
        self, env: Env, broker: Broker, book: Book, dispatch: WayOut, inbox: WayIn, settle: Callable[[], object]
    ) -> None:
        self.env = env
        self.broker = broker
        self.book = book
        self.dispatch = dispatch
        self.inbox = inbox
        self.settle = settle
        self.closed_at = env.clock.mono()  # when the last connection was known to be closed
        self.mismatches: dict[str, int] = {}
        # heard during a resync, or by a session that broke: the venue's time places them among the fills
        self.splits: deque[tuple[int, Split | DividendDue]] = deque()
        self.held: list[tuple[int, FillSeen]] = []  # told by the stream while splits wait
        self.splits_heard = 0  # ever: a report of positions that was asked for before one is of before it

    def expect(self, told: Iterable[tuple[int, Split | DividendDue]]) -> None:
        """What else is to be placed among the fills of the next resync. What a session before heard and had no time to place stays:
        the venue tells it again, but perhaps only after it was asked for positions."""
        known = {(event.symbol, event.action_id): (ts, event) for ts, event in (*self.splits, *told)}
        self.splits = deque(sorted(known.values(), key=lambda one: one[0]))

    async def resync(self) -> None:
        """After a connect: settle every open order, book missed fills, compare positions; then entries may go."""
        for working in self.book.open_orders():
            if working.life is Life.INTENDED:
                self._say(OrderUnknown, working.order.order_id, why="link or process ended before an answer")
        await self._settled()
        fills = await self.fills()
        asked = 0
        for working in self.book.open_orders():
            await self._order(working)
            asked += 1
        await self.foreign()
        await self.positions()
        await self.account()
        if self.env.sometimes("reconcile.breaks_late"):
            raise LinkDown("the link broke at the end of a resync")
        self.inbox.offer(Reconciled(ts=self._now(), account=self.book.account, orders=asked, fills=fills))
        await self._settled()
        self.book.last_reconcile_ts = self._now()

    async def fills(self) -> int:
        """Book executions the stream did not bring. The number found."""
        missed = await self.broker.fills(self.book.booked.fill_cursor)
        if self.env.sometimes("reconcile.slow_page"):
            await self.env.clock.sleep(0.5)
        held, self.held = self.held, []
        told = [*((fill.ts, fill) for fill in missed), *held]
        for ts, fill in sorted(told, key=lambda one: one[0]) if held else told:
            while self.splits and self.splits[0][0] < ts:
                self.inbox.offer(self.splits.popleft()[1])
            self.inbox.offer(fill)
        while self.splits:
            self.inbox.offer(self.splits.popleft()[1])
        await self._settled()
        return len(missed)

    async def orders(self) -> None:
        """While healthy: ask about orders that are unknown, or whose answer (to the order, a cancel, an amend) is overdue."""
        if self.book.owes():
            self._count("missed_fill")
            await self.fills()
        for working in self.book.open_orders():
            if self._unanswered(working):
                self._say(OrderUnknown, working.order.order_id, why="no answer in time")
            elif working.life is not Life.UNKNOWN and not self._overdue(working):
                continue
            await self._settled()
            await self._order(working)

    def has_questions(self) -> bool:
        """Is there anything that `orders` would ask the venue?"""
        return self.book.owes() or any(
            w.life is Life.UNKNOWN or self._unanswered(w) or self._overdue(w) for w in self.book.open_orders()
        )

    def _unanswered(self, working: Working) -> bool:
        if working.life is not Life.INTENDED:
            return False
        now = self.env.clock.mono()
        return now - self.dispatch.sent_at.get(working.order.order_id, now) > self._late

    def _overdue(self, working: Working) -> bool:
        asked = working.cancel_asked or working.rev_asked > working.rev
        return asked and not 0 <= self._now() - working.updated_ts <= self._late  # nor one of a wrong future

    @property
    def _late(self) -> int:
        return int(self.broker.quirks.ack_timeout_s * NS)

    async def _order(self, working: Working) -> None:
        """The venue's word on one order of ours, as events."""
        order_id = working.order.order_id
        asked = self.env.clock.mono()  # the venue looks after this moment, and how long before the answer nobody knows
        report = await self.broker.query(order_id)
        if self.env.sometimes("reconcile.answer_lost"):
            raise LinkDown("the answer about an order was lost")
        if working.life not in OPEN:
            return
        if report is None:
            await self._not_found(working, asked)
        else:
            if report.cum_qty > working.cum_qty:
                await self.fills()
            for event in self._events(working, report):
                self.inbox.offer(event)
            self._again(working, report)
        await self._settled()

    async def _not_found(self, working: Working, now: int) -> None:
        """NOT FOUND is a proof only on another connection than the order was written on, and only when it was asked after the
        broker's time. now: monotonic ns, when it was asked."""
        order_id = working.order.order_id
        sent = self.dispatch.sent_at.get(order_id)  # on the connection that is open now; None: on one before
        if working.life is Life.UNKNOWN and working.arrived:
            return  # the venue had it once: it cannot be `never`, and stays visibly unknown until somebody looked
        if working.life not in (Life.UNKNOWN, Life.INTENDED):
            self._count("order_lost")
            self._say(OrderUnknown, order_id, why="the venue does not find an order it had accepted")
        elif working.life is Life.UNKNOWN and sent is None:
            if now - self.closed_at >= int(self.broker.quirks.never_after_s * NS):
                self._say(OrderNever, order_id, proof="not found by the venue after the old connection was closed")
        elif sent is not None and now - sent >= int(max(MISSING_MIN_S, 2 * self.broker.quirks.never_after_s) * NS):
            self._count("order_missing")
            await (
                self.broker.close()
            )  # it holds entries off, and only a closed connection can prove that it never arrives

    def _events(self, working: Working, report: OrderReport) -> list[Event]:
        account, order_id, now = self.book.account, working.order.order_id, self._now()
        common = {"ts": now, "account": account, "order_id": order_id}
        found: list[Event] = []
        if (working.life in (Life.INTENDED, Life.UNKNOWN) and report.status != "rejected") or report.status == "filled":
            found.append(OrderAccepted(**common, venue_order_id=report.venue_order_id))  # type: ignore[arg-type]
        match report.status:
            case "cancelled":
                found.append(OrderCancelled(**common, reason="by the venue's word", cum_qty=report.cum_qty))  # type: ignore[arg-type]
            case "expired":
                found.append(OrderExpired(**common, cum_qty=report.cum_qty))  # type: ignore[arg-type]
            case "rejected":
                found.append(OrderRejected(**common, code=report.code or "rejected", text=report.text))  # type: ignore[arg-type]
            case _:
                rev = report.rev
                if _altered(working, report):
                    self._count("order_altered")
                    rev = working.next_rev()
                if rev > working.rev:
                    found.append(
                        OrderReplaced(**common, rev=rev, qty=report.qty, limit=report.limit, stop=report.stop)  # type: ignore[arg-type]
                    )
        return found

    def _again(self, working: Working, report: OrderReport) -> None:
        """Asks that were lost with a link: a cancel is repeated, an amend is given up (the core will ask afresh). An amend of an
        order that has filled too: until it is answered, what it asked for counts as working (A15)."""
        if report.status not in ("working", "filled"):
            return
        if working.cancel_asked and report.status == "working":
            self.dispatch.on_durable(
                (
                    CancelIntended(
                        ts=self._now(), account=self.book.account, order_id=working.order.order_id, why="asked again"
                    ),
                )
            )
        if working.rev_asked > max(working.rev, report.rev):
            self._say(
                ReplaceRejected,
                working.order.order_id,
                rev=working.rev_asked,
                code="lost",
                text="no trace at the venue",
            )

    async def foreign(self) -> None:
        """All working orders by the venue's word: those that are not in our book are named, counted, never touched (D21); those
        of ours that are missing there are asked about, for the message that ended them may be lost (D3)."""
        reports = await self.broker.open_orders()
        await self._settled()
        there = {report.order_id for report in reports if report.order_id}
        for report in reports:
            if self._ours(report):
                await self._look_closer(report)
                continue
            if report.venue_order_id in self.book.booked.foreign:
                continue
            self._count("foreign_order")
            self.inbox.offer(
                ForeignOrder(
                    ts=self._now(),
                    account=self.book.account,
                    venue_order_id=report.venue_order_id,
                    symbol=report.symbol,
                    side=report.side,
                    qty=report.qty,
                    type=report.type,
                    open=True,
                    order_id=report.order_id,
                )
            )
        shown = {report.venue_order_id for report in reports}
        for gone in [seen for venue_id, seen in self.book.booked.foreign.items() if venue_id not in shown]:
            self.inbox.offer(
                ForeignOrder(
                    ts=self._now(), account=self.book.account, venue_order_id=gone.venue_order_id, symbol=gone.symbol,
                    side=gone.side, qty=gone.qty, type=gone.type, open=False,
                )
            )  # fmt: skip
        for working in self.book.open_orders():
            if working.life in (Life.LIVE, Life.PARTIAL) and working.order.order_id not in there:
                self._count("order_ended")
                await self._order(working)
        await self._settled()

    async def _look_closer(self, report: OrderReport) -> None:
        working = self.book.order(report.order_id)
        if working is None:
            return
        if _altered(working, report):
            await self._order(working)
        elif working.life in (Life.NEVER, Life.REJECTED):
            self._count("order_returned")
            self._say(OrderAccepted, working.order.order_id, venue_order_id=report.venue_order_id)

    def _ours(self, report: OrderReport) -> bool:
        """Under an id of ours stands what we intended; the same id with other content is another daemon's (H4)."""
        working = self.book.order(report.order_id) if report.order_id else None
        if working is None:
            return False
        order = working.order
        return (report.symbol, report.side, report.type) == (order.symbol, order.side, order.type)

    async def positions(self) -> None:
        """Compare positions at a moment when both sides have counted the same fills; fetch what is missing first (D14)."""
        for _ in range(ROUNDS):
            heard, ends = self.splits_heard, self.book.ends
            report = await self.broker.positions()
            await self._settled()
            if self.env.sometimes("reconcile.positions_move"):
                await self.env.clock.sleep(0.1)
            if self.splits:  # heard after the fills were fetched: the report may be of either side of them
                await self.fills()
                continue
            if self.splits_heard != heard:
                continue
            if (
                report.cursor > self.book.booked.fill_cursor or self.book.booked.fills_ahead
            ):  # some are missing before those
                self._count("missed_fill")
                await self.fills()
                continue
            if self.book.ends != ends:  # an order has ended since, with executions that this report does not know
                await self.fills()
                continue
            if report.cursor == self.book.booked.fill_cursor:
                self.inbox.offer(
                    PositionsSeen(
                        ts=self._now(),
                        account=self.book.account,
                        positions=report.positions,
                        cursor=report.cursor,
                        ends=ends,
                    )
                )
                await self._settled()
                self.book.last_reconcile_ts = self._now()
                return
        raise LinkDown("positions and fills of the venue do not come to rest")

    async def account(self) -> None:
        report = await self.broker.account()
        if report.account != self.book.account:
            raise Misconfigured(
                f"the broker's account is {report.account}, the configuration says {self.book.account} (H13)"
            )
        self.inbox.offer(
            AccountSeen(
                ts=self._now(),
                account=self.book.account,
                cash=report.cash,
                equity=report.equity,
                blocked=report.blocked,
            )
        )

    # small things -----------------------------------------------------------------------------------------------------

    async def _settled(self) -> None:
        result = self.settle()
        if result is not None:
            await result  # type: ignore[misc]

    def _now(self) -> int:
        return self.env.clock.wall()

    def _say(self, kind: type, order_id: OrderId, **fields: object) -> None:
        self.inbox.offer(kind(ts=self._now(), account=self.book.account, order_id=order_id, **fields))

    def _count(self, kind: str) -> None:
        self.mismatches[kind] = self.mismatches.get(kind, 0) + 1


def _altered(working: Working, report: OrderReport) -> bool:
    """Does it work at the venue with other figures than the ones both sides agreed on, and no question is out?"""
    if working.life not in (Life.LIVE, Life.PARTIAL) or report.status != "working" or working.rev_asked > working.rev:
        return False
    other_qty = report.qty != working.qty
    other_stop = report.stop is not None and report.stop != working.stop
    return report.rev <= working.rev and (other_qty or other_stop)
