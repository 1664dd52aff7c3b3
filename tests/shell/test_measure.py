"""What durable facts mean for the metrics."""

from __future__ import annotations

from prometheus_client import generate_latest

from tests.fakes.broker import REFUSED, SILENT
from tests.shell.stage import BBB, Stage, stage
from tradingd.core.events import Verb
from tradingd.core.types import NS


def shown(s: Stage, name: str, **labels: str) -> float:
    value = s.house.metrics.registry.get_sample_value(name, labels)
    return 0.0 if value is None else value


async def test_a_trade_counts_decision_order_and_fill() -> None:
    """P2: the S1 counters and ours."""
    async with stage() as s:
        await s.hold()
        assert shown(s, "tradingd_decisions_total", outcome="act") == 1
        assert shown(s, "tradingd_orders_total", broker="one", outcome="sent") == 2  # the entry and its stop
        assert shown(s, "trading_orders_total") == 2
        assert shown(s, "tradingd_fills_total") == 1
        assert shown(s, "tradingd_orders_total", broker="one", outcome="filled") == 1
        assert shown(s, "tradingd_journal_bytes_total") > 0
        assert shown(s, "tradingd_journal_fsync_seconds_count") == s.house.journal.commits


async def test_refusals_are_counted_by_their_reason() -> None:
    """P2, E11: a label of our own words only."""
    async with stage() as s:
        s.house.offer(s.command(Verb.PAUSE))
        s.quote()
        s.idea()
        await s.house.quiesce()
        assert shown(s, "tradingd_denials_total", code="reducing") == 1
        assert shown(s, "tradingd_decisions_total", outcome="skip") == 1


async def test_the_time_to_the_venues_first_word_is_monotonic_and_counted_once() -> None:
    """P2: from durable intent to the first answer, by the monotonic clock; a fill after the ack adds nothing."""
    async with stage() as s:
        s.broker.script["submit"].append(SILENT)
        order_id = await s.decide()
        assert shown(s, "tradingd_order_ack_seconds_count") == 0
        s.clock.set(s.clock.wall() + 2 * NS)
        s.broker.say(s.broker.accepted(order_id))
        s.broker.fill(order_id, 1)
        s.broker.fill(order_id, 1)
        await s.house.settle()
        first = shown(s, "tradingd_order_ack_seconds_sum")
        assert first == 2.0
        assert shown(s, "trading_order_latency_ms_sum") == 2000.0
        assert shown(s, "tradingd_order_ack_seconds_count") >= 1


async def test_rejections_lost_links_and_anomalies_are_counted() -> None:
    """P2, B6: what an operator's alert would be made of."""
    async with stage() as s:
        s.broker.script["submit"].append(REFUSED)
        await s.decide()
        await s.decide(BBB)
        s.broker.say(s.broker.execution("", s.entry.order.symbol, s.entry.order.side, s.entry.order.qty, "100.00"))  # type: ignore[arg-type]
        await s.member.link.lost("cable")
        await s.house.settle()
        assert shown(s, "tradingd_orders_total", broker="one", outcome="rejected") == 1
        assert shown(s, "tradingd_reconcile_mismatches_total", kind="foreign_fill") == 1
        assert shown(s, "tradingd_broker_reconnects_total", broker="fake") >= 1
        assert b"cable" not in generate_latest(s.house.metrics.registry)


async def test_what_a_decision_took_is_measured_where_it_had_facts() -> None:
    """P2: an idea is timed; a quote that changes nothing adds nothing to its own path."""
    async with stage() as s:
        registry = s.house.metrics.registry

        def timed() -> float:
            return registry.get_sample_value("tradingd_decision_seconds_count") or 0.0

        before = timed()
        s.quote()
        await s.house.settle()
        assert timed() == before
        await s.decide()
        assert timed() > before
