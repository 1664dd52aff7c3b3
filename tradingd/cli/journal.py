"""The journal verbs: verify, tail, export. They read the files alone, beside a running daemon or without one."""

from __future__ import annotations

import time  # sim-ok: a client command, not the daemon
from typing import Annotated

import typer

from tradingd.cli.exits import CliError
from tradingd.cli.options import Dir, Json
from tradingd.cli.show import say, say_json
from tradingd.cli.where import state_dir
from tradingd.core.views.reasons import clean

app = typer.Typer(help="Check and read the journal.", no_args_is_help=True, rich_markup_mode=None)
CLEAN, CORRUPT, CANNOT = 0, 1, 2
FOLLOW_S = 0.5


@app.command()
def verify(directory: Dir = None, as_json: Json = False) -> None:
    """Check every record's hash and place in the chain. Ends with 0 clean, 1 corrupt, 2 cannot run."""
    from tradingd.cli.records import has_journal, inspect

    where = state_dir(directory)
    if not has_journal(where):
        raise typer.Exit(_cannot(f"there is no journal in {where}"))
    try:
        report = inspect(where)
    except CliError as exc:
        raise typer.Exit(_cannot(str(exc))) from None
    if as_json:
        say_json(report)
    elif report.ok:
        say(f"clean: {report.records} records in {report.segments} segments, head {report.head}")
    elif report.torn:
        say(f"TORN TAIL: {clean(report.fault)}; good until record {report.records}")
        say("it was never durable; the next start keeps it aside and goes on")
    else:
        say(f"CORRUPT: {clean(report.fault)}; good until record {report.records}")
    raise typer.Exit(CLEAN if report.ok else CORRUPT)


def _cannot(text: str) -> int:
    from tradingd.cli.show import complain

    complain(f"Error: {text}")
    return CANNOT


@app.command()
def tail(
    directory: Dir = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=100_000)] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
) -> None:
    """The last facts, one JSON line each; with -f the new ones as they come."""
    from tradingd.cli.records import Facts

    facts = Facts(state_dir(directory))
    for line in facts.last(lines):
        say(line)
    while follow:
        for line in facts.new():
            say(line)
        time.sleep(FOLLOW_S)  # sim-ok: a client command, not the daemon


@app.command()
def export(directory: Dir = None) -> None:
    """All facts in order, one JSON line each: sequence, time, fact."""
    from tradingd.cli.records import export_lines

    for line in export_lines(state_dir(directory)):
        say(line)
