"""Verbs that only look: status, positions, orders, decisions, ui. They show a running daemon's own word, never a saved one."""

from __future__ import annotations

import time  # sim-ok: a client command, not the daemon
from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Account, Dir, Json
from tradingd.cli.show import STATE_COLOURS, age, complain, money, paint, say, say_json, share, table, when
from tradingd.cli.where import state_dir
from tradingd.core.facts import Decided, Outcome
from tradingd.core.views.blocks import left
from tradingd.core.views.page import AccountView, BrokerView, HoldView, LimitView, Page, TripView
from tradingd.core.views.reasons import clean, sentence

WATCH_S = 2.0
BREAK = "\n"


class Address(msgspec.Struct, frozen=True):
    """The daemon's answer to `ui`."""

    url: str


def page_of(client: Client) -> Page:
    return client.get("/status.json", Page)


def accounts_of(page: Page, account: str | None) -> tuple[AccountView, ...]:
    """All accounts, or the one named. Raises CliError 6."""
    if account is None:
        return page.accounts
    found = tuple(view for view in page.accounts if view.account == account)
    if not found:
        names = ", ".join(view.account for view in page.accounts) or "none"
        raise CliError(f"there is no account {account}; there are: {names}", Exit.NOT_FOUND)
    return found


def status(
    directory: Dir = None,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again and again, until Ctrl-C or the daemon ends.")
    ] = False,
) -> None:
    """What the daemon does now: mode, trading state and who set it, money, limits, brokers."""
    client = Client(state_dir(directory), timeout_s=5.0)
    shown = False
    while True:
        try:
            page = page_of(client)
        except CliError as exc:
            if not shown:
                raise
            raise CliError(f"the daemon is gone; what stands above is no longer true ({exc})", exc.code) from None
        if as_json:
            say_json(page)
        else:
            say(("\x1b[H\x1b[2J" if watch and shown_on_terminal() else "") + status_text(page))
        shown = True
        if not watch:
            return
        time.sleep(WATCH_S)  # sim-ok: a client command, not the daemon


def shown_on_terminal() -> bool:
    import sys

    return sys.stdout.isatty()


def status_text(page: Page) -> str:
    """The whole status as lines."""
    mode = paint(page.mode.upper(), "red" if page.mode == "live" else "yellow" if page.mode == "demo" else "bold")
    lines = [f"tradingd {clean(page.version)}  {mode}  {when(page.now)}  up since {when(page.started)}"]
    if page.note:
        lines.append(clean(page.note))
    if page.session is not None:
        lines.append(_session(page))
    for account in page.accounts:
        lines += ["", *_account(account, page.now)]
    journal, build, config = page.journal, clean(page.build)[:12], clean(page.config)[:12]
    chain = f"{journal.durable} durable of {journal.seq}, head {clean(journal.head)[:16]}"
    return "\n".join([*lines, "", f"journal  {chain}   build {build}   config {config}"])


def _session(page: Page) -> str:
    session = page.session
    assert session is not None
    word = "open" if session.open else "closed"
    window = "inside the trading window" if session.in_window else "outside the trading window"
    following = ""
    if session.next_window is not None and not session.in_window:
        following = f", next window {when(session.next_window)}{left(session.next_window, page.now)}"
    return f"{clean(session.calendar)} {word}, {window}{following}"


def _account(view: AccountView, now: int) -> list[str]:
    state = paint(view.state.upper(), STATE_COLOURS.get(view.state))
    working = sum(1 for order in view.orders if order.open)  # sim-ok: a count, no floats
    counts = "   ".join(f"{clean(name)} {count}" for name, count in view.counts.items())
    lines = [
        f"{clean(view.account)}  {state}  tier {clean(view.tier)}",
        *map(_hold, view.holds),
        *(_trip(trip, now) for trip in view.breaker),
        *_money(view),
        _broker(view.broker, now),
        f"  {len(view.positions)} positions, {working} working orders   {counts}",
    ]
    if view.limits:
        text = table(("limit", "used", "of", "share"), map(_limit, view.limits), right=" rrr")
        lines += ["  " + line for line in text.split("\n")]
    return [
        *lines,
        *(
            f"  {clean(level)}: {clean(text.partition(BREAK)[0])} ({clean(code)}, {age(ts, now)} ago)"
            for ts, level, code, text in view.alerts[:5]
        ),
    ]


def _money(view: AccountView) -> tuple[str, str]:
    pools = f"equity {money(view.equity)} {clean(view.currency)}   active {money(view.active)}   reserve {money(view.reserve)}"
    today = f"today {money(view.day_pnl)} ({share(view.day_pnl_ratio)})   realised {money(view.realised)}   fees {money(view.fees)}"
    risk = f"heat {share(view.heat)}   drawdown {share(view.drawdown)}"
    return f"  {pools}   cash {money(view.cash)}", f"  {today}   {risk}"


