"""tradingd sweep, tradingd walkforward: many backtests of one question. What they start is imported only when they run. T4."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import ConfigFile, Json
from tradingd.cli.reading import Calendar, Column, Merge, SkipBad, Stamp, Unit, Zone
from tradingd.cli.runs import (
    Begin,
    BorrowPct,
    Capital,
    CreditPct,
    Data,
    End,
    Fee,
    FeeBps,
    FeeMaximum,
    FeeMinimum,
    InterestPct,
    Kinds,
    LatencyIn,
    LatencyOut,
    OneAccount,
    Sets,
    SizeShare,
    Slippage,
    Spread,
    Strategies,
    Symbols,
    Tier,
    WarmUp,
    check_days,
    costs_of,
    named,
)
from tradingd.cli.show import complain, say, say_json
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.backtest.files import Named
    from tradingd.backtest.options import Options
    from tradingd.backtest.sweep import Swept
    from tradingd.backtest.trials import MakePool
    from tradingd.backtest.walkforward import Walked

R = TypeVar("R")
Grid = Annotated[
    list[str] | None,
    typer.Option("--grid", metavar="KEY=V1,V2,...", help="Values of a configuration key; may be repeated."),
]
Random = Annotated[
    list[str] | None,
    typer.Option("--random", metavar="KEY=LO..HI[:int][:log]", help="Draw a key from a range; may be repeated."),
]
Draws = Annotated[int, typer.Option("--trials", min=1, help="Draws from the ranges of --random.")]
Seed = Annotated[int, typer.Option("--seed", help="Of the draws.")]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the trials; what it holds already is not run again.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=512, help="Processes at once.")]
Engine = Annotated[
    Literal["local", "dask"], typer.Option("--engine", help="Processes of this machine, or a Dask cluster.")
]
Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDR", help="Of the Dask cluster, like tcp://host:8786.")
]
Rank = Annotated[str, typer.Option("--rank", metavar="FIGURE", help="What decides which trial is best.")]
KeepRuns = Annotated[Literal["all", "best", "none"], typer.Option("--keep", help="Whose result folders stay.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the page here too.")]
Skip = Annotated[bool, typer.Option("--skip-invalid", help="Leave out trials whose configuration is refused.")]


def sweep(
    out: Out,
    grid: Grid = None,
    random: Random = None,
    trials: Draws = 100,
    seed: Seed = 0,
    jobs: Jobs = 1,
    engine: Engine = "local",
    scheduler: Scheduler = "",
    rank: Rank = "sharpe",
    oos: Annotated[float, typer.Option("--oos", help="Share of the days, the last ones, that chooses nothing.")] = 0.3,
    keep: KeepRuns = "best",
    html: Page = None,
    skip_invalid: Skip = False,
    data: Data = None,
    kind: Kinds = None,
    column: Column = None,
    tz: Zone = "",
    unit: Unit = "",
    stamp: Stamp = "",
    calendar: Calendar = "",
    merge: Merge = False,
    skip_bad: SkipBad = False,
    begin: Begin = "",
    end: End = "",
    symbol: Symbols = None,
    capital: Capital = "",
    tier: Tier = "",
    strategy: Strategies = None,
    sets: Sets = None,
    config: ConfigFile = None,
    account: OneAccount = "",
    warm_up: WarmUp = 180,
    spread: Spread = 2.0,
    slippage: Slippage = 0.0,
    size_share: SizeShare = 0.1,
    latency_in: LatencyIn = 2.0,
    latency_out: LatencyOut = 2.0,
    fee: Fee = "0.005",
    fee_minimum: FeeMinimum = "1.00",
    fee_bps: FeeBps = 0.0,
    fee_maximum: FeeMaximum = 0.0,
    interest: InterestPct = 0.0,
    credit: CreditPct = 0.0,
    borrow: BorrowPct = 0.0,
    as_json: Json = False,
) -> None:
    """Try parameters: each trial is a backtest. Ends with 0 when all trials are over, 7 when some failed or it was stopped; run
    again, it goes on where it was."""
    check_rank(rank)
    if not 0 <= oos < 1:
        raise CliError("--oos must be 0 or more and below 1", Exit.USAGE)
    check_days(begin, end)
    market = named(data, kind, column, tz, unit, stamp, calendar, merge=merge, skip_bad=skip_bad)
    costs = costs_of(
        spread, slippage, size_share, latency_in, latency_out, fee, fee_minimum, fee_bps, fee_maximum, interest,
        credit, borrow,
    )  # fmt: skip
    from tradingd.backtest.options import Options
    from tradingd.backtest.sweep import Plan, run_sweep

    base = Options(
        begin=begin, end=end, symbols=tuple(dict.fromkeys(symbol or ())), capital=capital, tier=tier,
        strategies=tuple(strategy or ()), sets=tuple(sets or ()), config=config, account=account, warm_up_days=warm_up, costs=costs,
    )  # fmt: skip

    def work(base: Options) -> Swept:
        plan = Plan(
            **_space(base, grid, random, trials, seed),
            out=out,
            rank=rank,
            oos=oos,
            keep=keep,
            html=html,
            skip_invalid=skip_invalid,
        )
        return run_sweep(plan, _pool(engine, scheduler, jobs, keep, base))

    swept = _run(work, base, market)
    _show(swept, as_json=as_json)
    if swept.state != "complete" or swept.failed:
        raise typer.Exit(Exit.PARTLY)


def walkforward(
    out: Out,
    train: Annotated[str, typer.Option("--train", metavar="SPAN", help="Length of a training: 2y, 6m, 4w, 30d.")],
    test: Annotated[str, typer.Option("--test", metavar="SPAN", help="Length of the test right after it.")],
    anchored: Annotated[bool, typer.Option("--anchored", help="Every training begins at --from.")] = False,
    grid: Grid = None,
    random: Random = None,
    trials: Draws = 100,
    seed: Seed = 0,
    jobs: Jobs = 1,
    engine: Engine = "local",
    scheduler: Scheduler = "",
    rank: Rank = "sharpe",
    keep: KeepRuns = "none",
    html: Page = None,
    skip_invalid: Skip = False,
    data: Data = None,
    kind: Kinds = None,
    column: Column = None,
    tz: Zone = "",
    unit: Unit = "",
    stamp: Stamp = "",
    calendar: Calendar = "",
    merge: Merge = False,
    skip_bad: SkipBad = False,
    begin: Begin = "",
    end: End = "",
    symbol: Symbols = None,
    capital: Capital = "",
    tier: Tier = "",
    strategy: Strategies = None,
    sets: Sets = None,
    config: ConfigFile = None,
    account: OneAccount = "",
    warm_up: WarmUp = 180,
    spread: Spread = 2.0,
    slippage: Slippage = 0.0,
    size_share: SizeShare = 0.1,
    latency_in: LatencyIn = 2.0,
    latency_out: LatencyOut = 2.0,
    fee: Fee = "0.005",
    fee_minimum: FeeMinimum = "1.00",
    fee_bps: FeeBps = 0.0,
    fee_maximum: FeeMaximum = 0.0,
    interest: InterestPct = 0.0,
    credit: CreditPct = 0.0,
    borrow: BorrowPct = 0.0,
    as_json: Json = False,
) -> None:
    """Choose parameters on one window, test them on the next, and so on. Exit codes and going on are those of sweep."""
    check_rank(rank)
    check_days(begin, end)
    market = named(data, kind, column, tz, unit, stamp, calendar, merge=merge, skip_bad=skip_bad)
    costs = costs_of(
        spread, slippage, size_share, latency_in, latency_out, fee, fee_minimum, fee_bps, fee_maximum, interest,
        credit, borrow,
    )  # fmt: skip
    from tradingd.backtest.options import Options
    from tradingd.backtest.walkforward import Plan, run_walkforward
    from tradingd.lab.sweep.windows import length

    base = Options(
        begin=begin, end=end, symbols=tuple(dict.fromkeys(symbol or ())), capital=capital, tier=tier,
        strategies=tuple(strategy or ()), sets=tuple(sets or ()), config=config, account=account, warm_up_days=warm_up, costs=costs,
    )  # fmt: skip

    def work(base: Options) -> Walked:
        plan = Plan(
            **_space(base, grid, random, trials, seed), train=length(train, "--train"), test=length(test, "--test"),
            anchored=anchored, out=out, rank=rank, keep=keep, html=html, skip_invalid=skip_invalid,
        )  # fmt: skip
        return run_walkforward(plan, _pool(engine, scheduler, jobs, keep, base))

    walked = _run(work, base, market)
    _show(walked, as_json=as_json)
    if walked.state != "complete" or walked.failed:
        raise typer.Exit(Exit.PARTLY)


def check_rank(rank: str) -> None:
    """CliError for a figure that nothing is ranked by."""
    from tradingd.lab.sweep.outcome import RANKS

    if rank not in RANKS:
        raise CliError(f"--rank {rank!r}: one of {', '.join(RANKS)}", Exit.USAGE)


def _pool(engine: str, scheduler: str, jobs: int, keep: str, base: Options) -> MakePool:
    if engine == "local":
        if scheduler:
            raise CliError("--scheduler goes with --engine dask", Exit.USAGE)
        from tradingd.backtest.trials import local

        return local(jobs)
    from tradingd.backtest.cluster import Cluster, dask

    if not scheduler:
        raise CliError("--engine dask needs --scheduler", Exit.USAGE)
    if base.files:
        raise CliError(
            "--engine dask: its workers see no files of --data here; bring them into a store first", Exit.USAGE
        )
    if keep == "all":
        raise CliError("--keep all: trials on a cluster leave no folders here; best or none", Exit.USAGE)
    dask()
    return lambda done: Cluster(scheduler, done)


def _space(base: Options, grid: list[str] | None, random: list[str] | None, trials: int, seed: int) -> dict[str, Any]:
    from tradingd.lab.sweep.space import axis, span

    axes, ranges = tuple(axis(text) for text in grid or ()), tuple(span(text) for text in random or ())
    return {"base": base, "axes": axes, "ranges": ranges, "trials": trials, "seed": seed}


def _run(work: Callable[[Options], R], base: Options, market: Named) -> R:
    from tradingd.backtest.files import at_hand
    from tradingd.lab.data.extra import Missing
    from tradingd.lab.data.faults import DataError
    from tradingd.lab.sweep.faults import Mistaken, SweepFault
    from tradingd.ports import Broken, Misconfigured
    from tradingd.shell.env import RealDisk

    try:
        with at_hand(base, market, RealDisk()) as whole:
            return work(whole)
    except Misconfigured as error:
        raise CliError(str(error), Exit.CONFIG) from None
    except Mistaken as error:
        raise CliError(clean(str(error)), Exit.USAGE) from None
    except (Broken, DataError, Missing, SweepFault, OSError) as error:
        raise CliError(clean(str(error)), Exit.FAILED) from None


def _show(found: Swept | Walked, *, as_json: bool) -> None:
    from tradingd.backtest.told import in_words

    if as_json:
        say_json(found)
        return
    for warning in found.warnings:
        complain(f"warning: {warning}")
    for line in in_words(found):
        say(clean(line))
