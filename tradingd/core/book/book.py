"""One account's whole state: the booked half (a fold of facts) and the observed half (quotes, ranges, marks).

`Book.emit` is the only way booked state changes: it folds the fact and remembers it for the journal, so the live book and a
replay of the journal are the same by construction (I8). The observed half changes with every believed quote and is learned again
after a restart. Source: ARCHITECTURE "the way of one event", "Booked and observed".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import fsum, inf
from typing import Any

import msgspec

from tradingd.core.book.booked import Booked
from tradingd.core.book.correlations import Correlations
from tradingd.core.book.fold import fold
from tradingd.core.book.ledger import ONE
from tradingd.core.book.market import Market
from tradingd.core.book.orders import FINAL, OPEN, Life, Working, reserved_qty
from tradingd.core.book.recent import Recent
from tradingd.core.facts import AnyFact, Filled, Measures, OrderIntended, OrderMoved, StartedUp
from tradingd.core.types import ZERO, AccountId, Instrument, Leg, OrderId, Qty, Side, Symbol, TradingState

_STRICTER = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2, TradingState.LOCKED: 3}
_UNKNOWN = Life.UNKNOWN
_ENTRY, _EXIT, _PROTECT = Leg.ENTRY, Leg.EXIT, Leg.PROTECT  # at hand: see types._BUY
_encode = msgspec.json.Encoder().encode  # a dict keeps the order of the facts that filled it, live and in a replay
_decode = msgspec.json.Decoder(Booked).decode


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A close that waits for the protective stop to be gone, or for the link. insist: until the position is flat;
    tried: once already, so now no sooner than any close that was refused.   qty: no more than this, None for all of it;
    keep: and no more than leaves so much, whatever else was sold meanwhile."""

    source: str
    cause: str
    thesis: str = ""
    confidence: float | None = None
    asked: bool = False
    insist: bool = False
    tried: bool = False
    qty: Qty | None = None
    keep: Qty = Qty(ZERO)


