"""The why verb: the journal's facts told in words; the running daemon adds what blocks a symbol now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.observe import page_of
from tradingd.cli.options import Account, Dir, Json
from tradingd.cli.show import complain, say, say_json
from tradingd.cli.where import state_dir
from tradingd.core.facts import Fact
from tradingd.core.views.page import AccountView, Page


def why(
    key: Annotated[
        str, typer.Argument(metavar="ORDER|DECISION|SYMBOL", help="An order id, a decision id like d12, or a symbol.")
    ],
    directory: Dir = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Why an order was sent, a decision fell, or nothing happens with a symbol. Works on the journal of a stopped daemon too."""
    from tradingd.core.views.why import explain

    where = state_dir(directory)
    facts = _facts(key, where, account)
    page = _page(Client(where))
    views = _views(page, account)
    now, session = (page.now, page.session) if page is not None else (None, None)
    lines: list[str] = []
    for view in views or (None,):
        own = [fact for fact in facts if view is None or fact.account == view.account]
        lines += explain(key, own, view, session=session, now=now)
    if not lines:
        raise CliError(
            f"nothing is known of {key}"
            + ("" if page is not None else " in the journal, and the daemon is not running"),
            Exit.NOT_FOUND,
        )
    if page is None:
        complain("the daemon is not running: this is what the journal says, not what is now")
    if as_json:
        say_json({"key": key, "live": page is not None, "lines": lines, "facts": facts})
    else:
        say("\n".join(lines))


def _facts(key: str, directory: Path, account: str | None) -> list[Fact]:
    """Two looks at the journal: what names the key, then the life of the symbol it is about."""
    from tradingd.cli.records import find
    from tradingd.core.views.why import needles

    found = dict(find(directory, needles(key)))
    wider = needles(key, [fact for _, fact in sorted(found.items(), key=lambda item: item[0])]) if found else []
    if wider:
        found.update(find(directory, wider))
    return [found[seq] for seq in sorted(found) if account in {None, found[seq].account}]


def _page(client: Client) -> Page | None:
    try:
        return page_of(client)
    except CliError as exc:
        if exc.code is not Exit.NOT_RUNNING:
            raise
        return None


def _views(page: Page | None, account: str | None) -> tuple[AccountView, ...]:
    if page is None:
        return ()
    return tuple(view for view in page.accounts if account in {None, view.account})
