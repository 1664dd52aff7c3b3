"""The options of a run over recorded data, shared by the verbs that make one or many. T1, T2, T4."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.reading import columns_of, reading_of
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.backtest.files import Named
    from tradingd.backtest.options import Costs

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="DIR|[SYMBOL=]FILE|demo",
        help="A store of recorded data, files (may be repeated), or the shipped days.",
    ),
]  # fmt: skip
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", "-k", metavar="KIND", help="What files hold, as for data import; once for all, or each."),
]
Begin = Annotated[str, typer.Option("--from", metavar="DATE", help="First day; else where the data begins.")]
End = Annotated[str, typer.Option("--to", metavar="DATE", help="Last day; else where the data ends.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", "-s", help="Only this one; may be repeated.")]
Capital = Annotated[str, typer.Option("--capital", metavar="MONEY", help='At the start, like "100000 USD".')]
Tier = Annotated[str, typer.Option("--tier", metavar="NAME", help="The tier at the start.")]
Strategies = Annotated[
    list[str] | None,
    typer.Option("--strategy", metavar="NAME[:KEY=VALUE,...]", help="Only these strategies; may be repeated."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the configuration; may be repeated."),
]
OneAccount = Annotated[str, typer.Option("--account", "-a", metavar="ID", help="Whose rules, when there are several.")]
WarmUp = Annotated[
    int, typer.Option("--warm-up", min=0, max=3660, metavar="DAYS", help="Data before --from that is learned from.")
]
Spread = Annotated[float, typer.Option("--spread-bps", help="Of trades and bars that are shown as quotes.")]
Slippage = Annotated[float, typer.Option("--slippage-bps", help="Beyond each shown price that is taken.")]
SizeShare = Annotated[float, typer.Option("--size-share", help="Of a bar's volume that is shown.")]
LatencyIn = Annotated[float, typer.Option("--latency-in-ms", help="Of an order to the venue.")]
LatencyOut = Annotated[float, typer.Option("--latency-out-ms", help="Of the venue's word back.")]
Fee = Annotated[str, typer.Option("--fee-per-share", help="Account currency, a share or contract.")]
FeeMinimum = Annotated[str, typer.Option("--fee-minimum", help="Account currency, an order.")]
FeeBps = Annotated[float, typer.Option("--fee-bps", help="Of an order's value, beside the fee a share.")]
FeeMaximum = Annotated[float, typer.Option("--fee-maximum-bps", help="Of an order's value, the most; 0 is none.")]
InterestPct = Annotated[float, typer.Option("--interest-pct", help="A year, on cash below zero.")]
CreditPct = Annotated[float, typer.Option("--credit-pct", help="A year, on cash above zero.")]
BorrowPct = Annotated[float, typer.Option("--borrow-pct", help="A year, on what is sold short.")]


def named(
    data: list[str] | None, kinds: list[str] | None, column: list[str] | None, tz: str, unit: str, stamp: str, calendar: str, *,
    merge: bool, skip_bad: bool,
) -> Named:  # fmt: skip
    """What --data means, with how its files are read. CliError naming the option."""
    from tradingd.backtest.files import Named
    from tradingd.lab.data.faults import DataError

    try:
        reading = reading_of(tz, unit, stamp, calendar)
    except DataError as error:
        raise CliError(clean(str(error))) from None
    return Named(
        data=tuple(data or ("demo",)), kinds=tuple(kinds or ()), reading=reading, columns=columns_of(column or []), merge=merge,
        skip_bad=skip_bad,
    )  # fmt: skip


def check_days(begin: str, end: str) -> None:
    """CliError for a day that is none, and for an end before the beginning."""
    for name, day in (("--from", begin), ("--to", end)):
        _check_date(name, day)
    if begin and end and end < begin:
        raise CliError("--to is before --from", Exit.USAGE)


def costs_of(
    spread: float, slippage: float, size_share: float, latency_in: float, latency_out: float, fee: str, fee_minimum: str,
    fee_bps: float, fee_maximum: float, interest: float, credit: float, borrow: float,
) -> Costs:  # fmt: skip
    """CliError naming the option."""
    from tradingd.backtest.options import Costs

    try:
        return Costs(
            spread_bps=spread, slippage_bps=slippage, latency_in_ms=latency_in, latency_out_ms=latency_out,
            fee_per_share=_money("--fee-per-share", fee), fee_minimum=_money("--fee-minimum", fee_minimum),
            fee_bps=fee_bps, fee_maximum_bps=fee_maximum, size_share=size_share,
            interest_pct=interest, credit_pct=credit, borrow_pct=borrow,
        )  # fmt: skip
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None


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
