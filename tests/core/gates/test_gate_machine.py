"""The gates against the strictest of everything that holds trading back: holds, breakers, drift, link, age of prices, unknown
orders, flattens, put on and lifted in any order, with positions and orders working meanwhile.

The model is a handful of sets. An entry goes exactly when the model knows no reason against it (and no size or limit does); an
exit is never refused by what is meant for entries.
"""

import copy
from decimal import Decimal
from math import nan

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.world import ACCOUNT, ACME, BOLT, CORN, MINUTE, World
from tradingd.core.book.orders import OPEN, Life
from tradingd.core.events import AccountSeen, Action, InstrumentStatus, PositionsSeen, Verb
from tradingd.core.facts import Decided, OrderIntended, Outcome, Reason
from tradingd.core.gates.gate import GateSettings, may_send
from tradingd.core.types import NS, ZERO, Instrument, Leg, Order, OrderId, Qty, Symbol, TradingState

SYMBOLS = (ACME, BOLT, CORN)
RANK = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.LOCKED)
WHY = {TradingState.REDUCING: Reason.REDUCING, TradingState.HALTED: Reason.HALTED, TradingState.LOCKED: Reason.LOCKED}
SIZES_AND_LIMITS = {
    Reason.HEAT, Reason.SIZE_ZERO, Reason.BUYING_POWER, Reason.POSITION_LIMIT, Reason.SECTOR_LIMIT, Reason.OPEN_POSITIONS,
    Reason.OPEN_TRADES, Reason.WASH_TRADE, Reason.ORDER_RATE, Reason.REPEATED_EXECUTION, Reason.DUPLICATE_ORDER,
    Reason.REJECT_LOOP, Reason.RESERVE_SHORT, Reason.ACTIVE_POOL_MINIMUM,
}  # fmt: skip
LIMITS = (
    "max_position_pct", "max_sector_pct", "max_daily_loss", "max_drawdown", "max_open_positions", "max_open_trades",
    "max_order_qty", "max_order_notional", "price_collar", "orders_per_minute", "repeated_executions", "rejects_in_row",
    "price_max_age_s", "buying_power_multiplier",
)  # fmt: skip

symbols = st.sampled_from(SYMBOLS)
some_symbol = st.none() | symbols


