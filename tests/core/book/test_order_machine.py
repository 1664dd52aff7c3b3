"""Orders of a whole account through `step`, against a venue that says everything late, twice, out of order, or not at all.

`test_orders_props.py` has one order by itself; here the core makes the orders (entries, stops with their amends, exits), an order
is cancelled, amended and closed by what the others do, and the model is two dicts: what each order was given and filled, and
positions as the signed sum of the executions heard, each once.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.world import ACCOUNT, ACME, BOLT, World, through_json
from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.book.fold import fold
from tradingd.core.book.orders import FINAL, OPEN, Life, reserved_qty
from tradingd.core.events import (
    Action,
    CancelRejected,
    Event,
    FillSeen,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNever,
    OrderRejected,
    OrderReplaced,
    OrderUnknown,
    ReplaceRejected,
    Verb,
)  # fmt: skip
from tradingd.core.facts import Alerted, Anomaly, CancelIntended, OrderIntended, ReplaceIntended
from tradingd.core.types import ZERO, ExecId, Leg, Money, Order, OrderId, Price, Qty, Side, Symbol, VenueOrderId

SYMBOLS = (ACME, BOLT)
WORDS: tuple[Callable[..., Event], ...] = (
    lambda **at: OrderAccepted(**at, venue_order_id=VenueOrderId(f"v:{at['order_id']}")),
    lambda **at: OrderRejected(**at, code="no"),
    lambda **at: OrderNever(**at, proof="not found"),
    lambda **at: OrderCancelled(**at, cum_qty=Qty(ZERO)),
    OrderCancelled,
    OrderExpired,
    lambda **at: OrderUnknown(**at, why="no answer"),
    lambda **at: CancelRejected(**at, code="late"),
)


class Theirs:
    """One order as the venue has it. status: absent, lost (it never arrives), working, or how it ended.
    belied: something untrue was said about it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.status = "absent"
        self.qty: Decimal = order.qty
        self.cum = ZERO
        self.rev = 0
        self.belied = False
        self.executions: list[FillSeen] = []


