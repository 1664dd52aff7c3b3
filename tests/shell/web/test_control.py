"""The control socket: only ours and root's, and what the CLI gets from it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.desk import T0, FakeDesk
from tests.shell.web.conftest import House
from tradingd.core.events import Verb
from tradingd.core.types import NS
from tradingd.ports import Broken
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import serve
from tradingd.shell.web.auth import Role
from tradingd.shell.web.control import bind, grant_for
from tradingd.shell.web.settings import WebSettings


async def ask(house: House, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connector = aiohttp.UnixConnector(str(house.sock))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://tradingd{path}", json=body) as answer,
    ):
        return answer.status, await answer.read()


async def test_the_socket_is_private(house: House) -> None:
    """J11: the kernel keeps others out before a byte is read."""
    assert stat.S_IMODE(house.sock.stat().st_mode) == 0o600


def test_only_we_and_root_are_the_operator() -> None:
    """H5, J11: asked of the kernel, not of the caller."""
    ours = grant_for(4711, 4711)
    root = grant_for(0, 4711)
    assert ours is not None
    assert (ours.role, ours.actor) == (Role.OPERATOR, "uid:4711(?)")
    assert root is not None
    assert root.actor == "uid:0(root)"
    assert grant_for(4712, 4711) is None


async def test_reading(house: House) -> None:
    """H3, H5: ping, status, decisions, tax lots, configuration."""
    _, ping = await ask(house, "GET", "/ping")
    assert json.loads(ping) == {"pid": os.getpid(), "version": "0.1.0", "mode": "demo"}
    assert json.loads((await ask(house, "GET", "/status.json"))[1])["accounts"][0]["cash"] == "48210.50"
    assert len(json.loads((await ask(house, "GET", "/decisions?limit=2"))[1])) == 2
    assert [view["lot"] for view in json.loads((await ask(house, "GET", "/lots"))[1])[0]["lots"]] == [
        "x-AAPL",
        "x-MSFT",
    ]
    assert (await ask(house, "GET", "/config"))[1] == b"[web]\nport = 0\n"
    assert (await ask(house, "GET", "/"))[0] == 404


async def test_a_command_is_signed_by_the_kernel(house: House) -> None:
    """J18: the actor is the uid of the peer, whatever the body says."""
    body = {"verb": "lockout", "id": "c1", "actor": "somebody else", "reason": "enough", "until": T0 + 10**6 * NS}
    assert (await ask(house, "POST", "/command", body))[0] == 200
    (command,) = house.desk.commands
    assert command.actor.startswith(f"uid:{os.geteuid()}(")
    assert (command.id, command.verb, command.until) == ("c1", Verb.LOCKOUT, T0 + 10**6 * NS)
    assert (await ask(house, "POST", "/command", {"verb": "resume"}))[0] == 400
    assert (await ask(house, "POST", "/command", {"verb": "fly"}))[0] == 400
    assert (await ask(house, "POST", "/command", {"verb": "release", "amount": "150.25", "reason": "x"}))[0] == 200
    assert str(house.desk.commands[-1].amount) == "150.25"


async def test_ui_gives_a_link_that_works_for_reading_only(house: House) -> None:
    """H5: a fresh viewer token, in the fragment, which no server log ever sees."""
    url = json.loads((await ask(house, "POST", "/ui"))[1])["url"]
    base, _, token = url.partition("/#token=")
    assert base == house.served.url
    assert len(token) == 64
    assert (await house.ask("GET", "/status.json", token))[0] == 200
    assert (await house.ask("POST", "/api/trading/halt", token, b"{}"))[0] == 403


async def test_shutdown_names_who_asked(house: House) -> None:
    assert (await ask(house, "POST", "/shutdown", {"reason": "update"}))[0] == 200
    assert house.desk.stopped is not None
    assert house.desk.stopped.startswith(f"uid:{os.geteuid()}(")
    assert house.desk.stopped.endswith("): update")


async def test_a_living_daemons_socket_is_not_taken(house: House) -> None:
    """H5: two daemons at one place is a mistake that is named."""
    env = RealEnv(failpoint="")
    with pytest.raises(Broken, match="another daemon answers"):
        await serve(env, FakeDesk(), WebSettings(port=0), socket_path=str(house.sock))
    assert (await ask(house, "GET", "/ping"))[0] == 200
    await env.aclose()


def test_what_a_dead_daemon_left_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    """A kill leaves the socket behind; the next start must not need a hand."""
    path = tmp_path / "s"
    bind(str(path)).close()
    assert path.is_socket()
    bind(str(path)).close()
    path.unlink()
    path.write_text("precious")
    with pytest.raises(Broken, match="is no socket"):
        bind(str(path))
    assert path.read_text() == "precious"


def test_a_path_longer_than_the_kernel_takes_is_bound_through_its_directory(tmp_path: Path) -> None:
    """A checkout may lie anywhere; the socket's own limit of 107 bytes is not the operator's business."""
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    path = deep / "control.sock"
    sock = bind(str(path))
    try:
        sock.listen()
        assert path.is_socket()
        with pytest.raises(Broken, match="another daemon"):
            bind(str(path))
    finally:
        sock.close()
