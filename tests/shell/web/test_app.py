"""Who gets in, and what each door answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.fakes.desk import T0, FakeDesk
from tests.shell.web.conftest import OPERATOR, TRADER, House, Open
from tradingd.core.types import NS
from tradingd.ports import Broken
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import routes, serve
from tradingd.shell.web.auth import Role
from tradingd.shell.web.desk import Probe
from tradingd.shell.web.door import HEADERS
from tradingd.shell.web.settings import Limits, WebSettings
from tradingd.shell.web.stream import Stream


def idea(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {"id": "i1", "symbol": "AAPL", "action": "buy", "confidence": 0.8, "generated_at": T0}
    return {**plain, **changes}


def post_body(path: str) -> bytes | None:
    if not path.startswith("/api/trading/"):
        return None
    if path.endswith("recommendations"):
        return json.dumps(idea()).encode()
    if path.endswith("events"):
        return b'{"severity":"high","for_s":60}'
    return json.dumps({"reason": "test", **({"until": T0 + 10**6 * NS} if path.endswith("lockout") else {})}).encode()


async def test_every_route_asks_for_its_role(house: House) -> None:
    """J10, H5: all routes x roles; a viewer never reaches an operator's action, and no data is open."""
    env = RealEnv(failpoint="")
    stream = Stream(env.clock, house.desk, Limits())
    table = routes(house.desk, env, stream)
    tokens = {Role.OPEN: None, Role.VIEWER: house.served.viewer_token, Role.TRADER: TRADER, Role.OPERATOR: OPERATOR}
    viewer, trader, operator = {Role.OPEN, Role.VIEWER}, {Role.OPEN, Role.TRADER}, set(Role)
    rights = {Role.OPEN: {Role.OPEN}, Role.VIEWER: viewer, Role.TRADER: trader, Role.OPERATOR: operator}
    await house.ask("POST", "/api/trading/recommendations", OPERATOR, json.dumps(idea()).encode())
    for route in table:
        if route.stream:
            continue  # has its own tests
        for role, token in tokens.items():
            body = post_body(route.path) if route.method == "POST" else None
            status, _, _ = await house.ask(
                route.method,
                route.path.replace("{id:.+}", "i1"),
                token,
                body,
                Idempotency_Key=f"k{len(house.desk.commands)}-{role}",
            )
            expected = 200 if route.role in rights[role] else 401 if role is Role.OPEN else 403
            assert status == expected, (route.path, role)
    assert len(house.desk.commands) == 6
    await env.aclose()


async def test_only_health_and_the_empty_page_are_open(house: House) -> None:
    """J10: the list of what needs no token is short, written here, and shows no numbers."""
    env = RealEnv(failpoint="")
    table = routes(house.desk, env, Stream(env.clock, house.desk, Limits()))
    assert {r.path for r in table if r.role is Role.OPEN} == {
        "/livez", "/health", "/readyz", "/ready", "/", "/app.js", "/format.js", "/panels.js", "/style.css", "/icon.svg",
    }  # fmt: skip
    assert {r.path for r in table if r.method != "GET" and r.role is not Role.OPERATOR} == {
        "/api/trading/recommendations"
    }
    for path in ("/livez", "/readyz?verbose", "/"):
        _, body, _ = await house.ask("GET", path)
        assert b"101250" not in body
        assert b"AAPL" not in body
    await env.aclose()


@pytest.mark.parametrize(
    "path", ["/nothing", "/..%2f..%2fetc/passwd", "/page/app.js", "/static/../app.py", "//app.js", "/app.js%00"]
)
async def test_no_other_path_exists(house: House, path: str) -> None:
    """J12: no caller's path ever names a file."""
    status, body, _ = await house.ask("GET", path, OPERATOR)
    assert status in {400, 404}
    assert b"root:" not in body


async def test_wrong_method_is_said(house: House) -> None:
    assert (await house.ask("GET", "/api/trading/halt", OPERATOR))[0] == 405
    assert (await house.ask("POST", "/status.json", OPERATOR, b"{}"))[0] == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_foreign_page_is_refused_everywhere(house: House, headers: dict[str, str]) -> None:
    """J6, J7: CSRF and DNS rebinding, even with the right token and even for health."""
    for method, path, body in (
        ("POST", "/api/trading/halt", b"{}"),
        ("GET", "/status.json", None),
        ("GET", "/livez", None),
    ):
        status, _, _ = await house.ask(method, path, OPERATOR, body, **headers)
        assert status == 403, path
    assert house.desk.commands == []


async def test_our_own_names_and_origin_pass(house: House) -> None:
    """J7: the exact list."""
    for name in ("127.0.0.1", "localhost", "[::1]"):
        host = f"{name}:{house.served.port}"
        headers = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
        assert (await house.ask("POST", "/api/trading/pause", OPERATOR, b"{}", **headers))[0] == 200


async def test_wrong_tokens_are_slowed_told_and_never_lock_out_the_right_one(house: House) -> None:
    """J9: one failed try a second, an alert at ten, and no way for a stranger to keep the operator out."""
    statuses = [(await house.ask("GET", "/status.json", "0" * 64))[0] for _ in range(10)]
    assert statuses[0] == 401
    assert statuses.count(429) >= 8
    assert [code for code, _ in house.alerts] == ["web_wrong_tokens"]
    assert (await house.ask("GET", "/status.json", OPERATOR))[0] == 200
    _, text, _ = await house.ask("GET", "/metrics", OPERATOR)
    assert b"tradingd_web_wrong_tokens_total 10.0" in text


