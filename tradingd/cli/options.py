"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", help="State directory of the daemon (else TRADINGD_DIR, else the configuration's)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine output.")]
Account = Annotated[str | None, typer.Option("--account", "-a", metavar="ID", help="Only this account.")]
Reason = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it is kept with the command.")]
CommandId = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="Id of the command: the same id twice has one effect.")
]
ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file.")]
Yes = Annotated[bool, typer.Option("--yes", help="In live mode: do it without asking for the account id.")]
