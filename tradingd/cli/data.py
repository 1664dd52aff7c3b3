"""tradingd data: recorded market data for the lab: bring it in, see what is there, see what is wrong with it. Source: T2, J5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Dir, Json
from tradingd.cli.show import complain, say, say_json, table, when
from tradingd.cli.where import state_dir
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.lab.data.check.run import Checked
    from tradingd.lab.data.kinds import Kind
    from tradingd.lab.data.report import Loaded, Report
    from tradingd.lab.data.store import Store
    from tradingd.lab.data.times import Reading

app = typer.Typer(help="Recorded market data for the lab.", no_args_is_help=True, rich_markup_mode=None)
CLEAN, FOUND, CANNOT = 0, 1, 2  # of check, as journal verify has them
TOLD_MAX = 20

Where = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="The store (else data/ in the state directory).")
]
KindName = Annotated[str | None, typer.Option("--kind", "-k", metavar="KIND", help="Only this kind.")]
Symbols = Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Only these symbols.")]


@app.command("import")
def bring(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV (plain or .gz) or Parquet.")],
    kind: Annotated[
        str,
        typer.Option("--kind", "-k", metavar="KIND", help="quotes, trades, actions, or bars-SPAN in seconds: bars-60."),
    ],
    store: Where = None,
    directory: Dir = None,
    symbol: Annotated[
        str, typer.Option("--symbol", "-s", help="Of all rows; else the file needs a column for it.")
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="FIELD=NAME", help="Which column is ts, open, ...; ts=Date+Time joins two."),
    ] = None,
    tz: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="Of times without a zone: UTC, America/New_York.")
    ] = "",
    unit: Annotated[str, typer.Option("--unit", metavar="s|ms|us|ns", help="Times are numbers since 1970.")] = "",
    stamp: Annotated[str, typer.Option("--stamp", metavar="start|end", help="Which end of a bar its time tells.")] = "",
    calendar: Annotated[
        str, typer.Option("--calendar", metavar="KEY", help="Whose sessions the data follows: XNYS, or none.")
    ] = "",
    merge: Annotated[bool, typer.Option("--merge", help="Rows among stored ones: take what is new.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out, and list them.")] = False,
    as_json: Json = False,
) -> None:
    """Bring files into the store, each as a whole or not at all. The same file twice changes nothing."""
    with _lab():
        from tradingd.lab.data.kinds import kind_of
        from tradingd.lab.data.load import load
        from tradingd.lab.data.report import Request

        request = Request(
            kind=kind_of(kind), reading=_reading(tz, unit, stamp, calendar), symbol=symbol, columns=_columns(column or []),
            merge=merge, skip_bad=skip_bad,
        )  # fmt: skip
        place, reports = _store(store, directory), []
        for path in files:
            report = load(place, path, request)
            reports.append(report)
            if not as_json:
                _tell(report)
        if as_json:
            say_json(reports)


@app.command("list")
def held(store: Where = None, directory: Dir = None, kind: KindName = None, as_json: Json = False) -> None:
    """What is in the store: kind, symbol, rows, first and last row, where it came from."""
    with _lab():
        from tradingd.lab.data.held import held_in

        found = [each for each in held_in(_store(store, directory)) if kind in (None, each.kind)]
    if as_json:
        say_json(found)
    elif not found:
        say("there is no data")
    else:
        rows = [
            (each.kind, each.symbol, each.rows, when(each.first), when(each.last), ", ".join(each.sources))
            for each in found
        ]
        say(table(("kind", "symbol", "rows", "first", "last", "source"), rows, right="  r"))


@app.command()
def check(
    symbols: Symbols = None,
    store: Where = None,
    directory: Dir = None,
    kind: KindName = None,
    gap: Annotated[float | None, typer.Option("--gap", metavar="N", help="A gap: N times the usual distance.")] = None,
    band: Annotated[
        float | None, typer.Option("--band", metavar="X", help="A jump: more than this share of the price, and back.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for holes, disorder, absurd prices, splits nobody told. Ends with 0 clean, 1 found something, 2 cannot run."""
    try:
        with _lab():
            from tradingd.lab.data.check.run import Measure
            from tradingd.lab.data.check.run import check as checked

            place = _store(store, directory)
            results = list(checked(place, _wanted(place, kind, symbols or []), Measure(gap, band)))
    except CliError as error:
        complain(f"Error: {error}")
        raise typer.Exit(CANNOT) from None
    if as_json:
        say_json(results)
    else:
        for result in results:
            _show(result)
    raise typer.Exit(FOUND if any(result.counts for result in results) else CLEAN)


