"""Verbs that change what the daemon may do. Stopping never asks; loosening needs a reason, and in live mode a clear yes (H3)."""

from __future__ import annotations

import secrets  # sim-ok: a client command, not the daemon
import sys
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from tradingd.cli.client import Client
from tradingd.cli.exits import CliError, Exit
from tradingd.cli.observe import accounts_of, page_of
from tradingd.cli.options import Account, CommandId, Dir, Json, Reason, Yes
from tradingd.cli.show import say, say_json
from tradingd.cli.where import state_dir
from tradingd.core.types import NS
from tradingd.core.views.reasons import clean


class Answer(msgspec.Struct, frozen=True):
    """The daemon's answer to a command, given when it is durable."""

    command_id: str
    verb: str
    refused: bool
    text: str
    accounts: tuple[str, ...] = ()


def send(client: Client, verb: str, command_id: str | None = None, **fields: Any) -> Answer:
    """One command. A time-out names the id with which asking again is harmless (J19)."""
    command_id = command_id or f"cli-{secrets.token_hex(8)}"
    body = {
        "id": command_id,
        "verb": verb,
        "actor": "",
        **{name: value for name, value in fields.items() if value is not None},
    }
    try:
        return client.post("/command", body, Answer)
    except CliError as exc:
        if exc.code is Exit.UNKNOWN:
            raise CliError(f"{exc}; the same again with --id {command_id} has one effect", exc.code) from None
        raise


def finish(answer: Answer, *, as_json: bool) -> None:
    """Shows the answer; ends with 4 when a rule said no."""
    if as_json:
        say_json(answer)
    if answer.refused:
        raise CliError(f"{answer.verb} refused: {clean(answer.text.removeprefix('refused: '))}", Exit.REFUSED)
    if not as_json:
        say(
            f"{answer.verb}: {clean(answer.text)}"
            + (f"  [{', '.join(map(clean, answer.accounts))}]" if answer.accounts else "")
        )


def consent(client: Client, account: str | None, *, yes: bool, reason: str) -> None:
    """Loosening in live mode needs --yes or the account's id typed; elsewhere the reason is enough. Raises CliError 2 or 4."""
    if not reason.strip():
        raise CliError("a reason is needed: --reason TEXT", Exit.USAGE)
    if yes:
        return
    page = page_of(client)
    if page.mode != "live":
        return
    wanted = account or ",".join(view.account for view in page.accounts)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CliError("the daemon trades LIVE: add --yes", Exit.USAGE)
    typed = typer.prompt(f"LIVE. Type the account id to go on ({wanted})", err=True, default="", show_default=False)
    if typed.strip() != wanted:
        raise CliError("not the account id; nothing was done", Exit.REFUSED)


