"""tradingd backtest: the pipeline over recorded data. What it starts is imported only here, so that looking stays quick. T1, T2."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import ConfigFile, Json
from tradingd.cli.show import say, say_json
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.backtest.options import Options
    from tradingd.backtest.tell import Told


def backtest(
    data: Annotated[
        str, typer.Option("--data", metavar="DIR|demo", help="A store of recorded data, or the shipped days.")
    ] = "demo",
    begin: Annotated[str, typer.Option("--from", metavar="DATE", help="First day; else where the data begins.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day; else where the data ends.")] = "",
    symbol: Annotated[list[str] | None, typer.Option("--symbol", "-s", help="Only this one; may be repeated.")] = None,
    capital: Annotated[str, typer.Option("--capital", metavar="MONEY", help='At the start, like "100000 USD".')] = "",
    tier: Annotated[str, typer.Option("--tier", metavar="NAME", help="The tier at the start.")] = "",
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="NAME[:KEY=VALUE,...]", help="Only these strategies; may be repeated."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the configuration; may be repeated."),
    ] = None,
    config: ConfigFile = None,
    account: Annotated[
        str, typer.Option("--account", "-a", metavar="ID", help="Whose rules, when there are several.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the result; else a new one.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the report here too.")] = None,
    warm_up: Annotated[
        int, typer.Option("--warm-up", min=0, max=3660, metavar="DAYS", help="Data before --from that is learned from.")
    ] = 180,
    spread: Annotated[float, typer.Option("--spread-bps", help="Of trades and bars that are shown as quotes.")] = 2.0,
    slippage: Annotated[float, typer.Option("--slippage-bps", help="Beyond each shown price that is taken.")] = 0.0,
    size_share: Annotated[float, typer.Option("--size-share", help="Of a bar's volume that is shown.")] = 0.1,
    latency_in: Annotated[float, typer.Option("--latency-in-ms", help="Of an order to the venue.")] = 2.0,
    latency_out: Annotated[float, typer.Option("--latency-out-ms", help="Of the venue's word back.")] = 2.0,
    fee: Annotated[str, typer.Option("--fee-per-share", help="Account currency.")] = "0.005",
    fee_minimum: Annotated[str, typer.Option("--fee-minimum", help="Account currency, an order.")] = "1.00",
    dense: Annotated[
        bool, typer.Option("--dense", help="Look at every quote; else those that cannot matter are passed over.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the strategies over recorded data through the same pipeline as live. Ends with 0, 7 when it was stopped early, 1, 2 or 78
    when it could not run."""
    for name, day in (("--from", begin), ("--to", end)):
        _check_date(name, day)
    if begin and end and end < begin:
        raise CliError("--to is before --from", Exit.USAGE)
    from tradingd.backtest.options import Costs, Options

    try:
        costs = Costs(
            spread_bps=spread, slippage_bps=slippage, latency_in_ms=latency_in, latency_out_ms=latency_out,
            fee_per_share=_money("--fee-per-share", fee), fee_minimum=_money("--fee-minimum", fee_minimum),
            size_share=size_share,
        )  # fmt: skip
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    told = _run(
        Options(
            data=data, begin=begin, end=end, symbols=tuple(dict.fromkeys(symbol or ())), capital=capital, tier=tier,
            strategies=tuple(strategy or ()), sets=tuple(sets or ()), config=config, account=account, out=out, report=report,
            warm_up_days=warm_up, costs=costs, dense=dense,
        )
    )  # fmt: skip
    _show(told, as_json=as_json)
    if told.result.state != "complete":
        raise typer.Exit(Exit.PARTLY)


def _run(options: Options) -> Told:
    from tradingd.backtest.run import run_backtest
    from tradingd.lab.data.extra import Missing
    from tradingd.lab.data.faults import DataError
    from tradingd.lab.results.faults import ResultFault
    from tradingd.ports import Broken, Misconfigured

    try:
        return run_backtest(options)
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


def _check_date(name: str, text: str) -> None:
    try:
        good = not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        good = False
    if not good:
        raise CliError(f"{name} {text!r}: a day is written 2008-01-02", Exit.USAGE)


def _money(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CliError(f"{name} {text!r} is no number", Exit.USAGE) from None