def _wanted(store: Store, kind: str | None, symbols: list[str]) -> list[tuple[Kind, str]]:
    """What of the store is meant. Raises CliError when there is nothing, or a symbol is not there."""
    what = [each for each in store.holdings() if kind in (None, each[0].name) and (not symbols or each[1] in symbols)]
    unknown = sorted({*symbols} - {symbol for _, symbol in what})
    if unknown or not what:
        raise CliError(f"no data{' of ' + ', '.join(unknown) if unknown else ''} in {store.root}", Exit.NOT_FOUND)
    return what


@contextmanager
def _lab() -> Iterator[None]:
    """What needs the lab's libraries; what they say against the data or the question becomes the command's error."""
    from tradingd.lab.data.extra import Missing, need

    try:
        need()
    except Missing as error:
        raise CliError(str(error)) from None
    from tradingd.lab.data.faults import DataError

    try:
        yield
    except DataError as error:
        raise CliError(str(error)) from None


def _store(option: Path | None, directory: Path | None) -> Store:
    from tradingd.lab.data.store import Store
    from tradingd.shell.env import RealDisk

    if option is None:
        try:
            option = state_dir(directory) / "data"
        except CliError as error:
            raise CliError(f"{error}; or name the store with --store", error.code) from None
    return Store(option, RealDisk())


def _reading(tz: str, unit: str, stamp: str, calendar: str) -> Reading:
    from tradingd.lab.data.times import Reading

    try:
        return msgspec.convert({"tz": tz, "unit": unit, "stamp": stamp, "calendar": calendar}, Reading)
    except msgspec.ValidationError as error:
        raise CliError(f"{error} (--unit s, ms, us or ns; --stamp start or end)", Exit.USAGE) from None


def _columns(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        field, sign, name = text.partition("=")
        if not (field and sign and name):
            raise CliError(f"--column {text!r}: write FIELD=NAME, like ts=Date", Exit.USAGE)
        found[field] = name
    return found


def _tell(report: Report) -> None:
    for loaded in report.loaded:
        say(f"{clean(report.file)}: {report.kind} {loaded.symbol}: {_words(loaded)}")
    for doubt in report.doubts:
        complain(f"{report.file}: {report.kind} {doubt}")
    if report.unused:
        say(f"{clean(report.file)}: columns not used: {clean(', '.join(report.unused))}")
    if report.bad:
        say(f"{clean(report.file)}: {report.bad} bad lines left out")
        for fault in report.faults:
            say(f"  {clean(str(fault))}")


def _words(loaded: Loaded) -> str:
    late = f"; {loaded.late} were out of order and are not any more" if loaded.late else ""
    rows = f"{loaded.rows} rows, {when(loaded.first)} to {when(loaded.last)}"
    return {
        "imported": f"{rows}{late}",
        "merged": f"{loaded.rows} new rows, {loaded.same} were there already{late}",
        "nothing new": f"all {loaded.same} rows were there already; nothing changed",
        "imported before": "this very file was imported before; nothing changed",
    }[loaded.outcome]


def _show(result: Checked) -> None:
    head = f"{result.kind} {result.symbol}: {result.rows} rows"
    if not result.counts:
        say(f"{head}, clean")
        return
    say(f"{head}, " + ", ".join(f"{n} {name}" for name, n in result.counts.items()))
    shown: dict[str, int] = {}
    for finding in result.findings:
        shown[finding.check] = shown.get(finding.check, 0) + 1
        if shown[finding.check] <= TOLD_MAX:
            say(f"  {finding.check}: {clean(finding.why)}")
    for name, n in result.counts.items():
        if n > TOLD_MAX:
            say(f"  {name}: ... and {n - TOLD_MAX} more")
