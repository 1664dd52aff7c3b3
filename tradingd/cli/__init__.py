"""The command line: a thin client of the running daemon, and the door through which it starts. Source: H3, FEATURES 5.1."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tradingd import __version__
from tradingd.cli import (
    backtest,
    command,
    config,
    daemon,
    data,
    doctor,
    flatten,
    intake,
    journal,
    lots,
    notify,
    observe,
    parity,
    replay,
    report,
    sweep,
    tier,
    why,
)
from tradingd.cli.exits import CliError
from tradingd.cli.show import complain, say
from tradingd.shell.identity import is_compiled

app = typer.Typer(
    name="tradingd", help="A trading daemon an operator can trust.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

for verb in (
    daemon.run, daemon.demo, backtest.backtest, sweep.sweep, sweep.walkforward,
    observe.status, observe.positions, observe.orders, observe.decisions, lots.lots, tier.tier, why.why,
    command.pause, command.halt, flatten.flatten, command.lockout, command.cancel, command.trip,
    command.resume, command.settle, command.adopt, command.release,
    intake.recommend, intake.event, report.report,
    doctor.doctor, observe.ui, notify.notifications, parity.parity, replay.replay,
):  # fmt: skip
    app.command()(verb)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(daemon.venue)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(journal.app, name="journal")
app.add_typer(notify.app, name="notify")


@app.command()
def version() -> None:
    """Print the version, and whether it is the compiled build."""
    say(f"tradingd {__version__}{' (compiled)' if is_compiled() else ''}")


def _version_wanted(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _top(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version_wanted, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A trading daemon an operator can trust. Looking never needs a role; stopping never asks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    try:
        app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="tradingd")
    except CliError as exc:
        sys.stdout.flush()
        complain(f"Error: {exc}")
        sys.exit(int(exc.code))
    except KeyboardInterrupt:
        sys.exit(130)