class Gates(RuleBasedStateMachine):
    """Model. holds: state by who holds; locked: until when.   trips: until when, by symbol, None for the account.   drift: what the
    venue holds instead.   orders: every order made, with what is left of it."""

    def __init__(self) -> None:
        super().__init__()
        instruments = {s: Instrument(symbol=s, sector="food" if s == CORN else "tech") for s in SYMBOLS}
        self.world = World(gate=GateSettings(max_open_positions=2, max_position_pct=0.06), instruments=instruments)
        self.noted = len(self.world.facts)
        self.holds: dict[str, TradingState] = {}
        self.locked = 0
        self.link = True
        self.trips: dict[Symbol | None, int] = {}
        self.drift: dict[Symbol, Decimal] = {}
        self.untradable: set[Symbol] = set()
        self.flattens: list[Symbol | None] = []
        self.quoted = {s: self.world.book.markets[s].ts for s in SYMBOLS}
        self.held = dict.fromkeys(SYMBOLS, ZERO)
        self.orders: dict[OrderId, Order] = {}
        self.left: dict[OrderId, Decimal] = {}
        self.unknown: set[OrderId] = set()

    @initialize(tight=st.sampled_from(["max_sector_pct", "buying_power_multiplier"]))
    def tighten(self, tight: str) -> None:
        """Room for one entry and a half: in the sector that two symbols share, or in cash."""
        self.world.rules.gate = msgspec.structs.replace(self.world.rules.gate, **{tight: 0.05})

    # the model's questions --------------------------------------------------------------------------------------------------

    def _states(self) -> list[TradingState]:
        return [*self.holds.values(), *([TradingState.LOCKED] if self.locked else [])]

    def _state(self) -> TradingState:
        return max(self._states(), key=RANK.index, default=TradingState.ACTIVE)

    def _halted(self) -> bool:
        return TradingState.HALTED in self._states()

    def _working(self, leg: Leg, symbol: Symbol) -> Decimal:
        return sum(
            (left for o, left in self.left.items() if (self.orders[o].leg, self.orders[o].symbol) == (leg, symbol)),
            ZERO,
        )

    def _stale(self, symbol: Symbol) -> bool:
        return self.world.now - self.quoted[symbol] > 5 * NS

    def _tripped(self, symbol: Symbol | None) -> bool:
        return self.world.now <= self.trips.get(symbol, -1)

    def _against_entry(self, symbol: Symbol) -> set[Reason]:
        found = {
            WHY.get(self._state()): self._state() is not TradingState.ACTIVE,
            Reason.LINK_NOT_READY: not self.link,
            Reason.ORDER_UNKNOWN: bool(self.unknown),
            Reason.DRIFT: symbol in self.drift,
            Reason.ALREADY_HELD: bool(self.held[symbol] or self._working(Leg.ENTRY, symbol)),
            Reason.NOT_TRADABLE: symbol in self.untradable,
            Reason.BREAKER_ACTIVE: self._tripped(None),
            Reason.TICKER_COOLDOWN: self._tripped(symbol),
            Reason.STALE_PRICE: self._stale(symbol),
        }
        flattening = {Reason.REDUCING} if {None, symbol} & set(self.flattens) else set()
        return {reason for reason, applies in found.items() if applies and reason is not None} | flattening

    def _to_close(self, symbol: Symbol) -> Decimal:
        """What is held by both words, less what works to close it."""
        ours = self.held[symbol]
        agreed = min(abs(ours), abs(self.drift.get(symbol, ours))) if self.drift.get(symbol, ours) * ours > 0 else ZERO
        return agreed - self._working(Leg.EXIT, symbol)

    # holds ------------------------------------------------------------------------------------------------------------------

    @rule(verb=st.sampled_from([Verb.PAUSE, Verb.HALT]))
    def hold(self, verb: Verb) -> None:
        state = TradingState.REDUCING if verb is Verb.PAUSE else TradingState.HALTED
        self.world.say(verb)
        self.holds["operator"] = max(state, self.holds.get("operator", state), key=RANK.index)

    @rule()
    def block(self) -> None:
        cash = self.world.book.booked.cash
        self.world.step(AccountSeen(ts=self.world.now, account=ACCOUNT, cash=cash, equity=cash, blocked=True))
        self.holds["blocked"] = TradingState.REDUCING

    @rule(minutes=st.integers(1, 10))
    def lock(self, minutes: int) -> None:
        until = self.world.now + minutes * MINUTE
        self.world.say(Verb.LOCKOUT, until=until)
        self.locked = max(self.locked, until)

    @rule(symbol=some_symbol, minutes=st.integers(1, 20))
    def trip(self, symbol: Symbol | None, minutes: int) -> None:
        until = self.world.now + minutes * MINUTE
        self.world.say(Verb.TRIP, symbol=symbol, until=until)
        self.trips[symbol] = max(until, self.trips.get(symbol, 0))

    @rule(symbol=some_symbol)
    def flatten(self, symbol: Symbol | None) -> None:
        if symbol is None:
            self.holds["operator"] = TradingState.HALTED
        self.flattens.append(symbol)
        self.world.say(Verb.FLATTEN, symbol=symbol)

    @rule()
    def resume(self) -> None:
        self.world.say(Verb.RESUME)
        locked = self.locked > self.world.now
        if locked or self.flattens or (self._halted() and (not self.link or self.unknown)):
            return
        self.holds.clear()
        self.trips.clear()

    @rule(data=st.data(), by=st.integers(-2, 2))
    def compare(self, data: st.DataObject, by: int) -> None:
        """The venue's word on all positions, off by some in one symbol."""
        symbol = data.draw(st.sampled_from([s for s in SYMBOLS if self.held[s]] or SYMBOLS))
        seen = {s: Qty(q) for s, q in {**self.held, symbol: self.held[symbol] + by * 10}.items() if q}
        self.world.step(PositionsSeen(ts=self.world.now, account=ACCOUNT, positions=seen, cursor=self.world.cursor))
        self.drift = {symbol: seen.get(symbol, Qty(ZERO))} if by else {}
        for running in list(self.flattens):
            mine = [s for s in SYMBOLS if running in (None, s)]
            if not any(self.held[s] or seen.get(s) or self.world.book.open_orders(s) for s in mine):
                self.flattens.remove(running)

    @rule(up=st.booleans())
    def plug(self, up: bool) -> None:
        if up:
            self.world.reconcile()
        else:
            self.world.disconnect()
        self.link = up

    @rule(symbol=symbols, tradable=st.booleans())
    def status(self, symbol: Symbol, tradable: bool) -> None:
        self.world.step(InstrumentStatus(ts=self.world.now, symbol=symbol, tradable=tradable, why="halted"))
        self.untradable = self.untradable - {symbol} if tradable else self.untradable | {symbol}

    # time and prices --------------------------------------------------------------------------------------------------------

    @rule(symbol=symbols, cents=st.integers(-20, 20))
    def quote(self, symbol: Symbol, cents: int) -> None:
        self.world.quote(symbol, 100 + cents / 100)
        self.quoted[symbol] = self.world.now

    @rule(seconds=st.integers(1, 8))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule()
    def minute(self) -> None:
        self.world.minutes(1, quotes=True)
        self.quoted = dict.fromkeys(SYMBOLS, self.world.now)
        self.locked = self.locked if self.locked > self.world.now else 0

    @precondition(lambda self: any(until > self.world.now for until in self.trips.values()))
    @rule(data=st.data(), beyond=st.integers(0, 1))
    def to_the_end_of_a_trip(self, data: st.DataObject, beyond: int) -> None:
        """Its last nanosecond, or the first one after it."""
        trips = [s for s, until in self.trips.items() if until > self.world.now]
        symbol = data.draw(st.sampled_from(trips))
        self.world.now = self.trips[symbol] + beyond
        self.enter(symbol or ACME, 0.9, fresh=False)

    @rule(symbol=symbols)
    def stock_up(self, symbol: Symbol) -> None:
        """As good as possible: what can be lifted is, an entry is made, and its fill comes."""
        self.plug(True)
        for order_id in sorted(self.unknown):
            self.world.accept(order_id)
        self.unknown.clear()
        self.resume()
        self.enter(symbol, 0.9, fresh=True)
        for order_id in [o for o in self.left if self.orders[o].leg is Leg.ENTRY]:
            self._fill(order_id, self.left[order_id])

    # orders -----------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.left)
    @rule(data=st.data(), answer=st.sampled_from(["accept", "fill", "fill", "part", "cancel", "lose"]))
    def venue(self, data: st.DataObject, answer: str) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.left)))
        order, life = self.orders[order_id], self.world.order(order_id).life
        if order.leg is Leg.PROTECT and answer in ("fill", "part"):
            return
        match answer:
            case "accept":
                self.world.accept(order_id)
            case "cancel":
                self.world.cancelled(order_id, str(order.qty - self.left[order_id]))
                del self.left[order_id]
            case "lose":
                self.world.lose(order_id)
            case _:
                self._fill(order_id, self.left[order_id] if answer == "fill" else min(self.left[order_id], Decimal(3)))
        self.unknown -= {order_id}
        if answer == "lose" and life in OPEN:
            self.unknown.add(order_id)

    def _fill(self, order_id: OrderId, qty: Decimal) -> None:
        order = self.orders[order_id]
        self.left[order_id] -= qty
        self.held[order.symbol] += order.side.sign * qty
        if not self.left[order_id]:
            del self.left[order_id]
        self.world.fill(order_id, qty, order.limit or "100")

    # what is asked of the gates ---------------------------------------------------------------------------------------------

    @rule(symbol=symbols, confidence=st.sampled_from([0.8, 0.9, 0.95]), fresh=st.booleans())
    def enter(self, symbol: Symbol, confidence: float, fresh: bool) -> None:
        """R1, I2, I5-I7: it goes exactly when nothing holds it back, and then keeps every limit."""
        if fresh:
            self.quote(symbol, 0)
        against = self._against_entry(symbol)
        decided = self.world.recommend(symbol, Action.BUY, confidence)
        reasons = set(decided.reasons)
        assert reasons - SIZES_AND_LIMITS == against, (reasons, against)
        assert (decided.outcome is Outcome.ACT) == (not reasons)
        if decided.outcome is Outcome.ACT:
            self._absorb()
            self._within_limits(symbol)

    def _within_limits(self, symbol: Symbol) -> None:
        """I6: with what is working and unknown, by the model's own sums."""
        book, gate = self.world.book, self.world.rules.gate
        entries = [(o, left) for o, left in self.left.items() if self.orders[o].leg is Leg.ENTRY]
        value = {s: float(abs(self.held[s]) + self._working(Leg.ENTRY, s)) * self.world.mids[s] for s in SYMBOLS}
        assert value[symbol] <= gate.max_position_pct * book.equity * 1.003  # sized at the touch, counted at the middle
        assert value[ACME] + value[BOLT] <= gate.max_sector_pct * book.equity * 1.003 or symbol == CORN
        busy = {s for s in SYMBOLS if self.held[s]} | {self.orders[o].symbol for o, _ in entries}
        assert len(busy) <= gate.max_open_positions
        claimed = sum((left * (self.orders[o].limit or Decimal(0)) for o, left in entries), ZERO)
        free = float(book.booked.cash) * gate.buying_power_multiplier - float(book.booked.reserve)
        assert float(claimed) <= free * 1.003

    @rule(symbol=symbols, name=st.sampled_from([*LIMITS, "calendar"]))
    def enter_without_a_limit(self, symbol: Symbol, name: str) -> None:
        """G1 (FIA): a limit that is missing lets nothing pass."""
        rules = self.world.rules
        self.world.rules = without = copy.copy(rules)
        if name == "calendar":
            without.calendars = {}
        else:
            without.gate = copy.copy(rules.gate)
            msgspec.structs.force_setattr(without.gate, name, nan)
        self.quote(symbol, 0)
        assert self.world.recommend(symbol).outcome is Outcome.SKIP
        self.world.rules = rules

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """R3, I5, G11: an exit is held back by a halt, by a venue that cannot take it, and by nothing else; it is never more than
        there is to close."""
        symbol = data.draw(st.sampled_from([s for s in SYMBOLS if self.held[s]]))
        left = self._to_close(symbol)
        against = {
            Reason.HALTED: self._halted(), Reason.LINK_NOT_READY: not self.link, Reason.NOT_TRADABLE: symbol in self.untradable,
            Reason.NOTHING_TO_REDUCE: left <= 0,
        }  # fmt: skip
        decided = self.world.recommend(symbol, Action.SELL, 0.1)
        assert set(decided.reasons) == {reason for reason, applies in against.items() if applies}
        assert (decided.outcome is Outcome.ACT) == (not decided.reasons)
        if decided.outcome is Outcome.ACT:
            assert decided.qty == left

    # laws -------------------------------------------------------------------------------------------------------------------

    def _absorb(self) -> None:
        """I7, G14: what is made under a halt guards what is held, or was asked for by a flatten."""
        acted = {o: f.source for f in self.world.facts[self.noted :] if isinstance(f, Decided) for o in f.orders}
        for fact in self.world.facts[self.noted :]:
            if not isinstance(fact, OrderIntended):
                continue
            order = fact.order
            self.orders[order.order_id], self.left[order.order_id] = order, order.qty
            assert order.qty > 0
            assert not self._halted() or (order.reduce_only and order.protective)
            assert acted.get(order.order_id) != "operator" or self.flattens
        self.noted = len(self.world.facts)

    @invariant()
    def the_strictest_hold_is_the_state(self) -> None:
        self._absorb()
        book = self.world.book
        assert (book.state(), book.halted()) == (self._state(), self._halted())
        assert [w.order.order_id in self.unknown for w in book.open_orders()] == [
            w.life is Life.UNKNOWN for w in book.open_orders()
        ]
        assert {s: book.qty(s) for s in SYMBOLS} == self.held

    @invariant()
    def nothing_leaves_that_may_not(self) -> None:
        """I7, I12, B10: asked again right before the bytes leave, of every order that waits for it."""
        book, gate = self.world.book, self.world.rules.gate
        state = TradingState.HALTED if book.halted() else book.state()
        for w in book.open_orders():
            order = w.order
            why = may_send(
                order, state, now=self.world.now, price_ts=book.markets[order.symbol].ts, link_up=book.booked.link_up, s=gate
            )  # fmt: skip
            if order.reduce_only:
                assert (why is None) == (order.protective or not self._halted())
            else:
                assert (why is None) == (not self._states() and self.link and not self._stale(order.symbol))


TestGates = Gates.TestCase
TestGates.settings = settings(max_examples=max(300, settings.default.max_examples // 2), stateful_step_count=50)
