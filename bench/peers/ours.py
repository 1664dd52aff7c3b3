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
from pathlib import Path
from typing import Any

from bench.peers.market import CAPITAL, BarMarket, TickMarket
from bench.peers.rule import MODES, strategy
from tradingd.backtest.disk import HastyDisk
from tradingd.backtest.folder import Folder
from tradingd.backtest.rig import replay_env, run_of
from tradingd.config import Config, config_hash, describe, load_text
from tradingd.core.events import Bar, Quote
from tradingd.core.facts import AnyFact, Decided, OrderIntended, Outcome
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import AccountId, Leg, Money
from tradingd.lab.results.result import About
from tradingd_adapters.sim.accounts import Fees
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings

ACCOUNT = AccountId("bench")
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
[breaker]
position_loss = 0.5
[tiers.conservative]
min_confidence = 0.75
base_allocation = 0.025
max_position_pct = 0.05
stop_loss_atr_multiplier = 5.0         # the house's own stops stand by, far away
reward_risk_ratio = 2.0
max_sector_pct = 0.20
max_portfolio_heat = 0.04
"""


class Count:
    """What a run recorded. legs: orders intended, by leg.   decided: by what came of them.   reasons: of refusals."""

    def __init__(self) -> None:
        self.facts = 0
        self.legs: Counter[Leg] = Counter()
        self.decided: Counter[Outcome] = Counter()
        self.reasons: Counter[str] = Counter()

    def take(self, facts: tuple[AnyFact, ...]) -> None:
        self.facts += len(facts)
        for fact in facts:
            if type(fact) is OrderIntended:
                self.legs[fact.order.leg] += 1
            elif type(fact) is Decided:
                self.decided[fact.outcome] += 1
                self.reasons.update(reason.value for reason in fact.reasons)

    @property
    def orders(self) -> int:
        """Entries and exits; the stops that rest at the venue for each position are apart."""
        return self.legs[Leg.ENTRY] + self.legs[Leg.EXIT]


def run_over(
    data: Path, workload: str, mode: str, *, cut: int = 0, folder: Path | None = None, around: Callable[[Callable[[], Any]], None]
) -> tuple[int, Count]:  # fmt: skip
    """One run: how many events of the workload there were, and what came of them. workload: ticks or bars.   mode: of `rule.MODES`.   cut: only the first events, 0 for all.   folder: where its
    journal goes, None to count only.   around: calls what it is given, once: that is what is measured."""
    kind: type[Quote] | type[Bar] = Quote if workload == "ticks" else Bar
    market: TickMarket | BarMarket = (
        TickMarket(data / "ticks.npz", cut) if kind is Quote else BarMarket(data / "bars.npz", cut)
    )
    env, clock = replay_env()
    env.disk = HastyDisk()
    config = load_text(CONFIG, name="bench.toml").config
    settings = ExchangeSettings(
        floor=FloorSettings(fees=Fees(per_share=Decimal(0), minimum=Decimal(0))), latency_in_ns=0, latency_out_ns=0
    )
    exchange = Exchange(market, {ACCOUNT: Money(CAPITAL)}, settings=settings, keep=False)
    module, own = strategy(mode, kind)
    loaded = Loaded(name="crosses", module=module, settings=own)
    count = Count()
    book = None if folder is None else Folder(env, folder, _about(config), describe(config), segment_bytes=64 << 20, page=False)  # fmt: skip

    def record(facts: tuple[AnyFact, ...]) -> None:
        count.take(facts)
        if book is not None:
            book.record(facts)

    run = run_of(
        env, clock, config, ACCOUNT, exchange, (loaded,), record=record,
        on_bar=(lambda _: None) if book is None else book.sheet.bar,
    )  # fmt: skip
    if book is not None:
        book.book = run.book
    run.start("backtest", "0", "0")

    def whole() -> None:
        assert run.drive()
        if book is not None:
            book.close("complete", "", [])

    around(whole)
    return market.shown, count


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

    def line(self, events: int) -> dict[str, Any]:
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
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def line(data: Path, workload: str, mode: str, *, cut: int = 0, journal: bool = False) -> dict[str, Any]:
    """One run and its figures, with the names that the other engines' lines have."""
    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        began = time.process_time()
        events, count = run_over(
            data, workload, mode, cut=cut, folder=Path(folder) / "run" if journal else None, around=meter
        )
        spent = time.process_time() - began
    figures = meter.line(events)
    return {
        "peer": "tradingd journal" if journal else "tradingd", "workload": workload, "mode": mode, "events": events,
        "orders": count.orders, **figures, "protective": count.legs[Leg.PROTECT], "facts": count.facts,
        "refused": dict(count.reasons), "load_cpu_s": round(spent - figures["cpu_s"], 2),
    }  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.ours", description=__doc__)
    parser.add_argument("workload", choices=("ticks", "bars"))
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of ticks.npz and bars.npz")
    parser.add_argument("--cut", type=int, default=0, metavar="N", help="only the first N events")
    parser.add_argument("--journal", action="store_true", help="write what a backtest writes")
    args = parser.parse_args(argv)
    print(json.dumps(line(args.data, args.workload, args.mode, cut=args.cut, journal=args.journal)), flush=True)


if __name__ == "__main__":
    main()
