"""The names and numbers a scraper sees."""

from __future__ import annotations

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.desk import account, page
from tests.shell.web.conftest import OPERATOR, House
from tradingd.core.facts import Measures
from tradingd.core.views.page import Page
from tradingd.shell.web.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_a_scrape_parses_and_has_the_promised_names(house: House) -> None:
    """P2, H1: S1's five names and those of FEATURES 5.6."""
    status, body, headers = await house.ask("GET", "/metrics", OPERATOR)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    names = {s.name for family in text_string_to_metric_families(body.decode()) for s in family.samples}
    assert {"trading_orders_total", "trading_order_latency_ms_bucket", "trading_positions_count", "trading_buying_power",
            "trading_daily_pnl", "tradingd_build_info", "tradingd_mode_info", "tradingd_trading_state", "tradingd_broker_up",
            "tradingd_orders_unknown", "tradingd_limit_headroom_ratio", "tradingd_equity"} <= names  # fmt: skip


def test_gauges_follow_the_page() -> None:
    """P2: and what the page no longer has disappears."""
    m = Metrics(CollectorRegistry())
    m.scrape(page())
    assert sample(m, "tradingd_trading_state", account="demo", state="active") == 1
    assert sample(m, "tradingd_trading_state", account="demo", state="halted") == 0
    assert sample(m, "trading_positions_count") == 4
    assert sample(m, "tradingd_unprotected_positions") == 1
    assert sample(m, "trading_buying_power", account="demo", currency="USD") == 48210.50 - 10125.04
    left = sample(m, "tradingd_limit_headroom_ratio", account="demo", limit="heat")
    assert left is not None
    assert abs(left - (1 - 0.052 / 0.06)) < 1e-9
    bare = msgspec.structs.replace(account(0), account="other", positions=(), limits=())
    m.scrape(msgspec.structs.replace(page(), accounts=(bare,)))
    assert sample(m, "tradingd_equity", account="demo", currency="USD") is None
    assert sample(m, "tradingd_limit_headroom_ratio", account="demo", limit="heat") is None
    assert sample(m, "trading_positions_count") == 0


def test_counters_count() -> None:
    m = Metrics(CollectorRegistry())
    m.decided("skip", "heat")
    m.decided("act", None)
    for outcome in ("sent", "filled"):
        m.order("sim", outcome)
    m.ack_seconds(0.02)
    assert sample(m, "tradingd_decisions_total", outcome="skip") == 1
    assert sample(m, "tradingd_denials_total", code="heat") == 1
    assert sample(m, "trading_orders_total") == 1
    assert sample(m, "tradingd_orders_total", broker="sim", outcome="filled") == 1
    assert sample(m, "trading_order_latency_ms_sum") == 20
    assert b"# TYPE tradingd_ticks_total counter" in generate_latest(m.registry)


def test_quotes_are_counted_from_what_the_books_counted_and_never_backwards() -> None:
    """P2, B7: believed and quarantined apart; a scrape adds what came since the last one."""
    m = Metrics(CollectorRegistry())
    shown = page()

    def counted(quotes: int, bad: int) -> Page:
        one = msgspec.structs.replace(shown.accounts[0], counts={"quotes": quotes, "quarantined": bad})
        return msgspec.structs.replace(shown, accounts=(one,))

    for quotes, bad in ((500, 2), (700, 2), (10, 0), (30, 1)):
        m.scrape(counted(quotes, bad))
    assert sample(m, "tradingd_ticks_total") == 720
    assert sample(m, "tradingd_ticks_quarantined_total") == 3


def test_performance_has_samples_where_there_is_something_to_say() -> None:
    """E14, P2: a figure that nobody can know yet is no zero."""
    figures = Measures(
        value=1.0, active=1.0, reserve=0.0, realised=0.0, unrealised=0.0, day_pnl=0.0, trades=5, wins=3, losses=1, win_rate=0.6,
        profit_factor=1.5, max_drawdown=0.04, micro_trades=2, micro_wins=1,
    )  # fmt: skip
    m = Metrics(CollectorRegistry())
    m.scrape(msgspec.structs.replace(page(), accounts=(msgspec.structs.replace(account(0), measures=figures),)))
    assert sample(m, "tradingd_win_rate_ratio", account="demo") == 0.6
    assert sample(m, "tradingd_profit_factor_ratio", account="demo") == 1.5
    assert sample(m, "tradingd_drawdown_max_ratio", account="demo") == 0.04
    assert sample(m, "tradingd_sharpe_ratio", account="demo") is None
    kinds = (("standard", "win"), ("standard", "loss"), ("standard", "even"), ("micro", "win"), ("micro", "other"))
    closed = [sample(m, "tradingd_trades_closed", account="demo", kind=kind, result=result) for kind, result in kinds]
    assert closed == [3, 1, 1, 1, 1]
    m.scrape(page())
    assert sample(m, "tradingd_win_rate_ratio", account="demo") is None
