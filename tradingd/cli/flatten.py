"""The flatten verb: what it would do, and waiting until the venue and the book agree that nothing is left."""

from __future__ import annotations

import time  # sim-ok: a client command, not the daemon
from collections.abc import Callable
from typing import Annotated

import typer

from tradingd.cli.client import Client
from tradingd.cli.command import finish, send
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.observe import accounts_of, page_of
from tradingd.cli.options import Account, CommandId, Dir, Json, Reason
from tradingd.cli.show import say, say_json, table
from tradingd.cli.where import state_dir
from tradingd.core.views.page import OrderView, Page, PositionView
from tradingd.core.views.reasons import clean

WAIT_STEP_S = 0.25


def flatten(
    directory: Dir = None,
    account: Account = None,
    symbol: Annotated[str | None, typer.Option("--symbol", "-s", help="Only this symbol.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be cancelled and closed.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the book to be flat; 0: do not wait.")
    ] = 30.0,
    reason: Reason = "",
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Cancel everything, close everything, then halt. Ends with 7 when something is left after the wait."""
    client = Client(state_dir(directory))
    if dry_run:
        _show_flatten(page_of(client), account, symbol, as_json=as_json)
        return
    answer = send(client, "flatten", command_id, account=account, symbol=symbol, reason=reason)
    finish(answer, as_json=as_json)
    if wait > 0:
        left = _wait(lambda: _left(page_of(client), account, symbol), wait)
        if left:
            raise CliError(
                "not flat yet: " + "; ".join(left) + ". The daemon goes on trying: tradingd status", Exit.PARTLY
            )
        if not as_json:
            say("flat")


def _concerned(
    page: Page, account: str | None, symbol: str | None
) -> tuple[list[tuple[str, OrderView]], list[tuple[str, PositionView]]]:
    views = accounts_of(page, account)
    orders = [(v.account, o) for v in views for o in v.orders if o.open and symbol in {None, o.symbol}]
    positions = [(v.account, p) for v in views for p in v.positions if symbol in {None, p.symbol} and float(p.qty) != 0]
    return orders, positions


def _show_flatten(page: Page, account: str | None, symbol: str | None, *, as_json: bool) -> None:
    orders, positions = _concerned(page, account, symbol)
    if as_json:
        say_json({"cancel": [o for _, o in orders], "close": [p for _, p in positions]})
        return
    rows = [("cancel", name, o.symbol, f"{o.side} {o.qty}", o.order_id) for name, o in orders]
    rows += [("close", name, p.symbol, p.qty, "") for name, p in positions]
    say(table(("would", "account", "symbol", "qty", "order"), rows) if rows else "nothing to cancel, nothing to close")


def _left(page: Page, account: str | None, symbol: str | None) -> list[str]:
    orders, positions = _concerned(page, account, symbol)
    return [f"{clean(p.symbol)} {p.qty} in {clean(name)}" for name, p in positions] + [
        f"order {clean(o.order_id)} {o.state}" for _, o in orders
    ]


def _wait(ask: Callable[[], list[str]], seconds: float) -> list[str]:
    end = time.monotonic() + seconds  # sim-ok: a client command, not the daemon
    while True:
        left = ask()
        if not left or time.monotonic() >= end:  # sim-ok: a client command, not the daemon
            return left
        time.sleep(WAIT_STEP_S)  # sim-ok: a client command, not the daemon