class OrdersAndVenue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.shadow = Booked(account=ACCOUNT)  # a replay of the facts, always up to date
        self.noted = 0
        self.theirs: dict[OrderId, Theirs] = {}
        self.wire: list[CancelIntended | ReplaceIntended | OrderIntended] = []  # asked, in order: one connection
        self.air: list[Event] = []  # said, and not heard yet
        self.fills: list[FillSeen] = []  # all executions of the account: the venue's truth
        self.held = dict.fromkeys(SYMBOLS, ZERO)  # by it
        self.heard: dict[ExecId, FillSeen] = {}  # the model: distinct executions
        self.ended: set[OrderId] = set()
        self.numbered = True

    def _say(self, event: Event) -> None:
        """Hand the core an event."""
        if isinstance(event, FillSeen):
            self.heard.setdefault(event.exec_id, event)
        self.world.step(event)
        self._absorb()

    def _absorb(self) -> None:
        """Replay what is new, and put each new intent on the wire."""
        for fact in self.world.facts[self.noted :]:
            fold(self.shadow, through_json(fact))
            if isinstance(fact, OrderIntended):
                assert fact.order.order_id not in self.theirs, "O2: an id names one order"
                self.theirs[fact.order.order_id] = Theirs(fact.order)
            if isinstance(fact, OrderIntended | CancelIntended | ReplaceIntended):
                self.wire.append(fact)
        self.noted = len(self.world.facts)

    def _at(self, order_id: OrderId) -> dict[str, Any]:
        return {"ts": self.world.now, "account": ACCOUNT, "order_id": order_id}

    def _pick(self, data: st.DataObject, *status: str) -> Theirs:
        return data.draw(st.sampled_from([t for t in self.theirs.values() if t.status in status]))

    def _any(self, *status: str) -> bool:
        return any(t.status in status for t in self.theirs.values())

    @initialize(numbered=st.booleans())
    def number_the_stream(self, numbered: bool) -> None:
        """Whether fills that are pushed bear the account's fill number; those that are asked for always do."""
        self.numbered = numbered

    # what makes the core ask ------------------------------------------------------------------------------------------------

    @rule(symbol=st.sampled_from(SYMBOLS), action=st.sampled_from([Action.BUY, Action.BUY, Action.SELL]))
    def idea(self, symbol: Symbol, action: Action) -> None:
        self.world.wait(20)
        self.world.quote(symbol, self.world.mids[symbol])
        self.world.recommend(symbol, action)

    @rule(symbol=st.sampled_from(SYMBOLS), part=st.integers(1, 4))
    def buy(self, symbol: Symbol, part: int) -> None:
        """An entry that is heard at once and filled in part: its stop is on the way, and has to follow each further fill."""
        self.idea(symbol, Action.BUY)
        self._absorb()
        while self.wire:
            self.hears(0)
        for t in [t for t in self.theirs.values() if (t.order.leg, t.status) == (Leg.ENTRY, "working")]:
            self._fill(t, part)
        for event in [e for e in self.air if isinstance(e, FillSeen)]:
            self.air.remove(event)
            self._say(event)

    @rule(symbol=st.sampled_from(SYMBOLS), percent=st.integers(-7, 7))
    def quote(self, symbol: Symbol, percent: int) -> None:
        mid = round(min(max(self.world.mids[symbol] * (1 + percent / 100), 50.0), 200.0), 2)
        self.world.quote(symbol, mid, after=3)

    @rule()
    def minute(self) -> None:
        self.world.minutes(1, quotes=True)

    @rule(symbol=st.sampled_from(SYMBOLS), stops_too=st.booleans())
    def take_back(self, symbol: Symbol, stops_too: bool) -> None:
        self.world.say(Verb.CANCEL, symbol=symbol, protective=stops_too)

    @rule()
    def resume(self) -> None:
        self.world.say(Verb.RESUME)

    @rule()
    def restart(self) -> None:
        self.world.restart(clean=True)
        self.world.bars()
        self.world.connect(str(self.world.book.booked.cash))

    # the venue --------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.wire)
    @rule(mood=st.integers(0, 9))
    def hears(self, mood: int) -> None:
        """The venue takes what was asked first; now and then it refuses, or a new order never arrives."""
        asked = self.wire.pop(0)
        if isinstance(asked, OrderIntended):
            self._hears_new(self.theirs[asked.order.order_id], mood)
            return
        t, at = self.theirs[asked.order_id], self._at(asked.order_id)
        refused = mood >= 8 or t.status != "working"
        if isinstance(asked, CancelIntended):
            if not refused:
                t.status = "cancelled"
            self.air.append(CancelRejected(**at, code="late") if refused else OrderCancelled(**at, cum_qty=Qty(t.cum)))
        elif refused or asked.qty <= t.cum:
            self.air.append(ReplaceRejected(**at, rev=asked.rev, code="no"))
        else:
            t.qty, t.rev = asked.qty, asked.rev
            self.air.append(OrderReplaced(**at, rev=asked.rev, qty=asked.qty, limit=asked.limit, stop=asked.stop))

    def _hears_new(self, t: Theirs, mood: int) -> None:
        at = self._at(t.order.order_id)
        t.status = {8: "rejected", 9: "lost"}.get(mood, "working")
        if t.status == "working":
            self.air.append(WORDS[0](**at))
        elif t.status == "rejected":
            self.air.append(OrderRejected(**at, code="no"))
        else:
            self.world.lose(t.order.order_id)

    @precondition(lambda self: self._any("working"))
    @rule(data=st.data(), part=st.integers(1, 4))
    def fill(self, data: st.DataObject, part: int) -> None:
        self._fill(self._pick(data, "working"), part)

    def _fill(self, t: Theirs, part: int) -> None:
        left, held = t.qty - t.cum, self.held[t.order.symbol]
        if t.order.reduce_only:  # clipped, as venues do
            left = min(left, abs(held)) if held * t.order.side.sign < 0 else ZERO
        qty = max(left * part // 4, min(left, Decimal(1)))
        if qty:
            self._execute(t, qty, t.order.limit or Price(Decimal(f"{self.world.mids[t.order.symbol]:.2f}")))

    @precondition(lambda self: self._any("working", "cancelled", "filled"))
    @rule(data=st.data())
    def overfill(self, data: st.DataObject) -> None:
        """A17: a venue's mistake; a real execution all the same. Only where all that came before was heard: a twin is not told
        from an overfill otherwise (D9)."""
        t = self._pick(data, "working", "cancelled", "filled")
        if all(f.exec_id in self.heard for f in t.executions) and not t.order.reduce_only:
            self._execute(t, t.qty - t.cum + 1, Price(Decimal(len(self.fills)) + Decimal("77.77")))
            t.belied = True

    def _execute(self, t: Theirs, qty: Decimal, price: Price) -> None:
        order = t.order
        n = len(self.fills) + 1
        fill = FillSeen(
            **self._at(order.order_id), exec_id=ExecId(f"x{n}"), symbol=order.symbol, side=order.side, qty=Qty(qty),
            price=price, fee=Money(Decimal("0.5")), cursor=n if self.numbered else 0,
        )  # fmt: skip
        t.cum += qty
        if t.cum >= t.qty and t.status == "working":
            t.status = "filled"
        self.held[order.symbol] += order.side.sign * qty
        self.fills.append(fill)
        t.executions.append(fill)
        self.air.append(fill)

    @precondition(lambda self: self._any("working"))
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        t = self._pick(data, "working")
        t.status = "expired"
        self.air.append(OrderExpired(**self._at(t.order.order_id), cum_qty=Qty(t.cum)))

    @rule(symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(Side), qty=st.integers(1, 9))
    def foreign(self, symbol: Symbol, side: Side, qty: int) -> None:
        """Somebody else's execution on the account, with its number."""
        n = len(self.fills) + 1
        fill = FillSeen(
            **self._at(OrderId("")), exec_id=ExecId(f"x{n}"), symbol=symbol, side=side, qty=Qty(Decimal(qty)),
            price=Price(Decimal(f"{self.world.mids[symbol]:.2f}")), fee=Money(ZERO), cursor=n,
        )  # fmt: skip
        self.held[symbol] += side.sign * qty
        self.fills.append(fill)
        self.air.append(fill)

    # what we hear -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.air)
    @rule(data=st.data(), twice=st.booleans(), again=st.booleans())
    def hear(self, data: st.DataObject, twice: bool, again: bool) -> None:
        """Any message. twice: two copies at once, the second says nothing new.   again: one more copy comes later."""
        i = data.draw(st.integers(0, len(self.air) - 1))
        event = self.air[i] if again else self.air.pop(i)
        self._say(event)
        if twice and not isinstance(event, CancelRejected):
            before = self.world.book.order(event.order_id) and repr(self.world.order(event.order_id))
            self._say(event)
            assert repr(self.world.book.order(event.order_id)) == str(before)
            belied = event.order_id in self.theirs and self.theirs[event.order_id].belied
            assert not [f for f in self.world.last if not (belied and isinstance(f, Anomaly | Alerted))], (
                f"{event} twice"
            )

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        self.air.pop(data.draw(st.integers(0, len(self.air) - 1)))

    @precondition(lambda self: self.theirs)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """No answer in time, or the link is gone."""
        self.world.lose(data.draw(st.sampled_from(sorted(self.theirs))))

    @precondition(lambda self: self.theirs)
    @rule(data=st.data(), word=st.sampled_from(WORDS))
    def lie(self, data: st.DataObject, word: Callable[..., Event]) -> None:
        """A word about an order that may be anything but true."""
        t = self.theirs[data.draw(st.sampled_from(sorted(self.theirs)))]
        t.belied = True
        self._say(word(**self._at(t.order.order_id)))

    @rule()
    def resync(self) -> None:
        """The venue is asked for its fills, then for its word on each order: afterwards both agree."""
        self._absorb()
        while self.wire:
            self.hears(0)
        self.air.clear()
        for n, fill in enumerate(self.fills, 1):
            self._say(_numbered(fill, n))
        for t in list(self.theirs.values()):
            if t.status != "absent":
                self._query(t)
        self._agree()

    def _query(self, t: Theirs) -> None:
        """The venue's word on one order, as the resync puts it; of an amend that it knows nothing of, too."""
        at, w = self._at(t.order.order_id), self.world.order(t.order.order_id)
        match t.status:
            case "rejected":
                self._say(OrderRejected(**at, code="no"))
            case "lost":
                self._say(OrderNever(**at, proof="not found"))
            case "cancelled":
                self._say(OrderCancelled(**at, cum_qty=Qty(t.cum)))
            case "expired":
                self._say(OrderExpired(**at, cum_qty=Qty(t.cum)))
            case "working" | "filled":
                self._say(WORDS[0](**at))
                if t.rev > w.rev:
                    self._say(OrderReplaced(**at, rev=t.rev, qty=Qty(t.qty), limit=w.limit, stop=w.stop))
                if w.rev_asked > w.rev and not [f for f in self.wire if isinstance(f, ReplaceIntended)]:
                    self._say(ReplaceRejected(**at, rev=w.rev_asked, code="lost"))

    def _agree(self) -> None:
        for symbol in SYMBOLS:
            assert self.world.book.qty(symbol) == self.held[symbol]
        assert self.world.book.booked.fill_cursor == len(self.fills)
        for order_id, t in self.theirs.items():
            w = self.world.order(order_id)
            assert w.cum_qty == t.cum
            if not t.belied and t.status != "absent" and not w.pending:
                assert (w.life in OPEN) == (t.status == "working"), f"{order_id}: {w.life}, at the venue {t.status}"
                assert w.life is not Life.UNKNOWN

    # laws -------------------------------------------------------------------------------------------------------------------

    @invariant()
    def replay_is_the_book(self) -> None:
        """I8, J1: the facts so far, through JSON, folded into an empty book."""
        self._absorb()
        assert Book(ACCOUNT, booked=self.shadow).dump() == self.world.book.dump()

    @invariant()
    def positions_are_the_sum_of_the_executions(self) -> None:
        """O4, I4: each once, whatever was late, doubled or out of order."""
        for symbol in SYMBOLS:
            known = [f.side.sign * f.qty for f in self.heard.values() if f.symbol == symbol]
            assert self.world.book.qty(symbol) == sum(known, ZERO)

    @invariant()
    def orders_keep_their_laws(self) -> None:
        """O3, A14-A16, I6: final stays final, nothing left is negative, exposure is never counted too small."""
        for order_id, t in self.theirs.items():
            w = self.world.order(order_id)
            assert not (order_id in self.ended and w.life in OPEN), "final stays final"
            if w.life in FINAL:
                self.ended.add(order_id)
            assert w.leaves() >= 0
            assert reserved_qty(w) >= 0
            assert w.cum_qty == sum((f.qty for f in t.executions if f.exec_id in self.heard), ZERO)
            if not t.belied:
                may_fill = t.qty - t.cum if t.status in ("absent", "working") else ZERO
                assert w.cum_qty + reserved_qty(w) >= t.cum + may_fill, f"{order_id} is counted too small"


def _numbered(fill: FillSeen, n: int) -> FillSeen:
    return FillSeen(**{**{name: getattr(fill, name) for name in fill.__struct_fields__}, "cursor": n})


TestOrdersAndVenue = OrdersAndVenue.TestCase
TestOrdersAndVenue.settings = settings(
    max_examples=max(200, settings.default.max_examples // 2), stateful_step_count=60
)
