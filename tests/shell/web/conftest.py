"""The web, served for real on loopback over a desk in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.desk import FakeDesk
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import Served, serve
from tradingd.shell.web.auth import TokenHash
from tradingd.shell.web.metrics import Metrics
from tradingd.shell.web.settings import Limits, WebSettings

OPERATOR, TRADER = "operator-token", "trader-token"
SETTINGS = WebSettings(
    port=0,
    tokens=tuple(
        TokenHash(name=name, role=role, sha256=hashlib.sha256(token.encode()).hexdigest())
        for name, role, token in (("ann", "operator", OPERATOR), ("signals", "trader", TRADER))
    ),
)


class House:
    """A served desk and a client that can be anyone."""

    def __init__(self, served: Served, desk: FakeDesk, client: aiohttp.ClientSession, sock: Path) -> None:
        self.served = served
        self.desk = desk
        self.client = client
        self.sock = sock
        self.alerts: list[tuple[str, str]] = []

    async def ask(
        self, method: str, path: str, token: str | None = None, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Headers by keyword, `_` for `-`. A body brings what a well-behaved operator's program sends with it."""
        send = {"Content-Type": "application/json", "X-Tradingd": "1"} if body is not None else {}
        send |= {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            send["Authorization"] = f"Bearer {token}"
        send = {name: value for name, value in send.items() if value}
        async with self.client.request(method, self.served.url + path, data=body, headers=send) as answer:
            return answer.status, await answer.read(), dict(answer.headers)


Open = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Open]:
    houses: list[House] = []
    env = RealEnv(failpoint="")

    async def build(limits: Limits | None = None) -> House:
        desk, sock, told = FakeDesk(), tmp_path / "ctl.sock", []
        served = await serve(
            env, desk, SETTINGS, socket_path=str(sock), metrics=Metrics(desk.registry),
            alert=lambda code, text: told.append((code, text)), limits=limits,
        )  # fmt: skip
        house = House(served, desk, aiohttp.ClientSession(skip_auto_headers=("Content-Type",)), sock)
        house.alerts = told
        houses.append(house)
        return house

    yield build
    for house in houses:
        await house.client.close()
        await house.served.aclose()
    await env.aclose()


@pytest.fixture
async def house(open_house: Open) -> House:
    return await open_house()
