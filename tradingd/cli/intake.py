"""Verbs that hand something in: an idea to be decided, an event to be heeded. Source: E1, E12, H3."""

from __future__ import annotations

import secrets  # sim-ok: a client command, not the daemon
from typing import Annotated, Any

import typer

from tradingd.cli.client import Client
from tradingd.cli.command import Answer, consent, finish, until_ns
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.observe import page_of
from tradingd.cli.options import Account, Dir, Json, Yes
from tradingd.cli.show import say, say_json
from tradingd.cli.where import state_dir
from tradingd.core.events import Action
from tradingd.core.facts import Outcome
from tradingd.core.types import Severity
from tradingd.core.views.reasons import clean
from tradingd.shell.intake.schema import Told

Ident = Annotated[str | None, typer.Option("--id", metavar="ID", help="Its id: the same id twice is one.")]


def recommend(
    symbol: Annotated[str, typer.Argument(help="The symbol.")],
    action: Annotated[Action, typer.Argument(help="buy or sell.")],
    confidence: Annotated[float, typer.Option("--confidence", "-c", min=0.0, max=1.0, help="0 to 1.")],
    directory: Dir = None,
    account: Account = None,
    live: Annotated[bool, typer.Option("--live", help="It may be traded with real money.")] = False,
    intraday: Annotated[bool, typer.Option("--intraday", help="For hours, by the rules of micro-trading.")] = False,
    thesis: Annotated[str, typer.Option("--thesis", "-t", metavar="TEXT", help="Why; kept with the decision.")] = "",
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Under whose name.")] = "cli",
    ident: Ident = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Hand in an idea and say what every account decided. Ends with 4 when all refused, 5 when one has not decided yet."""
    client = Client(state_dir(directory))
    consent(client, account, yes=yes, reason="recommend")
    ident = ident or f"cli-{secrets.token_hex(8)}"
    body: dict[str, Any] = {
        "id": ident, "symbol": symbol, "action": action.value, "confidence": confidence, "generated_at": page_of(client).now,
        "mode": "live_eligible" if live else "paper_eligible", "thesis": thesis, "source": source, "intraday": intraday,
    }  # fmt: skip
    if account is not None:
        body["account"] = account
    try:
        told = client.post("/recommendations", body, Told)
    except CliError as exc:
        if exc.code is Exit.UNKNOWN:
            raise CliError(f"{exc}; the same again with --id {ident} is one recommendation", exc.code) from None
        raise
    _show(told, as_json=as_json)


def _show(told: Told, *, as_json: bool) -> None:
    if as_json:
        say_json(told)
    else:
        again = " (before)" if told.status == "duplicate" else ""
        for made in told.decisions:
            what = ", ".join((*made.orders, *made.reasons)) or "waits"
            say(f"{clean(made.account)} {made.decision_id}{again}: {made.outcome.value}  {clean(what)}")
    if not any(made.outcome is Outcome.ACT for made in told.decisions):
        raise CliError("refused by every account: tradingd why <decision> says what was measured", Exit.REFUSED)


def event(
    severity: Annotated[Severity, typer.Argument(help="low, medium or high.")],
    until: Annotated[
        str,
        typer.Option("--for", "--until", "-u", metavar="T", help="2h, 90m, 1 day, or a time like 2026-11-23T14:30Z."),
    ],
    directory: Dir = None,
    symbols: Annotated[
        str, typer.Option("--symbols", "-s", metavar="A,B", help="Whom it concerns; else everybody.")
    ] = "",
    text: Annotated[str, typer.Option("--text", "-t", metavar="TEXT", help="What happened.")] = "",
    ident: Ident = None,
    as_json: Json = False,
) -> None:
    """Tell of something that happened out there: high severity looks at every stop it concerns, and tightens it."""
    client = Client(state_dir(directory))
    ident = ident or f"cli-{secrets.token_hex(8)}"
    body = {
        "id": ident,
        "severity": severity.value,
        "until": until_ns(until, page_of(client).now),
        "symbols": [part for part in (part.strip() for part in symbols.split(",")) if part],
        "text": text,
    }
    try:
        answer = client.post("/events", body, Answer)
    except CliError as exc:
        if exc.code is Exit.UNKNOWN:
            raise CliError(f"{exc}; the same again with --id {ident} is one event", exc.code) from None
        raise
    finish(answer, as_json=as_json)
