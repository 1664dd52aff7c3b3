"""tradingd backtest: the pipeline over recorded data. What it starts is imported only here, so that looking stays quick. T1, T2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from tradingd.cli.show import say, say_json
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.backtest.files import Named
    from tradingd.backtest.options import Options
    from tradingd.backtest.tell import Told


def backtest(
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
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the result; else a new one.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the report here too.")] = None,
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
    dense: Annotated[
        bool, typer.Option("--dense", help="Look at every quote; else those that cannot matter are passed over.")
    ] = False,
    check_triggers: Annotated[
        bool,
        typer.Option("--check-triggers", help="Look at every quote, and hold strategies to the triggers they declare."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the strategies over recorded data through the same pipeline as live. Ends with 0, 7 when it was stopped early, 1, 2 or 78
    when it could not run; 1 when a strategy did not keep to its triggers."""
    check_days(begin, end)
    market = named(data, kind, column, tz, unit, stamp, calendar, merge=merge, skip_bad=skip_bad)
    costs = costs_of(
        spread, slippage, size_share, latency_in, latency_out, fee, fee_minimum, fee_bps, fee_maximum, interest,
        credit, borrow,
    )  # fmt: skip
    from tradingd.backtest.options import Options

    told = _run(
        Options(
            begin=begin, end=end, symbols=tuple(dict.fromkeys(symbol or ())), capital=capital, tier=tier,
            strategies=tuple(strategy or ()), sets=tuple(sets or ()), config=config, account=account, out=out, report=report,
            warm_up_days=warm_up, costs=costs, dense=dense, check_triggers=check_triggers,
        ),
        market,
    )  # fmt: skip
    _show(told, as_json=as_json)
    if told.unwritten:
        raise CliError(clean(told.unwritten), Exit.FAILED)
    if told.broken:
        raise CliError(f"triggers: {told.broken} times not as declared, see the notes", Exit.FAILED)
    if told.result.state != "complete":
        raise typer.Exit(Exit.PARTLY)


def _run(options: Options, market: Named) -> Told:
    from tradingd.backtest.files import at_hand
    from tradingd.backtest.run import run_backtest
    from tradingd.lab.data.extra import Missing
    from tradingd.lab.data.faults import DataError
    from tradingd.lab.results.faults import ResultFault
    from tradingd.ports import Broken, Misconfigured
    from tradingd.shell.env import RealDisk

    try:
        with at_hand(options, market, RealDisk()) as whole:
            return run_backtest(whole)
    except Misconfigured as error:
        raise CliError(str(error), Exit.CONFIG) from None
    except (Broken, DataError, Missing, ResultFault, OSError) as error:
        said = "; ".join([str(error), *getattr(error, "__notes__", ())])
        raise CliError(clean(said), Exit.FAILED) from None


def _show(told: Told, *, as_json: bool) -> None:
    from tradingd.backtest.tell import in_words

    if as_json:
        say_json(told)
        return
    for line in in_words(told):
        say(clean(line))
