"""Telling people: try a channel, and look at what was told."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Account, Dir, Json
from tradingd.cli.show import say, say_json, table, when
from tradingd.cli.where import state_dir
from tradingd.core.views.reasons import clean

app = typer.Typer(help="Try the channels over which people are told.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Try the channels over which people are told."""


@app.command("test")
def try_channels(
    channel: Annotated[str | None, typer.Argument(help="Only this channel; else all of them.")] = None,
    directory: Dir = None,
    as_json: Json = False,
) -> None:
    """Have the running daemon send a test notice, with one try. Ends with 0 delivered, 1 not, 6 no such channel, 7 only some."""
    from tradingd.shell.web.desk import TestSaid

    client = Client(state_dir(directory), timeout_s=15.0)
    body: dict[str, Any] = {} if channel is None else {"channel": channel}
    told = client.post("/notify/test", body, list[TestSaid])
    if as_json:
        say_json(told)
    else:
        for each in told:
            say(f"{clean(each.channel)}: {clean(each.status)}" + (f" ({clean(each.error)})" if each.error else ""))
    missed = [each.channel for each in told if each.status != "delivered"]
    if missed:
        raise typer.Exit(Exit.FAILED if len(missed) == len(told) else Exit.PARTLY)


class Row(msgspec.Struct, frozen=True):
    """One notice on one channel."""

    seq: int
    ts: int
    account: str
    channel: str
    event: str
    level: str
    status: str
    tries: int
    error: str
    notice: str


def notifications(
    directory: Dir = None,
    account: Account = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 20,
    as_json: Json = False,
) -> None:
    """What was told on which channel and what became of it, newest first. It reads the journal; no daemon need run."""
    from tradingd.cli.records import find, has_journal
    from tradingd.core.facts import Notified

    directory = state_dir(directory)
    if not has_journal(directory):
        raise CliError(f"there is no journal in {directory}", Exit.NOT_FOUND)
    facts = [(seq, fact) for seq, fact in find(directory, [b'"fact":"Notified"']) if isinstance(fact, Notified)]
    rows = [
        Row(seq, f.ts, f.account, f.channel, f.kind, f.level, f.status, f.tries, f.error, f.notice)
        for seq, f in reversed(facts)
        if f.status != "noted" and account in (None, f.account)
    ][:limit]
    if as_json:
        say_json(rows)
        return
    head = ("record", "time", "account", "channel", "event", "level", "status", "tries", "error")
    cells = [
        (r.seq, when(r.ts), r.account, r.channel, r.event, r.level, r.status, r.tries or "", r.error) for r in rows
    ]
    say(table(head, cells, right="r      r") if rows else "nothing was told yet")
