"""Wire bytes to events: recorded frames, and frames no venue should send."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.sim.venue import ACCOUNT, exchange
from tradingd.core.events import Bar, Event, OrderRejected, OrderReplaced, Quote, Split
from tradingd.core.types import Qty, Side
from tradingd_adapters.sim import parse, render, wire

RECORDED = [
    b'{"type":"welcome","ts":1110205800000000000,"epoch":1,"heartbeat_s":1.0}',
    b'{"type":"beat","ts":1110205800000000000}',
    b'{"type":"tick","ts":1110205800000000000,"symbol":"AAPL","bid":42.79,"ask":42.81,"bid_size":26517,"ask_size":14001,"seq":1}',
    b'{"type":"candle","ts":1110207600000000000,"symbol":"AAPL","span_s":1800,"open":42.8,"high":43,"low":42,"close":42.5,"volume":7}',
    b'{"type":"update","ts":1110205800000000000,"account":"demo","client_id":"demo.1.e","what":"accepted","venue_id":"V-000001"}',
    b'{"type":"update","ts":1110205800000000000,"account":"demo","client_id":"demo.1.e","what":"rejected","code":"BAD_QTY"}',
    b'{"type":"update","ts":1110205800000000000,"account":"demo","client_id":"demo.1.e","what":"cancelled","cum":"30"}',
    b'{"type":"update","ts":1110205800000000000,"account":"demo","client_id":"demo.1.e","what":"replaced","rev":2,"qty":"60"}',
    (
        b'{"type":"trade","ts":1110205800000000000,"account":"demo","client_id":"demo.1.e","venue_id":"V-000001","exec_id":"X-000001",'
        b'"symbol":"AAPL","side":"buy","qty":"100","price":"42.81","fee":"1.00","cursor":1}'
    ),
    (
        b'{"type":"elsewhere","ts":1110205800000000000,"account":"demo","venue_id":"V-000002","symbol":"AAPL","side":"sell","kind":"market",'
        b'"qty":"70","open":true}'
    ),
    b'{"type":"corporate","ts":1110205800000000000,"kind":"split","id":"split-AAPL-2005-02-28","symbol":"AAPL","ratio":2.0}',
    b'{"type":"corporate","ts":1110205800000000000,"kind":"dividend","id":"d-1","symbol":"IBM","account":"demo","amount":"12.50"}',
    b'{"type":"corporate","ts":1110205800000000000,"kind":"interest","id":"i-1","symbol":"","account":"demo","amount":"-4.17"}',
    b'{"type":"status","ts":1110205800000000000,"symbol":"AAPL","tradable":false,"text":"LULD"}',
    b'{"type":"answer","req":1,"body":null}',
    b'{"type":"failed","req":1,"status":503,"text":"service unavailable","client_id":"demo.1.e"}',
]


def read(data: bytes) -> Event | None:
    return parse.event(parse.frame(data))


def test_recorded_frames_say_what_they_mean() -> None:
    """B5: booked numbers are exact decimals, words are ours."""
    said = [read(data) for data in RECORDED]
    assert [type(e).__name__ for e in said] == [
        "NoneType", "NoneType", "Quote", "Bar", "OrderAccepted", "OrderRejected", "OrderCancelled", "OrderReplaced", "FillSeen",
        "ForeignOrder", "Split", "Dividend", "Financed", "InstrumentStatus", "NoneType", "NoneType",
    ]  # fmt: skip
    quote = said[2]
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask_size, quote.seq, quote.source) == (42.79, 14001.0, 1, "sim")
    assert isinstance(said[5], OrderRejected)
    assert said[5].code == "BAD_QTY"
    assert isinstance(said[7], OrderReplaced)
    assert said[7].qty == Decimal(60)


def test_what_the_venue_renders_is_read_back_equal() -> None:
    """Both sides of the wire agree on every event of two sessions with orders, and on bars and splits."""
    venue = exchange(start="2005-02-25", end="2005-02-28")
    heard: list[Event] = []
    venue.login(ACCOUNT, "", heard.append, lambda _: None)
    venue.foreign(ACCOUNT, venue.market.symbols[0], Side.BUY, Qty(Decimal(5)))
    venue.advance_market(120)
    assert {type(e).__name__ for e in heard} >= {"Quote", "Bar", "Split", "ForeignOrder", "FillSeen"}
    for e in heard:
        back = read(wire.encode(render.frame(e)))
        if isinstance(e, Quote):
            assert isinstance(back, Quote)
            assert all(getattr(back, k) == getattr(e, k) for k in Quote.__slots__)
        else:
            assert back == e


TRADE = json.loads(RECORDED[8])
CARRY = json.loads(RECORDED[12])
TICK = json.loads(RECORDED[2])
UPDATE = json.loads(RECORDED[4])


@pytest.mark.parametrize(
    ("frame", "change"),
    [
        (TICK, {"bid": 0}),
        (TICK, {"ask": -1.0}),
        (TICK, {"bid": 1e308}),
        (TICK, {"ts": 0}),
        (TICK, {"symbol": None}),
        (TRADE, {"qty": "0"}),
        (TRADE, {"qty": "-5"}),
        (TRADE, {"qty": "NaN"}),
        (TRADE, {"price": "Infinity"}),
        (TRADE, {"price": "1E+400000"}),
        (TRADE, {"fee": "1E-400000"}),
        (TRADE, {"side": "short"}),
        (TRADE, {"cursor": 0}),
        (TRADE, {"exec_id": ""}),
        (CARRY, {"kind": "rent"}),
        (CARRY, {"amount": None}),
        (CARRY, {"amount": "NaN"}),
        (UPDATE, {"what": "vanished"}),
        (UPDATE, {"what": "replaced"}),
        (UPDATE, {"type": "gossip"}),
    ],
)
def test_a_frame_off_the_format_is_malformed(frame: dict[str, Any], change: dict[str, Any]) -> None:
    """F3, D18: unknown words, missing fields, numbers that are not finite, positive or sane."""
    with pytest.raises(parse.Malformed):
        read(json.dumps({**frame, **change}).encode())


def test_a_key_given_twice_is_malformed() -> None:
    """F5: the last one would silently win."""
    with pytest.raises(parse.Malformed, match="twice"):
        read(RECORDED[8].replace(b'"qty":"100"', b'"qty":"1","qty":"100"'))


def test_infinity_and_nan_are_not_json_here() -> None:
    """F3: json.loads would take them."""
    for word in (b"NaN", b"Infinity"):
        with pytest.raises(parse.Malformed):
            read(RECORDED[2].replace(b"42.79", word))


def test_a_page_of_fills_with_a_hole_is_malformed() -> None:
    """D14."""
    page = json.dumps([{**TRADE, "cursor": c} for c in (4, 6)])
    answer = parse.frame(b'{"type":"answer","req":1,"body":' + page.encode() + b"}")
    assert isinstance(answer, wire.Answer)
    with pytest.raises(parse.Malformed, match="holes"):
        parse.fills_answer(answer, 3)


@given(st.sampled_from(RECORDED), st.data())
def test_a_mutated_frame_is_an_event_or_malformed_and_nothing_else(frame: bytes, data: st.DataObject) -> None:
    """D18: cut, doubled, overwritten: never another exception."""
    a = data.draw(st.integers(0, len(frame)))
    b = data.draw(st.integers(a, len(frame)))
    mutated = frame[:a] + data.draw(st.binary(max_size=8)) + frame[data.draw(st.sampled_from([a, b])) :]
    try:
        read(mutated)
    except parse.Malformed as e:
        assert str(e)  # noqa: PT017 an event is as good


@given(st.sampled_from(RECORDED), st.data())
def test_a_field_of_another_type_is_an_event_or_malformed(frame: bytes, data: st.DataObject) -> None:
    """D18."""
    fields = json.loads(frame)
    odd = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.integers())
    )
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(odd)
    try:
        read(json.dumps(fields).encode())
    except parse.Malformed as e:
        assert str(e)  # noqa: PT017 an event is as good


def test_bars_and_splits_are_checked() -> None:
    candle = json.loads(RECORDED[3])
    assert isinstance(read(RECORDED[3]), Bar)
    with pytest.raises(parse.Malformed):
        read(json.dumps({**candle, "high": 1.0}).encode())
    assert isinstance(read(RECORDED[10]), Split)
    with pytest.raises(parse.Malformed):
        read(RECORDED[10].replace(b"2.0", b"0"))
