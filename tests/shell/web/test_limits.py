"""Bounds that a hostile or broken client meets."""

from __future__ import annotations

import asyncio
import json
import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.desk import page
from tests.shell.web.conftest import OPERATOR, House, Open
from tradingd.shell.web.limits import strict_json
from tradingd.shell.web.settings import Limits

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda kids: st.lists(kids, max_size=3) | st.dictionaries(st.text(max_size=5), kids, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_strict_json_reads_what_json_wrote(value: object) -> None:
    """J2: strictness costs no valid document; brackets in strings are not depth."""
    assert strict_json(json.dumps(value).encode(), 64) == value


@given(st.binary(max_size=200))
def test_strict_json_refuses_with_value_error_only(data: bytes) -> None:
    """J2: nothing a caller sends raises anything else."""
    try:
        strict_json(data)
    except ValueError as no:
        assert str(no)  # noqa: PT017 - any document may also be valid


def test_depth_is_counted_exactly() -> None:
    """J2: twenty is allowed, twenty-one is not, and a bracket in a string is neither."""
    assert strict_json(b"[" * 20 + b"]" * 20)
    with pytest.raises(ValueError, match="deeper than 20"):
        strict_json(b"[" * 21 + b"]" * 21)
    assert strict_json(b'"' + b"[" * 50 + b'\\""') == "[" * 50 + '"'


async def test_a_slow_first_request_is_cut_off(open_house: Open) -> None:
    """J4: slowloris; a byte now and then does not keep a connection, neither in the head nor in the body."""
    house = await open_house(Limits(first_request_s=0.3))
    head = f"POST /api/trading/halt HTTP/1.1\r\nHost: localhost:{house.served.port}\r\nAuthorization: Bearer {OPERATOR}\r\n"
    full = f"{head}Content-Type: application/json\r\nX-Tradingd: 1\r\nContent-Length: 100\r\n\r\n{{"
    for start in (head, full, ""):
        reader, writer = await asyncio.open_connection("127.0.0.1", house.served.port)
        writer.write(start.encode())
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            async with asyncio.timeout(2):
                await reader.readexactly(1)
        writer.close()
    assert house.desk.commands == []


async def test_a_good_client_outlives_the_first_deadline(open_house: Open) -> None:
    """J4: the deadline is for the first request only."""
    house = await open_house(Limits(first_request_s=0.2))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.served.port)
    for _ in range(2):
        writer.write(f"GET /livez HTTP/1.1\r\nHost: localhost:{house.served.port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        assert await reader.readexactly(3) == b"ok\n"
        await asyncio.sleep(0.3)
    writer.close()


async def test_connections_are_bounded_and_come_back(open_house: Open) -> None:
    """J4: the 33rd is told to come later; when one leaves there is room again."""
    house = await open_house(Limits(connections_max=2))
    port = house.served.port
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 503")
    writer.close()
    for _, used in held:
        used.close()
    await asyncio.sleep(0.05)
    assert (await house.ask("GET", "/livez"))[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/trading/halt HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/trading/halt HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_malformed_requests_are_refused_and_closed(house: House, raw: bytes) -> None:
    """J1: smuggling, bad chunks, NUL, two hosts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.served.port)
    writer.write(raw.replace(b"HOST", f"localhost:{house.served.port}".encode()))
    async with asyncio.timeout(3):
        answer = await reader.read(65536)
        while chunk := await reader.read(65536):
            answer += chunk
    assert answer.split(b" ", 2)[1] in {b"400", b"401", b"403", b"431"}
    writer.close()
    assert house.desk.commands == []
    assert (await house.ask("GET", "/livez"))[0] == 200


async def test_a_reader_that_does_not_read_is_dropped(open_house: Open) -> None:
    """I4: memory does not grow with a stuck page, and the others go on."""
    house = await open_house(Limits(stream_gap_s=0.0, stream_beat_s=0.3, streams_max=1))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", house.served.port))
    head = f"GET /events HTTP/1.1\r\nHost: localhost:{house.served.port}\r\nAuthorization: Bearer {OPERATOR}\r\n\r\n"
    await loop.sock_sendall(sock, head.encode())
    await loop.sock_recv(sock, 100)
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    statuses = []
    for seq in range(2, 200):
        await house.desk.show(msgspec.structs.replace(page(seq), note="x" * 900_000))
        async with house.client.get(house.served.url + "/events", headers=headers) as answer:
            statuses.append(answer.status)
        if answer.status == 200:
            break
        await asyncio.sleep(0.05)
    sock.close()
    assert statuses[0] == 503  # the stuck reader holds the only place
    assert statuses[-1] == 200  # ... until it is dropped
