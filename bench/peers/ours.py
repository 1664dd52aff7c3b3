"""One run of this house over the workload, in a process of its own: `python -m bench.peers.ours ticks cross --data DIR`.

The backtester's own parts in its own order (`tradingd backtest` puts the same ones together): every event through
`core.pipeline.step`, all gates, every fact made; orders to the simulated venue without latency and fees, as with the others. Facts
are counted, or with `--journal` written to a folder as a backtest writes them: the chained journal and the tables.
"""

import argparse
import gc
import json
import os
import platform
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from bench.peers.market import CAPITAL, BarMarket, TickMarket, parts
from bench.bench_lab import Turns
from bench.peers.rule import BAR_STOP, MODES, TICK_STOP, Expected, expected, strategy
from tradingd.backtest.disk import HastyDisk
from tradingd.backtest.folder import Folder
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import Config, config_hash, describe, load_text
from tradingd.core.events import Bar, Quote
from tradingd.core.facts import AnyFact, Decided, OrderIntended
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import AccountId, Leg, Money
from tradingd.lab.results.result import About
from tradingd_adapters.sim.accounts import Fees
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings

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


class Count:
    """What a run recorded. orders: entries and exits while there is data; what no data closes afterwards is the house's own.
    legs: all orders intended, the stops that rest at the venue for each position among them.   reasons: of refusals."""

    def __init__(self, market: TickMarket | BarMarket) -> None:
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


def run_over(
    data: Path,
    workload: str,
    mode: str,
    *,
    cut: int = 0,
    folder: Path | None = None,
    skip: bool = False,
    around: Around,
) -> tuple[TickMarket | BarMarket, Count]:
    """One run: the market it was shown, and what came of it. workload: ticks or bars.   mode: of `rule.MODES`.   cut: only the first
    events, 0 for all.   folder: where its journal goes, None to count only.   skip: quotes that cannot matter are passed over, and
    orders come of bars.   around: calls what it is given, once: that is what is measured."""
    kind: type[Quote | Bar] = Quote if workload == "ticks" else Bar
    market: TickMarket | BarMarket = (
        TickMarket(data / "ticks.npz", cut, turn=TURN if skip else 0)
        if kind is Quote
        else BarMarket(data / "bars.npz", cut)
    )
    env, clock = replay_env()
    env.disk = HastyDisk()
    config = load_text(CONFIG, name="bench.toml").config
    exchange = Exchange(market, {ACCOUNT: Money(CAPITAL)}, settings=VENUE, keep=False)
    module, own = (Turns(), Turns.Settings()) if skip else strategy(mode, kind)
    count = Count(market)
    book = None
    if folder is not None:
        book = Folder(env, folder, _about(config), describe(config), segment_bytes=64 << 20, page=False)

    def record(facts: tuple[AnyFact, ...]) -> None:
        count.take(facts)
        if book is not None:
            book.record(facts)

    run = run_of(
        env, clock, config, ACCOUNT, exchange, (Loaded(name="crosses", module=module, settings=own),), record=record,  # type: ignore[arg-type]
        on_bar=(lambda _: None) if book is None else book.sheet.bar, sparse=skip,
    )  # fmt: skip
    if book is not None:
        book.book = run.book
    run.start("backtest", "0", "0")

    def whole() -> None:
        assert run.drive()
        if book is not None:
            book.close("complete", "", [])

    around(whole)
    return market, count


def _about(config: Config) -> About:
    return About(
        data="bench", begin="2008-06-02", end="2010-12-31", capital=Money(CAPITAL), currency="USD", tier=config.tier.name,
        strategies=("crosses",), config_hash=config_hash(config), build="0", sessions_a_year=252,
    )  # fmt: skip


class Meter:
    """Time and memory of this process around one call, as the other engines' runs take theirs."""

    def __call__(self, work: Callable[[], Any]) -> None:
        gc.collect()
        gc.disable()  # as a backtest does: facts and events hold no circles
        self.rss0 = _rss_now()
        used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        work()
        self.wall = time.perf_counter() - began
        now = resource.getrusage(resource.RUSAGE_SELF)
        self.user, self.sys = now.ru_utime - used.ru_utime, now.ru_stime - used.ru_stime
        gc.enable()

    def figures(self, events: int) -> dict[str, Any]:
        """events: what the run was shown of the workload."""
        cpu = self.user + self.sys
        return {
            "wall_s": round(self.wall, 4), "user_s": round(self.user, 4), "sys_s": round(self.sys, 4), "cpu_s": round(cpu, 4),
            "ev_per_cpu_s": round(events / max(cpu, 1e-9)), "ev_per_wall_s": round(events / self.wall),
            "rss0_mb": round(self.rss0), "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "py": platform.python_version(),
        }  # fmt: skip


def _rss_now() -> float:
    """MiB."""
    statm = Path("/proc/self/statm").read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def line(
    data: Path, workload: str, mode: str, *, cut: int = 0, journal: bool = False, skip: bool = False
) -> dict[str, Any]:
    """One run and its figures, with the names that the other engines' lines have. AssertionError: it made other orders than the
    rule asks for."""
    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        began = time.process_time()
        market, count = run_over(
            data, workload, mode, cut=cut, folder=Path(folder) / "run" if journal else None, skip=skip, around=meter
        )
        spent = time.process_time() - began
    figures = meter.figures(market.shown)
    asked = (
        Expected(0, market.turns) if skip and isinstance(market, TickMarket) else asked_for(data, workload, mode, cut)
    )
    assert count.orders == asked.orders, f"{count.orders} orders, the rule asks for {asked.orders}; {count.reasons}"
    return {
        "peer": "tradingd", "workload": workload, "mode": mode, "events": market.shown,
        "orders": count.orders, **figures, "decisions": asked.decisions, "protective": count.legs[Leg.PROTECT],
        "facts": count.facts, "load_cpu_s": round(spent - figures["cpu_s"], 2),
    }  # fmt: skip


def asked_for(data: Path, workload: str, mode: str, cut: int = 0) -> Expected:
    """What the rule gives over the workload with no engine."""
    if mode in {"noop", "calc"}:
        return Expected()
    if workload == "ticks":
        columns = parts(data / "ticks.npz", ("inst", "bid", "ask"), cut)
        return expected(chain.from_iterable(zip(*map(_listed, part), strict=True) for part in columns), mode, TICK_STOP)
    closes = (close for part in parts(data / "bars.npz", ("c",), cut) for close in part[0].tolist())
    return expected(((0, close, close) for close in closes), mode, BAR_STOP)


def _listed(column: Any) -> Any:
    return column.tolist()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.ours", description=__doc__)
    parser.add_argument("workload", choices=("ticks", "bars"))
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of ticks.npz and bars.npz")
    parser.add_argument("--cut", type=int, default=0, metavar="N", help="only the first N events")
    parser.add_argument("--journal", action="store_true", help="write what a backtest writes")
    parser.add_argument(
        "--skip", action="store_true", help="pass over quotes that cannot matter; orders come of bars (ticks)"
    )
    args = parser.parse_args(argv)
    found = line(args.data, args.workload, args.mode, cut=args.cut, journal=args.journal, skip=args.skip)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