def pause(
    directory: Dir = None,
    account: Account = None,
    reason: Reason = "",
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """No new risk: entries are cancelled, exits go on. Lifted by resume."""
    finish(send(Client(state_dir(directory)), "pause", command_id, account=account, reason=reason), as_json=as_json)


def halt(
    directory: Dir = None,
    account: Account = None,
    reason: Reason = "",
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Nothing leaves but protective stops and an explicit flatten. Lifted by resume."""
    finish(send(Client(state_dir(directory)), "halt", command_id, account=account, reason=reason), as_json=as_json)


def resume(
    reason: Reason,
    directory: Dir = None,
    account: Account = None,
    yes: Yes = False,
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Lift a pause, a halt or a tripped breaker. Needs a reason."""
    client = Client(state_dir(directory))
    consent(client, account, yes=yes, reason=reason)
    finish(send(client, "resume", command_id, account=account, reason=reason), as_json=as_json)


def trip(
    directory: Dir = None,
    account: Account = None,
    reason: Reason = "",
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Trip the circuit breaker by hand: no entries until its cool-down is over."""
    finish(send(Client(state_dir(directory)), "trip", command_id, account=account, reason=reason), as_json=as_json)


def settle(
    order: Annotated[str, typer.Argument(help="The client order id of the unknown order.")],
    reason: Reason,
    directory: Dir = None,
    account: Account = None,
    yes: Yes = False,
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Declare an unknown order ended, when the venue cannot say any more what became of it. Needs a reason."""
    client = Client(state_dir(directory))
    consent(client, account, yes=yes, reason=reason)
    finish(send(client, "settle", command_id, account=account, reason=reason, order_id=order), as_json=as_json)


def adopt(
    symbol: Annotated[str, typer.Argument(help="The symbol whose position drifted.")],
    reason: Reason,
    directory: Dir = None,
    account: Account = None,
    yes: Yes = False,
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Accept the venue's position where it is not ours and no fill explains it. Needs a reason."""
    client = Client(state_dir(directory))
    consent(client, account, yes=yes, reason=reason)
    finish(send(client, "adopt", command_id, account=account, reason=reason, symbol=symbol), as_json=as_json)


def release(
    amount: Annotated[str, typer.Argument(help='How much, like 500 or "500 USD".')],
    reason: Reason,
    directory: Dir = None,
    account: Account = None,
    yes: Yes = False,
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """Move money from the reserve into the active pool. Needs a reason."""
    client = Client(state_dir(directory))
    number = _amount(amount)
    consent(client, account, yes=yes, reason=reason)
    finish(send(client, "release", command_id, account=account, reason=reason, amount=number), as_json=as_json)


def _amount(text: str) -> str:
    from decimal import Decimal, InvalidOperation

    from tradingd.config.units import UnitError, money

    try:
        value = Decimal(text)
    except InvalidOperation:
        try:
            value = money(text)[0]
        except UnitError as exc:
            raise CliError(str(exc), Exit.USAGE) from None
    if not (value.is_finite() and value > 0):
        raise CliError("the amount must be > 0", Exit.USAGE)
    return format(value, "f")


def lockout(
    until: Annotated[
        str,
        typer.Option(
            "--until", "-u", metavar="T", help="2h, 90m, 1 day, or a time with its zone like 2026-11-23T14:30Z."
        ),
    ],
    directory: Dir = None,
    account: Account = None,
    flatten_too: Annotated[bool, typer.Option("--flatten", help="Close all positions as well.")] = False,
    reason: Reason = "",
    command_id: CommandId = None,
    as_json: Json = False,
) -> None:
    """No new risk until T, and nobody can lift it before."""
    client = Client(state_dir(directory))
    now = page_of(client).now
    end = until_ns(until, now)
    if end <= now:
        raise CliError("--until is in the past", Exit.USAGE)
    finish(
        send(client, "lockout", command_id, account=account, reason=reason, until=end, flatten=flatten_too),
        as_json=as_json,
    )


def until_ns(text: str, now: int) -> int:
    """A duration counted from the house's own time, or a moment that names its zone. Raises CliError 2."""
    from tradingd.config.units import UnitError, duration_s

    try:
        return now + int(duration_s(text) * NS)
    except UnitError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(
            f"--until {text!r}: write 2h, 90m, 1 day, or a time like 2026-11-23T14:30Z", Exit.USAGE
        ) from None
    if moment.tzinfo is None:
        raise CliError(f"--until {text!r}: say which zone, like {text}Z for UTC or {text}-05:00", Exit.USAGE)
    return int(moment.timestamp()) * NS


def cancel(
    order_ids: Annotated[list[str] | None, typer.Argument(metavar="[ORDER]...", help="Order ids.")] = None,
    directory: Dir = None,
    account: Account = None,
    every: Annotated[bool, typer.Option("--all", help="All working orders.")] = False,
    protective: Annotated[bool, typer.Option("--protective", help="Protective stops too.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Cancel orders. Protective stops stay unless --protective. Ends with 6 for an unknown id, 7 when only some were taken."""
    ids = list(dict.fromkeys(order_ids or []))
    if bool(ids) == every:
        raise CliError("name the orders, or --all", Exit.USAGE)
    client = Client(state_dir(directory))
    if every:
        finish(send(client, "cancel", account=account, reason=reason, protective=protective), as_json=as_json)
        return
    owners = {o.order_id: view.account for view in accounts_of(page_of(client), account) for o in view.orders}
    unknown = [order_id for order_id in ids if order_id not in owners]
    if unknown:
        raise CliError(f"no such order: {', '.join(map(clean, unknown))}; nothing was cancelled", Exit.NOT_FOUND)
    answers = [send(client, "cancel", account=owners[i], reason=reason, order_id=i, protective=protective) for i in ids]
    if as_json:
        say_json(answers)
    for order_id, answer in zip(ids, answers, strict=True):
        if not as_json:
            text = clean(answer.text.removeprefix("refused: "))
            say(f"{clean(order_id)}: {'refused: ' if answer.refused else ''}{text}")
    refused = sum(answer.refused for answer in answers)  # sim-ok: a count, no floats
    if refused:
        raise CliError(f"{refused} of {len(ids)} refused", Exit.REFUSED if refused == len(ids) else Exit.PARTLY)