class Book:
    """One broker account. Slotted: the quote path touches `markets`, `equity` and `watch_line` only."""

    __slots__ = (
        "_entries",
        "_of",
        "_open",
        "_owed",
        "account",
        "agenda",
        "booked",
        "closing",
        "correlations",
        "ends",
        "equity",
        "facts",
        "last_event_ts",
        "last_reconcile_ts",
        "loss_line",
        "maker", "marked", "markets",
        "measured_ts",
        "measures",
        "now",
        "quotes",
        "recent",
        "sharpe",
        "strategy_errors",
        "strategy_states",
        "twins",
        "watch_line",
    )  # fmt: skip

    def __init__(
        self, account: AccountId, *, currency: str = "USD", booked: Booked | None = None, maker: str = ""
    ) -> None:
        self.account = account
        self.maker = maker or account
        self.booked = booked or Booked(account=account, currency=currency)
        self.markets: dict[Symbol, Market] = {}
        self.facts: list[AnyFact] = []
        self.equity = 0.0  # observed: cash + marks, account currency; between two events that act a running sum
        self.loss_line = -inf  # below this equity the day's loss limit or the drawdown limit acts
        self.watch_line = -inf  # below this running sum it is counted exactly: SLACK above the other
        self.now = 0
        self.quotes = 0
        self.marked = 0  # how many quotes there were when equity was last counted
        self.last_event_ts = 0
        self.ends = 0  # orders that ended with executions we had not seen
        self.twins = 0  # recommendations seen again
        self.last_reconcile_ts = 0
        self.measures: Measures | None = None  # observed: performance at `measured_ts`, taken again after a restart
        self.measured_ts = 0
        # observed: the Sharpe ratio, and what it was worked out of: (newest day, days looked back on)
        self.sharpe: tuple[tuple[int, int], float | None] | None = None
        self.agenda: dict[
            int, int
        ] = {}  # observed: minute of the summary -> before that time nothing of the calendar is due
        self.closing: dict[Symbol, Wanted] = {}  # forgotten by a restart, which finds the position and its stop
        self.correlations = Correlations()
        self.strategy_states: dict[str, Any] = {}
        self.strategy_errors: dict[str, list[int]] = {}
        self.recent = Recent(self.booked)
        self._open = {order_id: w for order_id, w in self.booked.orders.items() if w.life in OPEN}
        self._entries = {order_id: w for order_id, w in self._open.items() if w.order.leg is _ENTRY}
        self._of: dict[Symbol, dict[OrderId, Working]] = {}
        for order_id, w in self._open.items():
            self._of.setdefault(w.order.symbol, {})[order_id] = w
        self._owed = {
            order_id: w for order_id, w in self.booked.orders.items() if order_id not in self._open and reserved_qty(w)
        }

    # the fold ---------------------------------------------------------------------------------------------------------

    def emit(self, fact: AnyFact) -> None:
        """Fold a fact and hand it to the journal with the step's result."""
        self._fold(fact)
        self.facts.append(fact)

    def replay(self, fact: AnyFact) -> None:
        """Fold a fact that is in the journal already."""
        self._fold(fact)
        self.now = fact.ts if type(fact) is StartedUp else max(self.now, fact.ts)

    def _fold(self, fact: AnyFact) -> None:
        """Fold, and keep the open orders at hand: what a decision costs must not grow with the orders of the past."""
        fold(self.booked, fact)
        if type(fact) is OrderIntended:
            order_id = fact.order.order_id
            self._open[order_id] = working = self.booked.orders[order_id]
            self._of.setdefault(fact.order.symbol, {})[order_id] = working
            if fact.order.leg is not _PROTECT:
                self.recent.sent(self.booked.sent[-1])
            if fact.order.leg is _ENTRY:
                self._entries[order_id] = working
        elif type(fact) is OrderMoved and fact.to in FINAL:
            working = self.booked.orders[fact.order_id]
            self._open.pop(fact.order_id, None)
            self._entries.pop(fact.order_id, None)
            self._of.get(working.order.symbol, {}).pop(fact.order_id, None)
            self.recent.ended(working)
            if reserved_qty(working):
                self._owed[fact.order_id] = working
                self.ends += 1
        elif type(fact) is Filled and fact.order_id in self._owed and not reserved_qty(self._owed[fact.order_id]):
            del self._owed[fact.order_id]

    def take_facts(self) -> tuple[AnyFact, ...]:
        facts = tuple(self.facts)
        self.facts.clear()
        return facts

    def dump(self) -> bytes:
        """The booked half as JSON: the snapshot, and what a state hash is taken over. The same facts make the same bytes."""
        return _encode(self.booked)

    @staticmethod
    def load(data: bytes) -> Booked:
        return _decode(data)

    # what is watched ---------------------------------------------------------------------------------------------------

    def watch(self, instrument: Instrument, *, band: float, atr_bars: int) -> Market:
        market = self.markets.get(instrument.symbol)
        if market is None:
            market = self.markets[instrument.symbol] = Market(instrument, band=band, atr_bars=atr_bars)
            if self.qty(instrument.symbol):
                market.expect(self._paid(instrument.symbol))
        return market

    def rate(self, instrument: Instrument) -> Decimal:
        """Account value of one price point of one unit: multiplier x fx."""
        if instrument.currency == self.booked.currency:
            return instrument.multiplier
        return instrument.multiplier * self.booked.rates.get(instrument.currency, ONE)

    def unit(self, symbol: Symbol) -> Decimal:
        """`rate` by symbol, also of one that the venue does not list any more: what is known of it is the position's multiplier."""
        market, position = self.markets.get(symbol), self.booked.positions.get(symbol)
        if market is not None:
            return self.rate(market.instrument)
        return position.multiplier if position is not None else ONE

    def fx(self, instrument: Instrument) -> float:
        """Account currency per unit of the instrument's currency: `rate` without the multiplier."""
        if instrument.currency == self.booked.currency:
            return 1.0
        return float(self.rate(instrument) / instrument.multiplier)

    def remark(self) -> None:
        """Recompute equity and each market's exposure from the booked side; called after any fact that moved money."""
        terms = [float(self.booked.cash)]
        for market in self.markets.values():
            position = self.booked.positions.get(market.instrument.symbol)
            if position is None or not position.qty:
                market.exposure = 0.0
                continue
            market.exposure = float(position.qty * self.rate(market.instrument))
            terms.append(market.exposure * (market.mid or market.prev_close or float(position.avg_price)))
        for symbol, position in self.booked.positions.items():
            if symbol not in self.markets and position.qty:
                terms.append(float(position.basis))
        self.equity = fsum(terms)
        self.marked = self.quotes

    def settle_marks(self) -> None:
        """Equity as the last marks give it, whatever way they came to stand there: before anything reads it to decide (T1)."""
        if self.marked != self.quotes:
            self.remark()

    # questions ---------------------------------------------------------------------------------------------------------

    def qty(self, symbol: Symbol) -> Qty:
        position = self.booked.positions.get(symbol)
        return position.qty if position is not None else Qty(ZERO)

    def open_orders(self, symbol: Symbol | None = None, leg: Leg | None = None) -> list[Working]:
        """Orders that may still trade, unknown ones included, in the order they were intended."""
        if symbol is not None:
            among = self._of.get(symbol)
        elif leg is _ENTRY:
            return list(self._entries.values())
        else:
            among = self._open
        if not among:
            return []
        return list(among.values()) if leg is None else [w for w in among.values() if w.order.leg is leg]

    def unknown_orders(self) -> list[Working]:
        return [w for w in self._open.values() if w.life is _UNKNOWN]

    def protection(self, symbol: Symbol) -> Working | None:
        """The protective stop that may be resting at the venue."""
        found = self.open_orders(symbol, _PROTECT)
        return found[-1] if found else None

    def working_exits(self, symbol: Symbol) -> Qty:
        """Quantity that exits may still close; what a closing order has filled by the venue's word counts until it is booked."""
        exits = self.open_orders(symbol, _EXIT)
        if not exits and not self._owed:
            return Qty(ZERO)
        return Qty(_total(w.leaves() for w in exits) + self.owed(symbol, entry=False))

    def owed(self, symbol: Symbol, *, entry: bool) -> Qty:
        """Executions of ended orders that the venue counted and we have not seen (D3, I6): of entries, or of what closes."""
        if not self._owed:
            return Qty(ZERO)
        ended = [w for w in self._owed.values() if w.order.symbol == symbol and (w.order.leg is _ENTRY) is entry]
        return Qty(_total(reserved_qty(w) for w in ended))

    def owed_cash(self) -> float:
        """What owed entries took, at the price they stood on."""
        entries = [w for w in self._owed.values() if w.order.leg is _ENTRY]
        return fsum([float(reserved_qty(w) * self.unit(w.order.symbol)) * w.order.ref_price for w in entries])

    def owes(self) -> bool:
        """Are there executions we have only heard of?"""
        return bool(self._owed)

    def all_seen(self) -> None:
        """The venue has counted no more fills than are booked: whatever its words about orders left open is no exposure."""
        self._owed.clear()

    def working_entries(self, symbol: Symbol) -> Qty:
        return Qty(_total(w.leaves() for w in self.open_orders(symbol, _ENTRY))) if self._entries else Qty(ZERO)

    def entering(self) -> dict[Symbol, Side]:
        """Symbol -> side of what is on its way in: working entries, executions still owed, tranches still to go."""
        if not self._entries and not self._owed and not self.booked.tranches:
            return {}
        found = {
            w.order.symbol: w.order.side
            for w in (*self._entries.values(), *self._owed.values())
            if w.order.leg is _ENTRY
        }
        found.update((t.symbol, t.side) for t in self.booked.tranches.values())
        return found

    def pending_entries(self, symbol: Symbol) -> Qty:
        """Parts of a gradual entry that are still to go: exposure, as an order that works (E10, I6)."""
        if not self.booked.tranches:
            return Qty(ZERO)
        return Qty(_total(part for t in self.booked.tranches.values() if t.symbol == symbol for part in t.left))

    def active_pool(self) -> float:
        return self.equity - float(self.booked.reserve)

    def drawdown(self) -> float:
        """Share of the highest equity; the starting capital counts as one (0..1)."""
        top = max(float(self.booked.high_water), self.equity)
        return (top - self.equity) / top if top > 0 else 0.0

    def day_loss(self) -> float:
        """Loss of this session as a share of its opening equity; negative is a gain."""
        base = float(self.booked.day_open)
        return (base - self.equity) / base if base > 0 else 0.0

    def state(self) -> TradingState:
        """The strictest of all holds (FEATURES 5.9)."""
        strictest = TradingState.ACTIVE
        for hold in self.booked.holds.values():
            if _STRICTER[hold.state] > _STRICTER[strictest]:
                strictest = hold.state
        return strictest

    def halted(self) -> bool:
        """Does any hold halt? A lockout on top of a halt stands above it and still lets no exit pass that the halt stops."""
        return any(hold.state is TradingState.HALTED for hold in self.booked.holds.values())

    def breaker_word(self) -> str:
        """The active trips in words, "" when none."""
        return ", ".join(sorted(self.booked.trips))

    def values(self, *, but: Symbol | None = None, known: Mapping[Symbol, float] | None = None) -> dict[str, float]:
        """Sector -> absolute market value, working and pending entries counted at their reference price (I6). but: a symbol that is
        left out.   known: `symbol_value` of some, by whoever has asked for it at this moment."""
        by_sector: dict[str, list[float]] = {}
        entering: set[Symbol] = set()
        if self._entries or self._owed or self.booked.tranches:
            entering = {w.order.symbol for w in (*self._entries.values(), *self._owed.values())}
            entering.update(t.symbol for t in self.booked.tranches.values())
        for symbol, market in self.markets.items():
            if symbol == but:
                continue
            if known is not None and symbol in known:
                value = known[symbol]
            elif symbol in entering:
                value = self.symbol_value(symbol)
            elif market.exposure:
                value = abs(market.exposure) * (market.mid or self._paid(symbol))
            else:
                continue
            if value:
                by_sector.setdefault(market.instrument.sector, []).append(value)
        return {sector: fsum(values) for sector, values in by_sector.items()}

    def sector_value(self, sector: str) -> float:
        """One sector of `values`."""
        return fsum([self.symbol_value(s) for s, market in self.markets.items() if market.instrument.sector == sector])

    def symbol_value(self, symbol: Symbol) -> float:
        """Absolute market value with working and pending entries. Before the first quote what was paid, or asked, stands in for the
        mark: a restart must not make a holding look like nothing."""
        market = self.markets.get(symbol)
        mid = market.mid if market is not None else 0.0
        if market is not None:
            held = abs(market.exposure) * (mid or self._paid(symbol)) if market.exposure else 0.0
        else:
            held = abs(float(self.booked.positions[symbol].basis)) if self.qty(symbol) else 0.0
        if not self._entries and not self._owed and not self.booked.tranches:
            return held
        rate = self.unit(symbol)
        pending = [float(w.leaves() * rate) * (mid or w.order.ref_price) for w in self.open_orders(symbol, _ENTRY)]
        if self._owed and (owed := self.owed(symbol, entry=True)):
            pending.append(float(owed * rate) * (mid or max(w.order.ref_price for w in self._owed.values())))
        coming = [t for t in self.booked.tranches.values() if t.symbol == symbol]
        pending.extend([float(_total(t.left) * rate) * (mid or t.ref_price) for t in coming])
        return held + fsum(pending) if pending else held

    def _paid(self, symbol: Symbol) -> float:
        return float(self.booked.positions[symbol].avg_price)

    def held(self) -> list[Symbol]:
        return [s for s, p in self.booked.positions.items() if p.qty]

    def order(self, order_id: OrderId) -> Working | None:
        return self.booked.orders.get(order_id)


def _total(parts: Any) -> Decimal:
    total = ZERO
    for part in parts:
        total += part
    return total
