"""Markets whose quotes come as columns: random ones with everything a feed can do wrong, and any other market's quotes gathered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np

from tradingd.app import strategies_of
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import Config
from tradingd.core.book.book import Book
from tradingd.core.events import Action, Bar, Quote
from tradingd.core.facts import AnyFact
from tradingd.core.signals.strategy import Loaded, Signal
from tradingd.core.types import NS, AccountId, Instrument, Money, OrderType, Qty, Side, Symbol, Tif
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.carry import Carry
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.market import CorporateAction, Feed, Item, SessionClose, SessionOpen
from tradingd_adapters.sim.matching import VenueOrder

ACCOUNT = AccountId("demo")
DATE = "2008-10-06"
DAY_NS = 86_400 * NS
OPEN = 1_223_299_800 * NS  # 13:30 UTC
CLOSE = OPEN + 23_400 * NS
CARRY = Carry(credit_pct=Decimal(3), debit_pct=Decimal(6))
NAMES = tuple(Symbol(name) for name in ("AAPL", "GOOG", "IBM", "MSFT"))
PRICES = {"AAPL": 100.0, "GOOG": 400.0, "IBM": 90.0, "MSFT": 25.0}
ODD = ("nan", "inf", "crossed", "zero", "absurd", "again", "back", "low", "gap")

OBSERVED = (
    "bid", "ask", "mid", "ts", "seq", "lo", "hi", "low_line", "high_line", "exposure", "quarantined", "suspects", "breached_ts",
)  # fmt: skip


class Asked(msgspec.Struct, frozen=True):
    """What one random market is like. rows: quotes.   wobble: share by which a price moves from quote to quote.   gap: ns between
    quotes, about.   digits: of a price; the venue's grid has two.   odd: rows among 1,000 that are none of the ordinary."""

    seed: int
    rows: int
    wobble: float
    gap: int
    odd: int
    drift: float = 0.0
    ideas: bool = True
    split: bool = False
    orders: int = 0
    digits: int = 2
    multiplier: int = 1


def columns_of(asked: Asked) -> list[tuple[int, int, float, float, float, float]]:
    """(symbol, ts, bid, ask, bid size, ask size) in the order they are shown."""
    rng = np.random.Generator(np.random.PCG64(asked.seed))
    mids = [PRICES[name] for name in NAMES]
    ts, rows = OPEN + 1_800 * NS, []
    for _ in range(asked.rows):
        i = int(rng.integers(0, len(NAMES)))
        ts += 1 + int(rng.exponential(asked.gap))
        mids[i] *= 1.0 + float(rng.normal(asked.drift, asked.wobble))
        half = int(rng.integers(1, 4)) * 0.01
        mid = max(0.5, mids[i])
        bid, ask, at = round(mid - half, asked.digits), round(mid + half, asked.digits), ts
        if int(rng.integers(0, 1000)) < asked.odd:
            match ODD[int(rng.integers(0, len(ODD)))]:
                case "nan":
                    bid = float("nan")
                case "inf":
                    bid, ask = bid * 1.0, float("inf")
                case "crossed":
                    bid, ask = ask, bid
                case "zero":
                    bid = -bid if rng.integers(0, 2) else 0.0
                case "absurd":
                    by = float(rng.choice([0.6, 1.6]))
                    mids[i] = mids[i] if rng.integers(0, 2) else mids[i] * by
                    bid, ask = bid * by, ask * by
                case "again":
                    at = rows[-1][1] if rows else ts
                case "back":
                    at = ts - int(rng.integers(1, 30)) * NS
                case "low":
                    mids[i] *= 0.97
                case _:
                    ts += int(rng.integers(1, 900)) * NS
        if at >= CLOSE:
            break
        rows.append((i, at, bid, ask, float(rng.integers(0, 300)), float(rng.integers(0, 300))))
    return rows


