"""The report verb: the HTML page of a result folder, made anew, or its metrics as JSON. No daemon is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Json
from tradingd.cli.show import say, say_json
from tradingd.core.views.reasons import clean


def report(
    result_dir: Annotated[Path, typer.Argument(metavar="RESULT_DIR", help="The folder a backtest left.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the page goes (else RESULT_DIR/report.html).")
    ] = None,
    as_json: Json = False,
) -> None:
    """The page of a run in one HTML file. With --json its metrics on stdout, and a page only where --out says."""
    from tradingd.lab.results.faults import NoResult, ResultFault
    from tradingd.lab.results.page import PAGE, make
    from tradingd.lab.results.result import metrics_of, read

    try:
        if as_json:
            say_json(metrics_of(result_dir, read(result_dir)))
        if out is not None or not as_json:
            target = out or result_dir / PAGE
            make(result_dir, target)
            if not as_json:
                say(clean(str(target)))
    except NoResult as exc:
        raise CliError(str(exc), Exit.NOT_FOUND) from None
    except ResultFault as exc:
        raise CliError(str(exc)) from None
    except OSError as exc:
        raise CliError(f"--out: the page cannot be written: {exc}") from None