def _hold(hold: HoldView) -> str:
    until = f", until {when(hold.until)}" if hold.until else ""
    return f"  {clean(hold.state)} since {when(hold.ts)} by {clean(hold.actor)}: {clean(hold.reason) or 'no reason given'}{until}"


def _trip(trip: TripView, now: int) -> str:
    of = f" {clean(trip.symbol)}" if trip.symbol else ""
    numbers = (
        f"{share(trip.actual)} against {share(trip.threshold)}" if trip.kind.endswith(("loss", "position")) else ""
    )
    return f"  breaker {clean(trip.kind)}{of}: {numbers or 'tripped'}, until {when(trip.until)}{left(trip.until, now)}"


def _broker(broker: BrokerView, now: int) -> str:
    link = "up" if broker.up else paint(f"DOWN {clean(broker.why)}", "red")
    heard = f"last word {age(broker.last_event_ts, now)} ago, reconciled {age(broker.last_reconcile_ts, now)} ago"
    return f"  broker {clean(broker.name)}: {link}, {heard}, unknown orders {broker.unknown_orders}"


def _limit(limit: LimitView) -> tuple[str, str, str, str]:
    return limit.name, f"{limit.used:.4g}", f"{limit.limit:.4g}", share(limit.used / limit.limit) if limit.limit else ""


def positions(directory: Dir = None, account: Account = None, as_json: Json = False) -> None:
    """What is held, with stop, target and the protective order at the venue."""
    page = page_of(Client(state_dir(directory)))
    views = accounts_of(page, account)
    if as_json:
        say_json({view.account: view.positions for view in views})
        return
    rows = [
        (
            view.account,
            f"{p.symbol} (micro)" if p.micro else p.symbol,
            p.qty,
            p.avg_price,
            "" if p.mark is None else f"{p.mark:.4f}",
            money(p.unrealised),
            money(p.realised),
            p.stop,
            p.target,
            p.protective or "none",
            f"venue holds {p.drift}" if p.drift is not None else "",
            age(p.mark_ts, page.now),
        )
        for view in views
        for p in view.positions
    ]
    head = (
        "account",
        "symbol",
        "qty",
        "average",
        "mark",
        "unrealised",
        "realised",
        "stop",
        "target",
        "at venue",
        "drift",
        "price age",
    )
    say(table(head, rows, right="  rrrrrrr  r") if rows else "no positions")


def orders(
    directory: Dir = None,
    account: Account = None,
    every: Annotated[bool, typer.Option("--all", help="Finished ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Working orders, and with --all the latest finished ones."""
    page = page_of(Client(state_dir(directory)))
    views = accounts_of(page, account)
    if as_json:
        say_json({view.account: [o for o in view.orders if o.open or every] for view in views})
        return
    rows = [
        (
            o.order_id,
            o.symbol,
            o.side,
            o.type,
            o.qty,
            o.cum_qty,
            o.limit or o.stop,
            o.avg_price,
            o.state,
            age(o.updated_ts, page.now),
            o.why,
        )
        for view in views
        for o in view.orders
        if o.open or every
    ]
    head = ("order", "symbol", "side", "type", "qty", "filled", "price", "average", "state", "age", "why")
    say(table(head, rows, right="    rrrr r") if rows else "no working orders" if not every else "no orders")


def decisions(
    directory: Dir = None,
    symbol: Annotated[str | None, typer.Option("--symbol", "-s", help="Only of this symbol.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 20,
    as_json: Json = False,
) -> None:
    """The latest decisions, acted on or refused, newest first. The whole chain of one: tradingd why ID."""
    query = {"limit": str(limit), **({"symbol": symbol} if symbol else {}), **({"outcome": "skip"} if refused else {})}
    found = Client(state_dir(directory)).get(f"/decisions?{urlencode(query)}", list[Decided])
    if as_json:
        say_json(found)
        return
    rows = [
        (
            d.decision_id,
            when(d.ts),
            d.account,
            d.kind.value,
            d.side.value,
            d.symbol,
            d.qty,
            "" if d.confidence is None else f"{d.confidence:.2f}",
            "acted" if d.outcome is Outcome.ACT else "refused",
            _because(d),
            d.source,
        )
        for d in found
    ]
    head = ("id", "time", "account", "kind", "side", "symbol", "qty", "conf.", "outcome", "because", "source")
    say(table(head, rows, right="      rr") if rows else "no decisions yet")


def _because(decided: Decided) -> str:
    if decided.headline is None:
        return ""
    more = f" (+{len(decided.reasons) - 1})" if len(decided.reasons) > 1 else ""
    return sentence(decided.headline) + more


def ui(directory: Dir = None, as_json: Json = False) -> None:
    """Print the page's address, with a fresh token to look (not to command) in it."""
    address = Client(state_dir(directory)).post("/ui", {}, Address)
    if as_json:
        say_json(address)
    else:
        say(clean(address.url))
        complain("the address holds a token: whoever has it can look")
