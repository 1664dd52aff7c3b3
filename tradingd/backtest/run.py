"""`tradingd backtest`: the core's pipeline over recorded data, and a folder of what came of it. Source: T1, T2."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from tradingd.app import strategies_of
from tradingd.backtest.disk import HastyDisk
from tradingd.backtest.folder import NUMBERED, Folder, fresh
from tradingd.backtest.options import Costs, Options
from tradingd.backtest.rig import replay_env, run_of
from tradingd.backtest.rules import configured
from tradingd.backtest.source import Source, source_of
from tradingd.backtest.tell import Progress, Told
from tradingd.config import Config, config_hash, describe
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import AccountId, Money
from tradingd.lab.results.faults import ResultFault
from tradingd.lab.results.page import make
from tradingd.lab.results.result import About, Result
from tradingd.lab.run import Run
from tradingd.lab.watched import Watch
from tradingd.ports import Disk, Misconfigured
from tradingd.shell.env import RealClock
from tradingd.shell.identity import build_hash
from tradingd_adapters.sim.accounts import Fees
from tradingd_adapters.sim.carry import Carry
from tradingd_adapters.sim.columns import ColumnTape
from tradingd_adapters.sim.exchange import Exchange, ExchangeSettings
from tradingd_adapters.sim.floor import FloorSettings

MS = 1_000_000
Find = Callable[[Options, Config, AccountId, Disk], Source]
OVER = "the data is over"


def run_backtest(options: Options, *, find: Find = source_of) -> Told:
    """One run, to its end or as far as it came; the folder then says `partial` and why. Raises, after the folder was written where
    the run had begun: Misconfigured naming an option or key, DataError, ResultFault, Broken, OSError, Missing (without the lab's
    libraries); KeyboardInterrupt before the first event. find: where the market comes from."""
    config, account = configured(options)
    directory = (options.out or fresh(Path(NUMBERED))).absolute()
    _check_report(options.report, directory)
    watch = Watch()
    strategies = _strategies(options, config, watch)
    env, clock = replay_env()
    env.disk = HastyDisk()
    source = find(options, config, account, env.disk)
    source = msgspec.structs.replace(source, notes=(*source.notes, *_unread(config, account)))
    capital = Money(config.accounts[account].capital)
    exchange = Exchange(source.market, {account: capital}, settings=venue_settings(options.costs), keep=False)
    if exchange.next_ts() is None:
        raise Misconfigured(f"--from {source.begin} --to {source.end}: there is no data in between")
    about = _about(options, config, account, source)
    folder = Folder(
        env, directory, about, describe(config), segment_bytes=config.journal.segment_bytes, page=options.page
    )
    progress = Progress(RealClock(), source.since, source.until, shown=options.progress)
    run = run_of(
        env, clock, config, account, exchange, strategies, record=folder.record, on_bar=folder.sheet.bar,
        on_breath=lambda ts: progress.show(ts, run.events), sparse=isinstance(source.market, ColumnTape) and not options.dense,
    )  # fmt: skip
    folder.book = run.book
    notes = lambda: [*source.notes, *source.found(), *_fractions(exchange), *watch.notes()]  # noqa: E731
    result, seconds = _driven(run, folder, about, progress, notes)
    unwritten = _reported(directory, options.report) if options.report is not None else ""
    return Told(
        out=str(directory), events=run.events, seconds=round(seconds, 3), result=result, unwritten=unwritten,
        broken=watch.counts.total(),
    )  # fmt: skip


def _strategies(options: Options, config: Config, watch: Watch) -> tuple[Loaded, ...]:
    """Those that are switched on; with --check-triggers those watched that declare any."""
    strategies = strategies_of(config)
    if not options.check_triggers:
        return strategies
    if not any(each.declares for each in strategies):
        raise Misconfigured("--check-triggers: none of the strategies declares triggers")
    return watch.over(strategies)


def _check_report(report: Path | None, directory: Path) -> None:
    """Hours of a run are not lost to a page that has no place."""
    if report is None:
        return
    folder = report.absolute().parent
    if report.is_dir():
        raise Misconfigured(f"--report {str(report)!r} is a folder: name a file")
    if folder != directory and not folder.is_dir():
        raise Misconfigured(f"--report {str(report)!r}: there is no folder {folder}")
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(f"--report {str(report)!r}: the folder {folder} is not writable")


def _reported(directory: Path, report: Path) -> str:
    """Why the page is not there as well, "" when it is: the result is whole without."""
    try:
        make(directory, report)
    except (OSError, ResultFault) as error:
        return f"--report {str(report)!r} could not be written: {error}"
    return ""


def venue_settings(costs: Costs) -> ExchangeSettings:
    """The simulated venue with these costs."""
    fees = Fees(
        per_share=costs.fee_per_share, minimum=costs.fee_minimum, bps=_exact(costs.fee_bps),
        maximum_bps=_exact(costs.fee_maximum_bps),
    )  # fmt: skip
    return ExchangeSettings(
        floor=FloorSettings(fees=fees, slippage_bps=_exact(costs.slippage_bps)),
        latency_in_ns=round(costs.latency_in_ms * MS), latency_out_ns=round(costs.latency_out_ms * MS),
        carry=Carry(
            debit_pct=_exact(costs.interest_pct), credit_pct=_exact(costs.credit_pct), borrow_pct=_exact(costs.borrow_pct)
        ),
    )  # fmt: skip


def _exact(x: float) -> Decimal:
    return Decimal(repr(x))


def _about(options: Options, config: Config, account: AccountId, source: Source) -> About:
    wanted = {text.partition(":")[0]: text for text in options.strategies}
    on = tuple(wanted.get(name, name) for name, asked in config.strategies.items() if asked.enabled)
    settings = config.accounts[account]
    return About(
        data=options.named, begin=source.begin, end=source.end, capital=settings.capital, currency=settings.currency,
        tier=config.tier.name, strategies=on, config_hash=config_hash(config), build=build_hash(),
        sessions_a_year=source.sessions_a_year,
    )  # fmt: skip


def _unread(config: Config, account: AccountId) -> list[str]:
    """What the configuration names and a run leaves alone."""
    notes = [
        f"files.{name} is not read in a backtest"
        for name in ("earnings", "actions", "history")
        if getattr(config.files, name)
    ]
    if config.accounts[account].mode == "observe":
        notes.append(f"accounts.{account}.mode is observe: everything is decided and nothing traded")
    return notes


def _driven(
    run: Run, folder: Folder, about: About, progress: Progress, notes: Callable[[], list[str]]
) -> tuple[Result, float]:  # fmt: skip
    """The result, and the seconds it took. notes: asked for at the end. Whatever ends the run, its folder is closed."""
    ended = False
    state, why = "partial", ""
    try:
        with _stopped_by_signals(run) as words:
            run.start("backtest", about.build, about.config_hash)
            whole = run.drive()
            why = "" if whole else words[0]
            run.finish(why or OVER)
        state, ended = "complete" if whole else "partial", True
    finally:
        seconds = progress.seconds
        progress.done()
        error = sys.exception()
        if not ended and error is not None:
            why = f"{type(error).__name__}: {error}"
            error.add_note(f"what was done until then is in {folder.directory}")
        result = folder.close("complete" if state == "complete" else "partial", why, notes())
    return result, seconds


def _fractions(exchange: Exchange) -> list[str]:
    return [
        f"{symbol}: the split of {date} leaves {qty.normalize():f} of a share, which this venue cannot trade: not paid in cash, "
        "it goes with an order that closes or reduces the position"
        for symbol, date, qty in exchange.fractions
    ]


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[list[str]]:
    """Ctrl-C and TERM end the run between two happenings; what they were is in the list. A second one ends it where it stands."""
    words: list[str] = []

    def stop(number: int, _frame: object) -> None:
        if words:
            raise KeyboardInterrupt
        words.append(f"stopped by {signal.Signals(number).name}")
        run.stop = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    gc.disable()  # facts and events hold no circles
    try:
        yield words
    finally:
        gc.enable()
        for number, handler in before.items():
            signal.signal(number, handler)
