"""The simulated venue passes the suite first: in the same process, and over a real loopback websocket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.sim.venue import ACCOUNT, SimVenue, exchange
from tests.conformance.broker import BrokerConformance
from tradingd.shell.env import RealEnv
from tradingd_adapters.sim import SimBroker, SimSettings
from tradingd_adapters.sim.inproc import InprocSim
from tradingd_adapters.sim.server import VenueServer

SILENCE_S = 0.4


class TestInproc(BrokerConformance):
    @pytest.fixture
    def venue(self) -> SimVenue:
        venue = exchange()
        return SimVenue(venue, lambda: InprocSim(venue, ACCOUNT), 0.0)

    @pytest.fixture
    def broker(self, venue: SimVenue) -> InprocSim:
        return InprocSim(venue.exchange, ACCOUNT)


class TestWebsocket(BrokerConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[SimVenue]:
        server = VenueServer(exchange(latency_ns=0, silence_s=0), heartbeat_s=0.1)
        runner, port = await server.listen()
        env = RealEnv()
        settings = SimSettings(url=f"ws://127.0.0.1:{port}/", credit=0, silence_s=SILENCE_S)
        yield SimVenue(server.exchange, lambda: SimBroker(env, ACCOUNT, settings), 0.0)
        await env.aclose()
        await runner.cleanup()

    @pytest.fixture
    def broker(self, venue: SimVenue) -> SimBroker:
        made = venue.second()
        assert isinstance(made, SimBroker)
        return made
