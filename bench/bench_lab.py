"""A backtest of 1,000,000 quotes over ten instruments, every quote looked at and with those passed over that cannot matter.

The quotes are those that the peers of the measurements replay (ten random walks on a cent grid, 10 ms apart on average, PCG64 of
one seed), moved into a session. Ten positions are held with stops, of which none fires; with trades, every 500th quote is followed
by a bar upon which an instrument is bought, or sold again. Dense and sparse must come to the same facts.
"""

import gc
import resource
import statistics
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from bench import walks
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import load_text
from tradingd.core.events import Action, Bar
from tradingd.core.facts import AnyFact, OrderIntended
from tradingd.core.signals.strategy import Loaded, Signal
from tradingd.core.types import NS, AccountId, Instrument, Leg, Money, Symbol
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.block import Block
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.market import Item, SessionClose, SessionOpen

Row = tuple[str, float, str]
ACCOUNT = AccountId("bench")
QUOTES = walks.QUOTES
SYMBOLS = [Symbol(f"K{i}") for i in range(walks.INSTRUMENTS)]
DAY = "2008-06-02"
ROWS = 16_384  # of a block
REPEATS = 3
CONFIG = """
mode = "paper"
[journal]
force_fs = true
[accounts.bench]
broker = "sim"
capital = "100000000 USD"
[risk]
price_max_age_s = "301s"
max_order_notional = "25000 USD"
[entry]
tranches = 1
[rebalance]
max_positions = 20
[house]
timer_s = "{timer}"
positions_s = "30m"
orders_s = "5m"
"""


class Ticks:
    """The workload as a market. trades: with a bar after every 500th quote."""

    def __init__(self, count: int, *, trades: bool) -> None:
        self.trades = trades
        session = session_table("XNYS").session(DAY)
        assert session is not None
        self.session = session
        self.columns = workload(count, session.open_ns + 1_200 * NS)
        self.last = int(self.columns[1][-1])

    def instruments(self) -> list[Instrument]:
        return [Instrument(symbol=symbol, sector=f"sector {symbol}") for symbol in SYMBOLS]

    def items(self) -> Iterator[Item]:
        yield Item(self.session.open_ns, SessionOpen(DAY, self.session.close_ns))
        ts, count = self.columns[1], len(self.columns[1])
        at = 0
        while at < count:
            bars = at < 500 * len(SYMBOLS) or self.trades
            end = min(count, at + (500 if bars else ROWS))
            yield Item(int(ts[at]), Block(SYMBOLS, *(column[at:end] for column in self.columns)))
            at = end
            if bars:
                yield Item(int(ts[at - 1]), self._bar(SYMBOLS[at // 500 % len(SYMBOLS)], int(ts[at - 1]), 1800, 0.001))
        yield Item(self.session.close_ns, SessionClose(DAY))

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        return [
            self._bar(symbol, self.session.open_ns - k * 86_400 * NS, 86_400, 0.05, history=True)
            for k in range(20, 0, -1)
        ]

    def _bar(self, symbol: Symbol, ts: int, span_s: int, wide: float, *, history: bool = False) -> Bar:
        p = 1000.0 + 100 * SYMBOLS.index(symbol)
        return Bar(
            ts=ts,
            symbol=symbol,
            span_s=span_s,
            open=p,
            high=p * (1 + wide),
            low=p * (1 - wide),
            close=p,
            history=history,
        )


def workload(count: int, begin: int) -> tuple[Any, ...]:
    """The columns of a block: which, ts, bid, ask, bid size, ask size, seq."""
    made = walks.ticks(walks.generator(), count)
    which, ts = made["inst"].astype(np.int16), made["ts"] + (begin - walks.BEGIN)
    bid, ask = made["bid"], made["ask"]
    sizes = [made[side].astype(float) for side in ("bsz", "asz")]
    return which, ts, bid, ask, *sizes, np.arange(1, count + 1)


class Turns:
    """Buys what it is shown a bar of and does not hold; sells what it holds."""

    class Settings(msgspec.Struct, frozen=True):
        pass

    State = int
    WANTS = frozenset({Bar})

    def initial(self, _: Any) -> int:
        return 0

    def decide(self, _: Any, state: int, view: Any, bar: Bar) -> tuple[int, tuple[Signal, ...]]:
        if bar.history or bar.span_s != 1800:
            return state, ()
        action = Action.SELL if view.qty(bar.symbol) else Action.BUY
        return state, (Signal(symbol=bar.symbol, action=action, confidence=0.9, thesis="a turn", key=str(bar.ts)),)


def once(count: int, *, sparse: bool, trades: bool, timer: str = "5m") -> tuple[float, int, list[AnyFact]]:
    """(quotes a second of CPU; orders, without what the end of the data closes; all facts)."""
    env, clock = replay_env()
    market = Ticks(count, trades=trades)
    exchange = Exchange(market, {ACCOUNT: Money(Decimal(100_000_000))}, keep=False)
    told: list[AnyFact] = []
    config = load_text(CONFIG.format(timer=timer), name="bench.toml").config
    strategy = Loaded(name="turns", module=Turns(), settings=Turns.Settings())  # type: ignore[arg-type]
    run = run_of(env, clock, config, ACCOUNT, exchange, (strategy,), record=told.extend, sparse=sparse)
    run.start("bench", "b", "c")
    gc.collect()
    gc.disable()
    began = time.process_time_ns()
    assert run.drive()
    seconds = (time.process_time_ns() - began) / 1e9
    gc.enable()
    assert exchange.quotes == run.book.quotes == count
    orders = [fact.order.leg for fact in told if isinstance(fact, OrderIntended) and fact.ts <= market.last]
    assert trades or (orders.count(Leg.ENTRY), orders.count(Leg.EXIT)) == (len(SYMBOLS), 0)
    return count / seconds, len(orders), told


def run(count: int = QUOTES, repeats: int = REPEATS) -> list[Row]:
    """CPU time of this process, medians."""
    rows: list[Row] = []
    for trades, timer, what in (
        (False, "5m", "10 positions, nothing fires"), (False, "5s", "the same, time passing each 5 s"), (True, "5m", "trades"),
    ):  # fmt: skip
        facts = []
        for sparse in (False, True):
            found = [once(count, sparse=sparse, trades=trades, timer=timer) for _ in range(repeats)]
            name = f"{'sparse' if sparse else 'dense'}, {what}{f' ({found[0][1]} orders)' if trades else ''}"
            rows.append((name, statistics.median(rate for rate, _, _ in found), "quotes/s"))
            facts.append(found[0][2])
        assert facts[0] == facts[1]
    rows.append(
        (
            "most memory of this process, all quotes in it",
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "MiB",
        )
    )
    return rows
