"""tradingd data: recorded market data for the lab: bring it in, see what is there, see what is wrong with it. Source: T2, J5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Dir, Json
from tradingd.cli.reading import Calendar, Column, Merge, SkipBad, Stamp, Unit, Zone, columns_of, reading_of
from tradingd.cli.show import complain, say, say_json, table, when
from tradingd.cli.taped import bring_tape, check_tape
from tradingd.cli.where import state_dir
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.lab.data.check.run import Checked
    from tradingd.lab.data.kinds import Kind
    from tradingd.lab.data.report import Loaded, Report
    from tradingd.lab.data.store import Store

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
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="CSV (plain or .gz) or Parquet.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--kind", "-k", metavar="KIND", help="quotes, trades, actions, or bars-SPAN in seconds: bars-60."),
    ] = "",
    tape: Annotated[
        Path | None, typer.Option("--from-tape", metavar="STATE_DIR", help="What a daemon recorded, instead of files.")
    ] = None,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="Whose quotes count, where a tape has those of several.")
    ] = "",
    store: Where = None,
    directory: Dir = None,
    symbol: Annotated[
        str, typer.Option("--symbol", "-s", help="Of all rows; else the file needs a column for it.")
    ] = "",
    column: Column = None,
    tz: Zone = "",
    unit: Unit = "",
    stamp: Stamp = "",
    calendar: Calendar = "",
    merge: Merge = False,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Bring files into the store, each as a whole or not at all. The same file twice changes nothing."""
    said = {
        "--kind": kind, "--symbol": symbol, "--column": column, "--tz": tz, "--unit": unit, "--stamp": stamp, "--merge": merge,
        "--skip-bad": skip_bad,
    }  # fmt: skip
    if tape is not None:
        check_tape([f"FILE {path}" for path in files or ()] + [option for option, value in said.items() if value])
        with _lab():
            bring_tape(_store(_place(store, directory)), tape, source, calendar, as_json=as_json)
        return
    if not files or not kind or source:
        why = "--source: goes with --from-tape" if source else "name files and their --kind, or --from-tape STATE_DIR"
        raise CliError(why, Exit.USAGE)
    with _lab():
        from tradingd.lab.data.kinds import kind_of
        from tradingd.lab.data.load import load
        from tradingd.lab.data.report import Request

        request = Request(
            kind=kind_of(kind), reading=reading_of(tz, unit, stamp, calendar), symbol=symbol, columns=columns_of(column or []),
            merge=merge, skip_bad=skip_bad,
        )  # fmt: skip
        place, reports = _store(_place(store, directory)), []
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

        found = [each for each in held_in(_store(_place(store, directory))) if kind in (None, each.kind)]
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

            place = _store(_place(store, directory))
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


def _place(option: Path | None, directory: Path | None) -> Path:
    """Where the store is."""
    if option is not None:
        return option
    try:
        return state_dir(directory) / "data"
    except CliError as error:
        raise CliError(f"{error}; or name the store with --store", error.code) from None


def _store(place: Path) -> Store:
    from tradingd.lab.data.store import Store
    from tradingd.shell.env import RealDisk

    return Store(place, RealDisk())


def _tell(report: Report) -> None:
    from tradingd.lab.data.report import left_out

    for loaded in report.loaded:
        say(f"{clean(report.file)}: {report.kind} {loaded.symbol}: {_words(loaded)}")
    for doubt in report.doubts:
        complain(f"{report.file}: {report.kind} {doubt}")
    for line in left_out(report):
        say(clean(line))


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