def block_of(rows: Sequence[tuple[int, int, float, float, float, float]], first: int) -> Block:
    which, ts, bid, ask, bid_size, ask_size = zip(*rows, strict=True)
    sizes = [np.array(column, dtype=float) for column in (bid, ask, bid_size, ask_size)]
    seq = np.arange(first, first + len(rows), dtype=np.int64)
    return Block(NAMES, np.array(which, dtype=np.int16), np.array(ts, dtype=np.int64), *sizes, seq)


class Random:
    """A session of random quotes in blocks, with bars, perhaps a split, in between."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def instruments(self) -> list[Instrument]:
        return [Instrument(symbol=name, sector=name, multiplier=Decimal(self.asked.multiplier)) for name in NAMES]

    def items(self) -> Iterator[Item]:
        asked, rows = self.asked, columns_of(self.asked)
        rng = np.random.Generator(np.random.PCG64(asked.seed + 1))
        yield Item(OPEN, SessionOpen(DATE, CLOSE))
        at = 0
        while at < len(rows):
            n = int(rng.choice([1, 3, 40, 400, 2_000]))
            if at and n > 1:
                yield from self._between(rows[at - 1][1], int(rng.integers(0, len(NAMES))), split=asked.split)
            yield Item(rows[at][1], block_of(rows[at : at + n], at + 1))
            at += n
        yield Item(CLOSE, SessionClose(DATE))
        for name in NAMES:
            yield Item(CLOSE + NS, self._bar(name, CLOSE, DAY_NS // NS, 1.0))

    def _between(self, ts: int, i: int, *, split: bool) -> Iterator[Item]:
        yield Item(ts, self._bar(NAMES[i], ts, 1800, 1.0))
        if split and i == 1:
            self.asked = msgspec.structs.replace(self.asked, split=False)
            yield Item(ts, CorporateAction(NAMES[i], DATE, "split", Decimal(2), f"split-{ts}"))

    @staticmethod
    def _bar(name: Symbol, ts: int, span_s: int, by: float, *, history: bool = False) -> Bar:
        p = PRICES[name] * by
        return Bar(
            ts=ts,
            symbol=name,
            span_s=span_s,
            open=p,
            high=p * 1.004,
            low=p * 0.996,
            close=p,
            volume=1e6,
            history=history,
        )

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        return [self._bar(symbol, CLOSE - k * DAY_NS, 86_400, 1.0, history=True) for k in range(20, 0, -1)]


class Gathered:
    """Another market, its quotes that follow one another gathered into blocks."""

    def __init__(self, inner: Feed) -> None:
        self.inner = inner
        self.instruments, self.history = inner.instruments, inner.history
        self._symbols = [i.symbol for i in inner.instruments()]

    def items(self) -> Iterator[Item]:
        waiting: list[Quote] = []
        for item in self.inner.items():
            if isinstance(item.what, Quote):
                waiting.append(item.what)
                continue
            if waiting:
                yield self._block(waiting)
                waiting = []
            yield item
        if waiting:
            yield self._block(waiting)

    def _block(self, quotes: list[Quote]) -> Item:
        of: Any = lambda name, kind: np.array([getattr(q, name) for q in quotes], dtype=kind)  # noqa: E731
        which = np.array([self._symbols.index(q.symbol) for q in quotes], dtype=np.int16)
        prices = [of(name, float) for name in ("bid", "ask", "bid_size", "ask_size")]
        return Item(
            quotes[0].ts, Block(self._symbols, which, of("ts", np.int64), *prices, of("seq", np.int64), source="sim")
        )


class Buyer:
    """A strategy that buys whatever it is shown a bar of, and sells what it holds at every fourth."""

    class Settings(msgspec.Struct, frozen=True):
        pass

    State = int
    WANTS = frozenset({Bar})

    def initial(self, _: Any) -> int:
        return 0

    def decide(self, _: Any, state: int, view: Any, bar: Bar) -> tuple[int, tuple[Signal, ...]]:
        if bar.history or bar.span_s != 1800:
            return state, ()
        held = view.qty(bar.symbol) > 0
        if held and state % 4:
            return state + 1, ()
        action = Action.SELL if held else Action.BUY
        idea = Signal(symbol=bar.symbol, action=action, confidence=0.9, thesis=f"of {state}", key=str(bar.ts))
        return state + 1, (idea,)


BUYER = Loaded(name="buyer", module=Buyer(), settings=Buyer.Settings())  # type: ignore[arg-type]


def enter_orders(exchange: Exchange, asked: Asked) -> None:
    """Orders of every kind come from elsewhere while the market runs, and rest."""
    rng = np.random.Generator(np.random.PCG64(asked.seed + 2))
    kinds = (OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING, OrderType.MARKET)
    span = max(1, asked.rows * asked.gap)
    for _ in range(asked.orders):
        name = NAMES[int(rng.integers(0, len(NAMES)))]
        side = Side.BUY if rng.integers(0, 2) else Side.SELL
        kind = kinds[int(rng.integers(0, len(kinds)))]
        spread = PRICES[name] * 4 * asked.wobble * asked.rows**0.5
        away = Decimal(float(rng.normal(0.0, spread))).quantize(Decimal("0.01"))
        price = max(Decimal("0.05"), Decimal(repr(PRICES[name])) + away)
        order = VenueOrder(
            ACCOUNT, "", name, side, Qty(Decimal(int(rng.integers(1, 400)))), kind, Tif.DAY,
            limit=price if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
            stop=price if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
            trail=abs(away / 8).quantize(Decimal("0.01")) + Decimal("0.01") if kind is OrderType.TRAILING else None,
            reduce_only=bool(rng.integers(0, 2)),
        )  # fmt: skip
        ts = OPEN + 1_800 * NS + int(rng.integers(0, span))

        def enter(order: VenueOrder = order) -> None:
            exchange.floor.foreign(exchange.floor.accounts[ACCOUNT], order)

        exchange.at(ts, enter)


class Ran(msgspec.Struct):
    """What came of a run. quotes: of the market.   shown: of those, how many the venue was made to show."""

    facts: list[AnyFact]
    book: Book
    venue: list[Any]
    events: int
    quotes: int
    shown: int


def ran(
    config: Config, feed: Feed, *, sparse: bool, asked: Asked | None = None, latency: int = 2_000_000,
    strategies: tuple[Loaded, ...] | None = None,
) -> Ran:  # fmt: skip
    """One run over a market. strategies: else those of the configuration, on a random market the one that buys."""
    env, clock = replay_env()
    settings = ExchangeSettings(latency_in_ns=latency, latency_out_ns=latency, carry=CARRY)
    exchange = Exchange(feed, {ACCOUNT: Money(config.accounts[ACCOUNT].capital)}, settings=settings)
    if strategies is None:
        strategies = strategies_of(config) if asked is None else ((BUYER,) if asked.ideas else ())
    told: list[AnyFact] = []
    run = run_of(env, clock, config, ACCOUNT, exchange, strategies, record=told.extend, sparse=sparse)
    shown = [0]
    publish = exchange.floor.quote

    def count(quote: Quote) -> None:
        shown[0] += 1
        if (
            quote.bid - quote.bid == 0.0 == quote.ask - quote.ask
        ):  # the floor trades at numbers; the core is shown anything
            publish(quote)

    exchange.floor.quote = count  # type: ignore[method-assign]
    run.start("demo", "b", "c")
    if asked is not None:
        enter_orders(exchange, asked)
    assert run.drive()
    run.finish("over")
    return Ran(told, run.book, exchange.records, run.events, exchange.quotes, shown[0])


def state_of(one: Ran) -> dict[str, Any]:
    """All that two runs must agree on besides their facts."""
    book = one.book
    markets = {s: [getattr(m, f) for f in OBSERVED] + [list(m.swings)] for s, m in book.markets.items()}
    return {
        "book": book.dump(), "equity": book.equity, "now": book.now, "quotes": book.quotes, "markets": markets,
        "venue": one.venue, "events": one.events, "shown": one.quotes, "strategies": book.strategy_states,
        "head": sha256(b"".join(map(msgspec.json.encode, one.facts))).hexdigest(),
    }  # fmt: skip
