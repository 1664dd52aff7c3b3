"""A whole daemon with a channel: from the configuration to somebody's ear, by way of control socket and journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tradingd import app
from tradingd.app import Daemon
from tradingd.config import load_text
from tradingd.ports import Misconfigured

BASE = """
mode = "demo"
[journal]
force_fs = true
[web]
port = 0
[accounts.a]
broker = "sim"
[accounts.a.settings]
url = "ws://127.0.0.1:1/"
"""


async def asked(socket: Path, body: object) -> tuple[int, object]:
    connector = aiohttp.UnixConnector(str(socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://tradingd/notify/test", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_daemon_tells_over_its_configured_channel(tmp_path: Path) -> None:
    """E16: `notify test` through the control socket reaches the webhook, is journaled, and stands in the metrics."""
    got: list[dict[str, object]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response()

    site = web.Application()
    site.router.add_post("/in", handle)
    server = TestServer(site)
    await server.start_server()
    text = f'{BASE}[notify.hook]\nkind = "webhook"\nurl = "http://127.0.0.1:{server.port}/in"\n'
    daemon = Daemon(load_text(text).config, tmp_path, failpoint="")
    running = asyncio.ensure_future(app._run(daemon))
    socket = tmp_path / app.SOCKET
    while not socket.exists():  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)
    status, told = await asked(socket, {})
    assert (status, told) == (200, [{"channel": "hook", "status": "delivered", "error": ""}])
    assert (await asked(socket, {"channel": "fax"}))[0] == 404
    assert (await asked(socket, {"chanel": "hook"}))[0] == 400
    daemon.stop("test")
    assert await running == 0
    await server.close()
    assert [said["subject"] for said in got] == ["[tradingd DEMO a] PAGE test"]
    lines = "".join(path.read_text() for path in (tmp_path / "journal").glob("journal-*.jsonl"))
    assert '"fact":"Notified"' in lines
    assert '"status":"delivered"' in lines


async def test_a_daemon_without_its_secret_does_not_start(tmp_path: Path) -> None:
    """E16, H6: better no start than a page that nobody gets."""
    text = BASE + '[notify.hook]\nkind = "webhook"\nsecret_url = { env = "NOT_SET_ANYWHERE" }\n'
    with pytest.raises(Misconfigured, match=r"notify\.hook: .*NOT_SET_ANYWHERE"):
        await app._run(Daemon(load_text(text).config, tmp_path, failpoint=""))