async def test_security_headers_are_on_every_answer(house: House) -> None:
    """RELIABILITY 5.1: strict CSP, no framing; also on errors."""
    for path in ("/", "/livez", "/status.json", "/nothing"):
        _, _, headers = await house.ask("GET", path)
        assert headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "tradingd"
        assert "Access-Control-Allow-Origin" not in headers


async def test_health_follows_the_desk(house: House) -> None:
    """FEATURES 5.7, H1: liveness is the loop alone; readiness has a line for each check."""
    house.desk.checks = [Probe("journal", True), Probe("broker:sim", False, "reconciling")]
    assert (await house.ask("GET", "/livez"))[0] == 200
    status, body, _ = await house.ask("GET", "/readyz?verbose")
    assert status == 503
    assert body.decode().splitlines() == ["[+] journal", "[-] broker:sim: reconciling", "not ready"]
    assert (await house.ask("GET", "/readyz"))[1] == b"not ready\n"
    house.desk.living = False
    assert (await house.ask("GET", "/livez"))[0] == 503


async def test_decisions_are_filtered_and_paged(house: House) -> None:
    """H1: symbol, outcome, limit and before; nonsense is refused by name."""

    async def seqs(query: str) -> list[int]:
        status, body, _ = await house.ask("GET", f"/api/trading/decisions?{query}", OPERATOR)
        assert status == 200
        return [d["seq"] for d in json.loads(body)]

    assert await seqs("limit=3") == [12, 11, 10]
    assert await seqs("limit=2&before=10") == [9, 8]
    assert await seqs("outcome=act") == [12, 9, 6, 3]
    assert await seqs("symbol=MSFT") == [11, 6, 1]
    for bad in ("limit=0", "limit=x", "limit=501", "before=-1", "outcome=maybe", "symbol=A%20B", "limit=" + "9" * 30):
        status, body, _ = await house.ask("GET", f"/api/trading/decisions?{bad}", OPERATOR)
        assert status == 400, bad
        assert bad.partition("=")[0] in json.loads(body)["text"]


async def test_tax_lots_are_narrowed_to_a_symbol(house: House) -> None:
    """E8, H1: for whoever may look; nonsense is refused by name."""
    status, body, _ = await house.ask("GET", "/api/trading/lots?symbol=MSFT", OPERATOR)
    [view] = json.loads(body)
    assert (status, view["account"], [lot["symbol"] for lot in view["lots"]]) == (200, "demo", ["MSFT"])
    assert (await house.ask("GET", "/api/trading/lots"))[0] == 401
    status, body, _ = await house.ask("GET", "/api/trading/lots?symbol=A%20B", OPERATOR)
    assert (status, "symbol" in json.loads(body)["text"]) == (400, True)


async def test_a_taken_port_is_named(house: House) -> None:
    """H1: the operator reads which address is taken and what to do."""
    env = RealEnv(failpoint="")
    settings = WebSettings(port=house.served.port)
    with pytest.raises(Broken, match=rf"127.0.0.1:{house.served.port} is taken"):
        await serve(env, FakeDesk(), settings, socket_path=None)
    await env.aclose()


async def test_what_was_opened_before_a_refusal_is_closed(tmp_path: Path) -> None:
    """H1: a control socket that cannot be opened leaves no listener behind."""
    env = RealEnv(failpoint="")
    first = await serve(env, FakeDesk(), WebSettings(port=0), socket_path=None)
    await first.aclose()
    (tmp_path / "s").write_text("no socket")
    with pytest.raises(Broken, match="is there and is no socket"):
        await serve(env, FakeDesk(), WebSettings(port=first.port), socket_path=str(tmp_path / "s"))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", first.port)
    await env.aclose()


async def test_web_off_serves_the_socket_only(tmp_path: Path) -> None:
    """J11: TCP is optional."""
    env = RealEnv(failpoint="")
    served = await serve(env, FakeDesk(), WebSettings(enabled=False), socket_path=str(tmp_path / "s"))
    assert (served.url, served.port, served.page_url) == ("", 0, "")
    assert (tmp_path / "s").is_socket()
    await served.aclose()
    await served.aclose()
    assert not (tmp_path / "s").exists()
    await env.aclose()


def test_only_loopback_can_be_configured() -> None:
    """H5: a remote reader comes by ssh."""
    with pytest.raises(ValueError, match="loopback"):
        WebSettings(host="0.0.0.0")


async def test_a_command_that_hangs_is_answered_in_time(open_house: Open) -> None:
    """RELIABILITY 5.1: the handler's time is bounded, and the answer does not claim that nothing happened."""
    house = await open_house(Limits(handler_s=0.2))
    house.desk.hang = True
    status, body, _ = await house.ask("POST", "/api/trading/pause", OPERATOR, b"{}")
    assert status == 504
    assert "may still take effect" in json.loads(body)["text"]


async def test_stop_words_pass_while_readers_are_held_back(open_house: Open) -> None:
    """J5: a flood of valid requests is answered with 429 and a halt still goes through."""
    house = await open_house(Limits(requests_per_s=0.1, requests_burst=3))
    floods = await asyncio.gather(*(house.ask("GET", "/status.json", OPERATOR) for _ in range(10)))
    assert sorted(status for status, _, _ in floods) == [200] * 3 + [429] * 7
    assert (await house.ask("POST", "/api/trading/halt", OPERATOR, b'{"reason":"flood"}'))[0] == 200
