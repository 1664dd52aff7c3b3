"""What may stand in a command, and that sent twice it acts once."""

from __future__ import annotations

import json

import pytest

from tests.fakes.desk import T0
from tests.shell.web.conftest import OPERATOR, House
from tradingd.core.events import Verb
from tradingd.core.types import NS


async def test_a_command_carries_who_and_why(house: House) -> None:
    """J18, H1: the token's name is the actor; time is the house's."""
    body = json.dumps({"reason": " lunch ", "account": "demo"}).encode()
    status, answer, _ = await house.ask("POST", "/api/trading/pause", OPERATOR, body)
    assert status == 200
    (command,) = house.desk.commands
    assert (command.verb, command.actor, command.reason, command.account) == (Verb.PAUSE, "token:ann", "lunch", "demo")
    assert command.ts == house.desk.now()
    assert json.loads(answer)["command_id"] == command.id


async def test_the_same_key_twice_is_one_effect(house: House) -> None:
    """J19: a double click."""
    answers = [await house.ask("POST", "/api/trading/flatten", OPERATOR, b"{}", Idempotency_Key="k1") for _ in range(2)]
    assert answers[0][:2] == answers[1][:2]
    assert [c.id for c in house.desk.commands] == ["k1"]


async def test_a_rule_that_says_no_is_409(house: House) -> None:
    house.desk.refuse = True
    assert (await house.ask("POST", "/api/trading/resume", OPERATOR, b'{"reason":"go"}'))[0] == 409


@pytest.mark.parametrize(
    ("verb", "body", "headers", "status"),
    [
        ("flatten", b"{}", {}, 400),  # J19: no key
        ("cancel", b'{"order_id":"demo.1.e"}', {}, 400),  # J19
        ("pause", b"{}", {"Idempotency_Key": "a b"}, 400),
        ("pause", b"{}", {"X_Tradingd": ""}, 403),  # J6
        ("pause", b"{}", {"Content_Type": "text/plain"}, 415),  # J6: what a form can send
        ("pause", b"{}", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ("pause", b"{}", {"Content_Encoding": "gzip"}, 415),
        ("resume", b"{}", {}, 400),  # a reason is needed to go on
        ("lockout", b"{}", {}, 400),
        ("lockout", json.dumps({"until": T0}).encode(), {}, 400),  # in the past
        ("pause", json.dumps({"until": T0 + 10**6 * NS}).encode(), {}, 400),  # not for this verb
        ("pause", b'{"symbol":"AAPL"}', {}, 400),
        ("pause", b'{"reason":"a\\nb"}', {}, 400),  # J13: one event, one line
        ("pause", b'{"reason":"\\u001b[31m"}', {}, 400),
        ("pause", b'{"account":"../x"}', {}, 400),  # J12
        ("pause", b'{"acount":"demo"}', {}, 400),  # a typing error never means "all accounts"
        ("pause", b'{"reason":"' + b"a" * 501 + b'"}', {}, 400),
        ("pause", b"[]", {}, 400),
        ("pause", b"{", {}, 400),
        ("pause", b"\xff", {}, 400),
        ("pause", b'{"account":"a","account":"b"}', {}, 400),  # J2
        ("lockout", b'{"until":NaN}', {}, 400),
        ("lockout", b'{"until":1e999}', {}, 400),
        ("lockout", b'{"until":' + b"9" * 60_000 + b"}", {}, 400),
        ("pause", b"[" * 60_000, {}, 400),
        ("pause", b'{"reason":"' + b"a" * 70_000 + b'"}', {}, 413),
    ],
)
async def test_what_is_refused_changes_nothing(
    house: House, verb: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """J2, J6, J12, J13, J19."""
    got, _, _ = await house.ask("POST", f"/api/trading/{verb}", OPERATOR, body, **headers)
    assert got == status
    assert house.desk.commands == []
