"""From a quote's bytes to an order's, in process and over a loopback websocket, on a few rounds."""

import socket
import threading

import pytest

from bench.bench_decision import FREE
from bench.bench_wire import answered, loopback
from bench.loopback import Pipe
from bench.scene import Scene
from tradingd.core.types import Side
from tradingd_adapters.sim import render, wire


def test_the_bytes_are_an_order_that_closes_the_position() -> None:
    scene = Scene()
    symbol = FREE[0]
    scene.enter(symbol)
    held = scene.book.qty(symbol)
    facts, data = answered(scene, wire.encode(render.frame(scene.to_the_stop(symbol))), 7)
    order = wire.to_venue.decode(data)
    assert isinstance(order, wire.New)
    assert (order.req, order.symbol, order.side, order.qty, order.reduce_only) == (7, symbol, Side.SELL, held, True)
    scene.answer(facts)
    assert answered(scene, wire.encode(render.frame(scene.quote(symbol))), 8) == ((), b"")


@pytest.mark.parametrize("synced", [False, True])
async def test_a_house_answers_each_quote_with_an_order(synced: bool) -> None:
    took = await loopback(20, synced=synced)
    assert len(took) == 20
    assert min(took) > 0


@pytest.mark.parametrize("size", [1, 3, 4, 125, 126, 65_535, 65_536])
def test_frames_are_read_as_they_were_masked(size: int) -> None:
    mask, body = b"\x01\x7f\xff\x10", bytes(n % 251 for n in range(size))
    head = bytes([0x80 | size]) if size < 126 else b""
    for first, width in ((b"\xff", 8), (b"\xfe", 2)):
        if 126 <= size < 1 << 8 * width:
            head = first + size.to_bytes(width, "big")
    frame = b"\x81" + head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body))
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n" + frame[:5])
        writer = threading.Thread(target=client.sendall, args=(frame[5:] + frame,))
        pipe = Pipe(listening)
        writer.start()
        assert [pipe.read(5.0), pipe.read(5.0), pipe.read(0.0)] == [body, body, None]
        writer.join()
        pipe.close()
