"""Recommendations and market events over HTTP: who may, what is answered, what is refused. E1, E12, H5, R4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.shell.stage import AAA, stage
from tests.shell.test_desk import desk_of
from tests.shell.web.conftest import OPERATOR, SETTINGS, TRADER, House
from tests.shell.web.test_app import idea
from tradingd.core.facts import Decided
from tradingd.core.types import NS
from tradingd.ports import Broken
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import serve
from tradingd.shell.web.desk import NotReady

PATH = "/api/trading/recommendations"


async def post(house: House, value: object, token: str = TRADER, path: str = PATH) -> tuple[int, Any]:
    status, body, _ = await house.ask("POST", path, token, json.dumps(value).encode())
    return status, json.loads(body)


async def test_one_is_answered_by_one_and_a_list_by_a_list(house: House) -> None:
    """E1, R4: in the order of the questions."""
    status, told = await post(house, idea(thesis="because"))
    assert (status, told["id"], told["status"], told["decisions"][0]["decision_id"]) == (200, "i1", "decided", "d1")
    status, told = await post(house, [idea(id="a"), idea(id="b")])
    assert (status, [t["id"] for t in told]) == (200, ["a", "b"])
    assert [rec.thesis for rec in house.desk.counter.taken] == ["because", "", ""]
    assert {rec.ts for rec in house.desk.counter.taken} == {house.desk.now()}


async def test_what_is_wrong_is_named_and_holds_nothing_else_back(house: House) -> None:
    """E1: 207 when some of a list were refused, 400 when all were."""
    status, told = await post(house, [idea(id="a"), idea(id="b", confidence=2), 7])
    assert (status, [(t["status"], t.get("field", "")) for t in told]) == (
        207,
        [("decided", ""), ("refused", "confidence"), ("refused", "")],
    )
    assert [rec.id for rec in house.desk.counter.taken] == ["a"]
    status, told = await post(house, idea(action="hold"))
    assert (status, told["status"], told["field"], told["id"]) == (400, "refused", "action", "i1")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" + b",".join([b"{}"] * 101) + b"]", 400),
        (b'{"id":"a","id":"b"}', 400),
        (b"[" * 60_000, 400),
        (b" " * 70_000, 413),
    ],
)
async def test_what_cannot_be_read_is_refused_whole(house: House, body: bytes, status: int) -> None:
    """J2, E1."""
    assert (await house.ask("POST", PATH, TRADER, body))[0] == status
    assert house.desk.counter.taken == []


async def test_a_trader_may_recommend_and_nothing_else(house: House) -> None:
    """H5: neither look nor command; a viewer may not recommend; wrong and missing tokens are the door's as everywhere."""
    assert (await post(house, idea()))[0] == 200
    assert (await house.ask("GET", f"{PATH}/i1", TRADER))[0] == 200
    for method, path in (("GET", "/status.json"), ("GET", "/api/trading/decisions"), ("GET", "/metrics")):
        assert (await house.ask(method, path, TRADER))[0] == 403
    for path in ("/api/trading/resume", "/api/trading/halt", "/api/trading/events"):
        assert (await house.ask("POST", path, TRADER, b"{}"))[0] == 403
    viewer = house.served.viewer_token
    assert (await house.ask("POST", PATH, viewer, json.dumps(idea()).encode()))[0] == 403
    assert (await house.ask("POST", PATH, "wrong", json.dumps(idea()).encode()))[0] == 401
    assert (await house.ask("POST", PATH, None, json.dumps(idea()).encode()))[0] == 401
    assert (await house.ask("POST", PATH, TRADER, json.dumps(idea()).encode(), Content_Type="text/plain"))[0] == 415


async def test_what_is_not_decided_yet_is_504_and_what_was_not_taken_503(house: House) -> None:
    """R4: taken, not yet decided; not ready: nothing was done; the end of the daemon: perhaps."""
    house.desk.counter.pending = True
    status, body, headers = await house.ask("POST", PATH, TRADER, json.dumps(idea()).encode())
    assert (status, json.loads(body)["status"], headers["Retry-After"]) == (504, "pending", "1")
    for error, known, code in ((NotReady("one: not yet"), 503, "not_ready"), (Broken("the disk"), 504, "ended")):
        house.desk.counter.fails = error
        status, told = await post(house, idea(id="z"))
        assert (status, told["error"]) == (known, code)
    assert (await house.ask("GET", f"{PATH}/z", TRADER))[0] == 404


async def test_an_id_of_any_letters_can_be_asked_for(house: House) -> None:
    """R4: percent-encoded in the path, the source as a parameter."""
    ident = "2026/11 AAPL%{x}"
    assert (await post(house, idea(id=ident, source="bus")))[0] == 200
    url = f"{PATH}/2026%2F11%20AAPL%25%7Bx%7D"
    assert (await house.ask("GET", f"{url}?source=bus", TRADER))[0] == 200
    assert (await house.ask("GET", url, TRADER))[0] == 404


async def test_an_operator_tells_of_an_event(house: House) -> None:
    """E12: its end by time or duration; the name of the token stands as its source."""
    status, told = await post(
        house, {"severity": "high", "for_s": 3600, "symbols": ["AAPL"]}, OPERATOR, "/api/trading/events"
    )
    [event] = house.desk.counter.events
    assert (status, told["command_id"], event.until, event.source) == (
        200, event.id, house.desk.now() + 3600 * NS, "token:ann",
    )  # fmt: skip
    status, told = await post(house, {"severity": "high", "for_s": -1}, OPERATOR, "/api/trading/events")
    assert (status, told["text"].partition(":")[0]) == (400, "for_s")


async def test_decisions_of_a_span_of_time(house: House) -> None:
    """E11, H1: by RFC 3339 or ns, the end left out; nonsense is named."""
    _, body, _ = await house.ask(
        "GET", "/api/trading/decisions?since=2026-11-18T16:00:03Z&until=2026-11-18T16:00:06Z", OPERATOR
    )
    assert [d["seq"] for d in json.loads(body)] == [5, 4, 3]
    first = house.desk.now() - NS
    _, body, _ = await house.ask("GET", f"/api/trading/decisions?until={first + 2 * NS}", OPERATOR)
    assert [d["seq"] for d in json.loads(body)] == [1]
    for wrong in ("since=yesterday", "until=2026-11-18T16:00:06", "since=-1"):
        assert (await house.ask("GET", f"/api/trading/decisions?{wrong}", OPERATOR))[0] == 400


async def test_the_whole_way_on_loopback(tmp_path: Path) -> None:
    """E1, E11, R4: a real house behind the listener: decided once, journaled, answered twice with the same decision."""
    env = RealEnv(failpoint="")
    async with stage() as s:
        s.quote()
        served = await serve(env, desk_of(s), SETTINGS, socket_path=None)
        body = idea(symbol=AAA, generated_at=s.clock.wall())
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TRADER}"}) as client:
            answers = []
            for _ in range(2):
                async with client.post(served.url + PATH, json=body) as answer:
                    answers.append((answer.status, await answer.json()))
            async with client.get(f"{served.url}{PATH}/i1") as answer:
                found = await answer.json()
        await served.aclose()
        [decided] = s.said(Decided)
        assert isinstance(decided, Decided)
        assert [(status, told["status"]) for status, told in answers] == [(200, "decided"), (200, "duplicate")]
        assert answers[0][1]["decisions"] == answers[1][1]["decisions"] == found["decisions"]
        assert found["decisions"][0]["orders"] == list(decided.orders)
    await env.aclose()
