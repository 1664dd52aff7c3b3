"""The command line against the daemon's real control socket: both sides speak the same language. H3, H5, J19."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.fakes.desk import FakeDesk
from tradingd.core.events import Verb
from tradingd.core.views.page import Page
from tradingd.shell.env import RealEnv
from tradingd.shell.web.app import serve
from tradingd.shell.web.settings import WebSettings


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FakeDesk]:
    """A desk behind the real socket in ./tradingd-demo, in a thread of its own."""
    directory = tmp_path / "tradingd-demo"
    directory.mkdir()
    loop, ready, desks = asyncio.new_event_loop(), threading.Event(), []

    async def work() -> None:
        env, desk = RealEnv(), FakeDesk()
        served = await serve(env, desk, WebSettings(port=0), socket_path=str(directory / "control.sock"))
        desks.append(desk)
        stop = asyncio.Event()
        desks.append(stop)
        ready.set()
        await stop.wait()
        await served.aclose()
        await env.aclose()

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    assert ready.wait(10)
    yield desks[0]
    loop.call_soon_threadsafe(desks[1].set)
    thread.join(10)
    loop.close()


def test_what_is_shown_is_the_desks_page(cli: Cli, desk: FakeDesk) -> None:
    assert msgspec.json.decode(cli("status", "--json").out, type=Page) == desk.page()
    for verb in ("status", "positions", "orders", "decisions", "lots", "ui"):
        ran = cli(verb)
        assert (ran.code, ran.err.startswith("Error")) == (0, False), ran
    assert cli("ui").out.startswith("http://127.0.0.1:")
    assert "pid" in cli("doctor", "--json").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause"], ["halt", "-r", "smoke"], ["resume", "-r", "looked"], ["trip"], ["lockout", "--until", "2h", "--flatten"],
        ["flatten", "--wait", "0"], ["flatten", "-s", "AAPL", "--wait", "0"], ["cancel", "--all", "--protective"],
        ["adopt", "AAPL", "-r", "split"], ["release", "500.25", "-r", "rent"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_each_verb_arrives_as_its_command(cli: Cli, desk: FakeDesk, arguments: list[str]) -> None:
    """The kernel names the actor; the server takes every body the client makes."""
    ran = cli(*arguments)
    assert ran.code == 0, ran.err
    command = desk.commands[-1]
    assert command.verb is Verb(arguments[0])
    assert command.actor.startswith("uid:")
    assert command.id.startswith("cli-")


def test_an_order_is_cancelled_by_its_id(cli: Cli, desk: FakeDesk) -> None:
    order = next(order.order_id for order in desk.page().accounts[0].orders if order.open)
    assert cli("cancel", order).code == 0
    assert desk.commands[-1].order_id == order


def test_a_refusal_of_the_house_ends_with_4(cli: Cli, desk: FakeDesk) -> None:
    desk.refuse = True
    ran = cli("resume", "-r", "looked")
    assert ran.code == 4
    assert ran.err == "Error: resume refused: done\n"


def test_the_same_id_twice_has_one_effect(cli: Cli, desk: FakeDesk) -> None:
    """J19: what to do after a time-out."""
    assert [cli("halt", "--id", "h-1").code for _ in range(2)] == [0, 0]
    assert len(desk.commands) == 1


def test_a_body_the_house_cannot_take_is_a_usage_error(cli: Cli, desk: FakeDesk) -> None:
    ran = cli("pause", "--reason", "two\nlines")
    assert ran.code == 2
    assert "reason must be one line" in ran.err
    assert desk.commands == []
