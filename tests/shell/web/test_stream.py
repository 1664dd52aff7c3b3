"""Live snapshots: whole, numbered, no faster than promised, and honest when nothing changes."""

from __future__ import annotations

import asyncio
import json

from tests.fakes.desk import page
from tests.shell.web.conftest import OPERATOR, House, Open
from tradingd.shell.web.settings import Limits


async def blocks(house: House, n: int, last: str = "") -> list[str]:
    """The next n blocks of the stream."""
    headers = {"Authorization": f"Bearer {OPERATOR}", "Last-Event-ID": last}
    out: list[str] = []
    async with house.client.get(house.served.url + "/events", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        text = ""
        async with asyncio.timeout(5):
            async for chunk in answer.content.iter_any():
                *done, text = (text + chunk.decode()).split("\n\n")
                out += done
                if len(out) >= n:
                    break
    return out[:n]


def seq_of(block: str) -> int:
    ident, _, data = block.split("\n")
    value = json.loads(data.removeprefix("data: "))
    assert ident == f"id: {value['seq']}"
    return int(value["seq"])


async def test_the_stream_needs_a_token(house: House) -> None:
    """J10."""
    assert (await house.ask("GET", "/events"))[0] == 401


async def test_a_burst_becomes_few_snapshots_and_the_last_one_arrives(house: House) -> None:
    """H2: at most five a second, and none of them is old news."""

    async def burst() -> None:
        for seq in range(2, 102):
            await house.desk.show(page(seq))
            await asyncio.sleep(0.005)

    task = asyncio.create_task(burst())
    began = asyncio.get_running_loop().time()
    got = [seq_of(block) for block in await blocks(house, 4)]
    assert asyncio.get_running_loop().time() - began > 0.55
    assert got == sorted(set(got))
    await task
    assert seq_of((await blocks(house, 1))[0]) == 101


async def test_silence_is_filled_with_a_heartbeat(open_house: Open) -> None:
    """H2: the page can tell "nothing changed" from "nobody there"."""
    house = await open_house(Limits(stream_beat_s=0.1))
    first, second = await blocks(house, 2)
    assert seq_of(first) == 1
    assert second == f": beat {house.desk.now()}"


async def test_what_was_seen_is_not_sent_again(open_house: Open) -> None:
    """H2: Last-Event-ID; an id from another life of the house starts anew."""
    house = await open_house(Limits(stream_beat_s=0.1))
    await house.desk.show(page(7))
    assert (await blocks(house, 1, "7"))[0].startswith(": beat")
    assert seq_of((await blocks(house, 1, "6"))[0]) == 7
    assert seq_of((await blocks(house, 1, "8"))[0]) == 7
    assert seq_of((await blocks(house, 1, "x"))[0]) == 7


async def test_streams_are_bounded_and_end_with_the_server(open_house: Open) -> None:
    """J4, I4: pages left open neither fill the house nor delay its stop."""
    house = await open_house(Limits(streams_max=1))
    task = asyncio.create_task(blocks(house, 100))
    await asyncio.sleep(0.2)
    assert (await house.ask("GET", "/events", OPERATOR))[0] == 503
    async with asyncio.timeout(2):
        await house.served.aclose()
    await asyncio.wait([task], timeout=2)
    assert task.done()
    task.exception()
