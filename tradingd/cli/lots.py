"""tradingd lots: which shares are held since when and for how much, what closing some made, and which losses were moved."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Account, Dir, Json
from tradingd.cli.show import money, say, say_json, table, when
from tradingd.cli.where import state_dir
from tradingd.core.views.lots import LotsView, LotView, PartView
from tradingd.core.views.reasons import clean


def lots(
    symbol: Annotated[str | None, typer.Argument(help="Only of this symbol.")] = None,
    directory: Dir = None,
    account: Account = None,
    closed: Annotated[bool, typer.Option("--closed", help="What was closed lately, too.")] = False,
    as_json: Json = False,
) -> None:
    """Tax lots, first in first out, with wash sales by the 30-day rule. An estimate: the broker's statement decides."""
    query = f"?{urlencode({'symbol': symbol})}" if symbol else ""
    found = Client(state_dir(directory)).get(f"/lots{query}", list[LotsView])
    views = [view for view in found if account in (None, view.account)]
    if account is not None and not views:
        names = ", ".join(view.account for view in found) or "none"
        raise CliError(f"there is no account {account}; there are: {names}", Exit.NOT_FOUND)
    if as_json:
        say_json(views)
        return
    say("\n\n".join(_text(view, closed) for view in views))


def _text(view: LotsView, closed: bool) -> str:
    lines = [f"{clean(view.account)}  {clean(view.currency)}"]
    lines.append(_open(view.lots) if view.lots else "no open lots")
    if closed:
        lines += ["", _closed(view.closed) if view.closed else "nothing closed"]
    lines += [
        f"{year.year}: {money(year.counts)} counts (realised {money(year.realised)}, of its losses {money(year.disallowed)} "
        "disallowed and moved to later lots)"
        for year in view.years
    ]
    return "\n".join(lines)


def _open(lots: tuple[LotView, ...]) -> str:
    head = ("lot", "symbol", "side", "qty", "of", "basis", "of it wash", "opened", "held since", "note")
    rows = [
        (
            lot.lot,
            lot.symbol,
            lot.side,
            lot.qty,
            lot.opened_qty,
            money(lot.basis),
            money(lot.wash),
            when(lot.opened_ts),
            when(lot.acquired_ts),
            "adopted" if lot.adopted else "",
        )
        for lot in lots
    ]
    return table(head, rows, right="   rrrr")


def _closed(parts: tuple[PartView, ...]) -> str:
    head = ("lot", "symbol", "side", "qty", "basis", "proceeds", "realised", "disallowed", "opened", "closed", "note")
    rows = [
        (
            part.lot,
            part.symbol,
            part.side,
            part.qty,
            money(part.basis),
            money(part.proceeds),
            money(part.realised),
            money(part.disallowed),
            when(part.opened_ts),
            when(part.closed_ts),
            _note(part),
        )
        for part in parts
    ]
    return table(head, rows, right="   rrrrr")


def _note(part: PartView) -> str:
    notes = []
    if part.taken:
        notes.append("replaced by " + ", ".join(taken.lot for taken in part.taken))
    if part.open_until is not None:
        notes.append(
            f"a {'purchase' if part.side == 'long' else 'short'} before {when(part.open_until)} replaces {part.open_qty}"
        )
    if part.adopted:
        notes.append("adopted")
    return "; ".join(notes)
