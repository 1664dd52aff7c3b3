"""When and at what price the venue fills an order: its own order record, top of book, and the rules of matching.

The rules. An arriving order takes the displayed price; an order that has rested fills at its own limit. A stop triggers when the
price it would trade at (bid to sell, ask to buy) reaches it and then takes that price, so a gap fills at the first price beyond.
Nothing fills above the displayed size; the rest goes on at the next quote. A reduce-only order never fills more than the true
position. There is no price protection: a market order takes whatever is shown.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tradingd.core.book.ledger import MONEY_PLACES
from tradingd.core.events import Quote
from tradingd.core.types import AccountId, OrderType, Side, Symbol, Tif

ZERO = Decimal(0)
TICK = Decimal("0.01")
LOT = Decimal(1)
WORKING = "working"
FILLED = "filled"
CANCELLED = "cancelled"
EXPIRED = "expired"
REJECTED = "rejected"
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING)
AT_ONCE = (Tif.IOC, Tif.FOK)

_BUY, _TRAILING = Side.BUY, OrderType.TRAILING  # at hand: on Python 3.11 a member looked up in its class is slow


class Grid:
    """What prices and quantities of one symbol are whole multiples of. unit: money for one point of one unit, the contract's
    multiplier."""

    __slots__ = ("far", "lot", "tick", "unit")

    def __init__(self, tick: Decimal = TICK, lot: Decimal = LOT, unit: Decimal = LOT) -> None:
        self.tick = tick
        self.lot = lot
        self.unit = unit
        self.far = 2 * float(tick)

    def value(self, qty: Decimal, price: Decimal) -> Decimal:
        """Money that so many of them are worth, signed as qty, rounded as the books of their owner are."""
        exact = qty * price * self.unit
        money = round(exact, MONEY_PLACES)
        return exact if exact == money else money


CENTS = Grid()


class Top:
    """What is shown of one symbol now, on its grid, and how much of the shown size is left. Most quotes meet no order: they are not
    worked out."""

    __slots__ = ("_grid", "_left", "_prices", "_shown", "_sizes")

    def __init__(self, quote: Quote, grid: Grid = CENTS) -> None:
        self._grid = grid
        self._shown = (quote.bid, quote.ask)  # the quote itself may be written over by a newer one
        self._sizes = (quote.bid_size, quote.ask_size)
        self._prices: tuple[Decimal, Decimal] | None = None
        self._left: list[Decimal] = []

    @property
    def prices(self) -> tuple[Decimal, Decimal]:
        """(bid, ask), inside what was shown."""
        if self._prices is None:
            bid, ask = self._shown
            tick = self._grid.tick
            self._prices = on_grid(bid, ROUND_FLOOR, tick), on_grid(ask, ROUND_CEILING, tick)
        return self._prices

    @property
    def mid(self) -> Decimal:
        bid, ask = self.prices
        return (bid + ask) / 2

    def price(self, side: Side) -> Decimal:
        """What an order of that side trades at now."""
        return self.prices[side is _BUY]

    def is_short_of(self, side: Side, stop: Decimal) -> bool:
        """Is the price for an order of that side far, by more than the grid, from where its stop would let it go?"""
        (bid, ask), far = self._shown, self._grid.far
        return float(stop) - ask > far if side is _BUY else bid - float(stop) > far

    def left(self, side: Side) -> Decimal:
        """What is shown to an order of that side, less what was taken of it."""
        if not self._left:
            lot = self._grid.lot
            self._left = [Decimal(repr(size)) // lot * lot for size in self._sizes]
        return self._left[side is _BUY]

    def take(self, side: Side, qty: Decimal) -> None:
        lot = self._grid.lot  # a fraction uses up a lot, or the next order would be left with one
        self._left[side is _BUY] = (self.left(side) - qty) // lot * lot


def on_grid(x: float, mode: str, tick: Decimal = TICK) -> Decimal:
    return (Decimal(repr(x)) / tick).to_integral_value(mode) * tick


class VenueOrder:
    """One order as the venue keeps it. client_id "" marks an order nobody here sent (foreign)."""

    __slots__ = (
        "account", "client_id", "code", "cum", "ended", "fee", "limit", "opening", "qty", "reduce_only", "rested", "rev", "side",
        "status", "stop", "symbol", "text", "tif", "trail", "triggered", "ts", "type", "value", "venue_id",
    )  # fmt: skip

    def __init__(
        self, account: AccountId, client_id: str, symbol: Symbol, side: Side, qty: Decimal, type: OrderType, tif: Tif, *,  # noqa: A002 the venue's word
        limit: Decimal | None = None, stop: Decimal | None = None, trail: Decimal | None = None, reduce_only: bool = False,
    ) -> None:  # fmt: skip
        self.account = account
        self.client_id = client_id
        self.venue_id = ""
        self.symbol = symbol
        self.side = side
        self.qty = qty
        self.type = type
        self.tif = tif
        self.limit = limit
        self.stop = stop
        self.trail = trail
        self.reduce_only = reduce_only
        self.status = WORKING
        self.cum = ZERO
        self.value = ZERO  # of what has filled, > 0
        self.fee = ZERO
        self.opening = ZERO  # the part that opens exposure, as judged on arrival
        self.rev = 0
        self.ts = self.ended = 0
        self.code = self.text = ""
        self.rested = False
        self.triggered = type not in STOPS

    @property
    def leaves(self) -> Decimal:
        return self.qty - self.cum

    def clipped(self, position: Decimal) -> Decimal:
        """What may still fill, given the account's true position."""
        if not self.reduce_only:
            return self.leaves
        return min(self.leaves, max(ZERO, -position * self.side.sign))

    def reduces(self, position: Decimal) -> bool:
        """Is there anything of that position it would close?"""
        return bool(position) and position.is_signed() is (self.side is _BUY)

    def trigger(self, top: Top) -> bool:
        """Move a trailing stop with the market, then say whether the order is live for trading."""
        if self.triggered:
            return True
        if self.type is not _TRAILING and self.stop is not None and top.is_short_of(self.side, self.stop):
            return False
        price = top.price(self.side)
        if self.type is _TRAILING and self.trail is not None:
            wanted = price + self.trail * self.side.sign
            if self.stop is None or (wanted - self.stop) * self.side.sign < 0:
                self.stop = wanted
        if self.stop is not None and (price - self.stop) * self.side.sign >= 0:
            self.triggered = True
            self.rested = False
        return self.triggered

    def slipped(self, price: Decimal, bps: Decimal, tick: Decimal) -> Decimal:
        """A price that is worse by so many hundredths of a percent, on the grid, and no worse than the order's limit."""
        worse = price * (1 + self.side.sign * bps / 10_000)
        price = (worse / tick).to_integral_value(ROUND_CEILING if self.side is Side.BUY else ROUND_FLOOR) * tick
        if self.limit is not None and (price - self.limit) * self.side.sign > 0:
            return self.limit
        return max(price, tick)

    def match(self, top: Top, position: Decimal) -> tuple[Decimal, Decimal] | None:
        """(price, quantity) that trades against this top, None when nothing does."""
        if not self.trigger(top):
            return None
        price = top.price(self.side)
        if self.limit is not None:
            if (price - self.limit) * self.side.sign > 0:
                return None
            if self.rested:
                price = self.limit
        wanted = self.clipped(position)
        qty = min(wanted, top.left(self.side))
        if qty <= 0 or (self.tif is Tif.FOK and qty < self.leaves):
            return None
        return price, qty


