"""How the rows of a file are to be read: the options of `data import`, and of the verbs that run straight from files. T2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradingd.cli.exits import CliError, Exit

if TYPE_CHECKING:
    from tradingd.lab.data.times import Reading

Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=NAME", help="Which column is ts, open, ...; ts=Date+Time joins two."),
]
Zone = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Of times without a zone: UTC, America/New_York.")]
Unit = Annotated[str, typer.Option("--unit", metavar="s|ms|us|ns", help="Times are numbers since 1970.")]
Stamp = Annotated[str, typer.Option("--stamp", metavar="start|end", help="Which end of a bar its time tells.")]
Calendar = Annotated[
    str, typer.Option("--calendar", metavar="KEY", help="Whose sessions the data follows: XNYS, or none.")
]
Merge = Annotated[bool, typer.Option("--merge", help="Rows among stored ones: take what is new.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out, and list them.")]


def reading_of(tz: str, unit: str, stamp: str, calendar: str) -> Reading:
    """CliError for a unit or an end of a bar that there is not; DataError naming the option for a zone or calendar."""
    from tradingd.lab.data.times import Reading

    try:
        return msgspec.convert({"tz": tz, "unit": unit, "stamp": stamp, "calendar": calendar}, Reading)
    except msgspec.ValidationError as error:
        raise CliError(f"{error} (--unit s, ms, us or ns; --stamp start or end)", Exit.USAGE) from None


def columns_of(given: list[str]) -> dict[str, str]:
    """Field -> column. CliError for what is not written so."""
    found = {}
    for text in given:
        field, sign, name = text.partition("=")
        if not (field and sign and name):
            raise CliError(f"--column {text!r}: write FIELD=NAME, like ts=Date", Exit.USAGE)
        found[field] = name
    return found
