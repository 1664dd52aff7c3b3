"""One run of this house over the workload, put together as `tradingd backtest` puts one together.

Every event goes through `core.pipeline.step`, all gates, every fact made; orders go to the simulated venue, without latency and
fees as with the other engines. Facts are counted, or also written to a folder as a backtest writes them: the chained journal and
the tables.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from bench.bench_lab import Turns
from bench.peers.market import CAPITAL, BarMarket, TickMarket
from bench.peers.rule import strategy
from tradingd.backtest.disk import HastyDisk
from tradingd.backtest.folder import Folder
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import Config, config_hash, describe, load_text
from tradingd.core.events import Bar, Quote
from tradingd.core.facts import AnyFact, Decided, OrderIntended
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import AccountId, Leg, Money
from tradingd.lab.results.result import About
from tradingd.lab.run import Record, Run
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd_adapters.sim.accounts import Fees
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings
from tradingd_adapters.sim.market import Feed

ACCOUNT = AccountId("bench")
TURN = 543  # quotes from one bar that is acted upon to the next: as many orders as `sparse` makes
CONFIG = """
mode = "paper"
[journal]
force_fs = true
[accounts.bench]
broker = "sim"
capital = "100000000 USD"
[entry]
order = "market"
allow_short = true
tranches = 1
[sizer]
absolute_cap = "1990 USD"              # one unit of most instruments
[risk]
pdt = false
orders_per_minute = 1000000
exits_per_minute = 1000000
repeated_executions = 1000000
duplicate_window_s = 0.000001
price_max_age_s = "301s"               # this and the rhythms as the backtester ships them
[house]
timer_s = "5m"
positions_s = "30m"
orders_s = "5m"
[breaker]
position_loss = 0.5
[stops]
no_price_min = 60                      # what is shown begins and ends a quarter of an hour within a session
[tiers.conservative]
min_confidence = 0.75
base_allocation = 0.025
max_position_pct = 0.05
stop_loss_atr_multiplier = 5.0         # the house's own stops stand by, far away
reward_risk_ratio = 2.0
max_sector_pct = 0.20
max_portfolio_heat = 0.04
"""

VENUE = ExchangeSettings(
    floor=FloorSettings(fees=Fees(per_share=Decimal(0), minimum=Decimal(0))), latency_in_ns=0, latency_out_ns=0
)
Around = Callable[[Callable[[], Any]], None]


class Shown(Protocol):
    """A market that says how far it came. last: ns, of what it showed last."""

    last: int


class Count:
    """What a run recorded. orders: entries and exits while there is data; what no data closes afterwards is the house's own.
    legs: all orders intended, the stops that rest at the venue for each position among them.   reasons: of refusals."""

    def __init__(self, market: Shown) -> None:
        self._market = market
        self.orders = 0
        self.facts = 0
        self.legs: Counter[Leg] = Counter()
        self.reasons: Counter[str] = Counter()

    def take(self, facts: tuple[AnyFact, ...]) -> None:
        self.facts += len(facts)
        for fact in facts:
            if type(fact) is OrderIntended:
                self.legs[fact.order.leg] += 1
                self.orders += fact.order.leg is not Leg.PROTECT and fact.ts <= self._market.last
            elif type(fact) is Decided and fact.reasons:
                self.reasons.update(reason.value for reason in fact.reasons)


def rigged(
    market: Feed, module: Any, own: Any, record: Record, *, env: tuple[RealEnv, ReplayClock] | None = None,
    on_bar: Callable[[Bar], None] = lambda _: None,
) -> Run:  # fmt: skip
    """A run that has begun, looked at as `tradingd backtest` does by default. module, own: the strategy and its settings."""
    env = env or replay_env()
    exchange = Exchange(market, {ACCOUNT: Money(CAPITAL)}, settings=VENUE, keep=False)
    strategies = (Loaded(name="bench", module=module, settings=own),)
    run = run_of(*env, configured(), ACCOUNT, exchange, strategies, record=record, on_bar=on_bar, sparse=True)
    run.start("backtest", "0", "0")
    return run


def configured() -> Config:
    return load_text(CONFIG, name="bench.toml").config


def run_over(
    data: Path, workload: str, mode: str, *, cut: int = 0, folder: Path | None = None, skip: bool = False, around: Around
) -> tuple[TickMarket | BarMarket, Count]:  # fmt: skip
    """One run: the market it was shown, and what came of it.

    workload: ticks or bars.   mode: of `rule.MODES`.   cut: only the first events, 0 for all.   folder: where its journal goes,
    None to count only.   skip: orders come of bars, so that quotes can be passed over.   around: calls what it is
    given, once: that is what is measured.
    """
    ticks = workload == "ticks"
    market: TickMarket | BarMarket = (
        TickMarket(data / "ticks.npz", cut, turn=TURN if skip else 0) if ticks else BarMarket(data / "bars.npz", cut)
    )
    module, own = (Turns(), Turns.Settings()) if skip else strategy(mode, Quote if ticks else Bar)
    count = Count(market)
    if folder is None:
        run = rigged(market, module, own, count.take)
        around(lambda: _driven(run))
        return market, count
    env, config = replay_env(), configured()
    env[0].disk = HastyDisk()
    book = Folder(env[0], folder, _about(config), describe(config), segment_bytes=64 << 20, page=False)

    def record(facts: tuple[AnyFact, ...]) -> None:
        count.take(facts)
        book.record(facts)

    run = rigged(market, module, own, record, env=env, on_bar=book.sheet.bar)
    book.book = run.book

    def whole() -> None:
        _driven(run)
        book.close("complete", "", [])

    around(whole)
    return market, count


def _driven(run: Run) -> None:
    whole = run.drive()
    assert whole, "nobody stops it"


def _about(config: Config) -> About:
    return About(
        data="bench", begin="2008-06-02", end="2010-12-31", capital=Money(CAPITAL), currency="USD", tier=config.tier.name,
        strategies=("crosses",), config_hash=config_hash(config), build="0", sessions_a_year=252,
    )  # fmt: skip