def is_odd_lot(order: VenueOrder, held: Decimal, grid: Grid) -> bool:
    """Does the order close all of a position, or part of one that is itself off the grid? A split leaves such fractions, and what
    is held can always be sold."""
    return order.reduces(held) and (order.leaves == abs(held) or (order.leaves < abs(held) and held % grid.lot != 0))


def fault_of(order: VenueOrder, grid: Grid, held: Decimal = ZERO) -> tuple[str, str] | None:
    """The venue's refusal of a malformed order: (code, text), None when it is well formed. held: the account's position."""
    if order.qty <= 0 or (order.qty % grid.lot and not is_odd_lot(order, held, grid)):
        return "BAD_QTY", f"quantity {order.qty} is not a positive multiple of {grid.lot}"
    for name, price in (("limit", order.limit), ("stop", order.stop), ("trail", order.trail)):
        if price is not None and (price <= 0 or price % grid.tick):
            return "BAD_PRICE", f"{name} {price} is not on the {grid.tick} grid"
    if (order.limit is None) == (order.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}):
        return "BAD_PRICE", f"a {order.type} order needs its prices and no others"
    if order.stop is None and order.type in {OrderType.STOP, OrderType.STOP_LIMIT}:
        return "BAD_PRICE", f"a {order.type} order needs a stop price"
    if order.trail is None and order.type is _TRAILING:
        return "BAD_PRICE", "a trailing order needs its distance"
    return None
