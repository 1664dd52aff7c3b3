"""What the demo says before and after: the same words for the same replay, the line on this machine's speed apart."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from math import inf

import msgspec

from tradingd import __version__
from tradingd.core.facts import Measures, TierChanged
from tradingd.core.types import TierName
from tradingd.core.views.performance import factor_word, measure
from tradingd.core.views.reasons import utc
from tradingd.demo.options import DemoOptions
from tradingd.shell.house import House
from tradingd.shell.web.app import Served


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `--json`. refusals: reason -> count.   reserve: account currency.   return_pct, drawdown_pct: 1.5 = 1.5 %.
    lots_closed: parts of lots, each closed by one execution; wash_sales: those of them whose loss is disallowed.
    micro_trades: closed ones, in none of the other trade figures.   rebalances: weeks looked at; rebalance_sells: what they sold.
    win_rate: 0..1; it, profit_factor and sharpe are None where there is too little to say.
    seconds: this machine's, the only field that differs from run to run."""

    orders: int
    fills: int
    refusals: dict[str, int]
    stop_outs: int
    breaker_trips: int
    tier_changes: int
    lots_opened: int
    lots_closed: int
    wash_sales: int
    micro_trades: int
    rebalances: int
    rebalance_sells: int
    reserve: str
    return_pct: float
    drawdown_pct: float
    win_rate: float | None
    profit_factor: float | None
    sharpe: float | None
    journal_head: str
    seconds: float


def summarise(house: House, seconds: float) -> Summary:
    """Of the demo's one account."""
    (member,) = house.members.values()
    booked = member.book.booked
    counts = booked.counts
    deposits = float(booked.deposits) or inf
    m, lots = measure(member.book, member.rules), booked.lots
    return Summary(
        orders=counts.get("orders", 0), fills=counts.get("fills", 0), refusals=dict(sorted(booked.refusals.items())),
        stop_outs=counts.get("stop_outs", 0), breaker_trips=counts.get("breaker_trips", 0),
        tier_changes=counts.get("tier_changes", 0), lots_opened=lots.opened, lots_closed=lots.seq, wash_sales=lots.washed,
        micro_trades=m.micro_trades, rebalances=counts.get("rebalances", 0), rebalance_sells=counts.get("rebalance_sells", 0),
        reserve=str(booked.reserve),
        return_pct=round((member.book.equity / deposits - 1.0) * 100, 4), drawdown_pct=round(booked.drawdown_max * 100, 4),
        win_rate=m.win_rate, profit_factor=m.profit_factor, sharpe=m.sharpe,
        journal_head=house.journal.head, seconds=round(seconds, 3),
    )  # fmt: skip


def greeting(options: DemoOptions, served: Served, *, program: str) -> list[str]:
    """The page's address, what this is, and how to stop, look and ask."""
    where = f" --dir {shlex.quote(str(options.dir))}"
    rows = _rows(
        ("page", served.page_url),
        (
            "what",
            f"tradingd {__version__} DEMO: a simulated venue plays real daily prices, {options.begin} to {options.end}",
        ),
        ("", "(the path inside each day is made up); nothing leaves this machine"),
        ("stop", "Ctrl-C"),
        ("look", f"in a second terminal: {program} status{where}"),
        ("", "and positions, orders, decisions, pause, halt, flatten with the same --dir"),
        ("why", f"{program} why d2{where}   (a decision, an order or a symbol)"),
    )
    return [*rows, ""]


def in_words(summary: Summary, house: House, *, whole: bool, paced: bool, now: int) -> list[str]:
    """The summary for a terminal. whole: the replay came to its end; paced: it was made to wait; now: how far it came, ns."""
    (member,) = house.members.values()
    booked, counts = member.book.booked, member.book.booked.counts
    m = measure(member.book, member.rules)
    refusals = [f"{n} {reason}" for reason, n in sorted(summary.refusals.items(), key=lambda kv: (-kv[1], kv[0]))]
    head = [("journal", f"{house.journal.durable:,} records, head {summary.journal_head}")]
    if whole and not booked.commands:
        head.append(("", "the same replay ends in the same head on every machine, at any speed"))
    decided, acted, refused = (counts.get(name, 0) for name in ("decisions", "acted", "refused"))
    result = f"return {summary.return_pct:+.2f} %, largest drawdown {summary.drawdown_pct:.2f} %"
    orders = f"{summary.orders:,}, fills {summary.fills:,}, stop-outs {summary.stop_outs:,}, breaker trips {summary.breaker_trips}"
    rate = "" if paced else f", {decided / max(summary.seconds, 1e-9):,.0f} decisions/s"
    return [
        "the replay is over" if whole else f"stopped at {utc(now)}; so far:",
        *_rows(
            ("result", f"{result}, reserve {booked.reserve:,.2f} {booked.currency}"),
            ("trades", _trades(m)),
            (
                "micro",
                f"{m.micro_trades:,} closed, {m.micro_wins:,} won, {m.micro_pnl:+,.2f} {booked.currency}, counted apart",
            ),
            (
                "lots",
                f"{summary.lots_opened:,} opened, {summary.lots_closed:,} parts closed, {summary.wash_sales:,} of them wash sales",
            ),
            ("tier", _tiers(booked.tier, booked.tier_history, summary.tier_changes)),
            ("rebalance", _rebalances(summary)),
            ("decisions", f"{decided:,}: {acted:,} acted, {refused:,} refused"),
            ("refusals", ", ".join(refusals) or "none"),
            ("orders", orders),
            *head,
            (
                "speed",
                f"{summary.seconds:.1f} s on this machine: {member.book.quotes:,} quotes{rate}",
            ),
        ),
    ]


def _trades(m: Measures) -> str:
    rate = "" if m.win_rate is None else f" ({m.win_rate:.1%})"
    sharpe = "not yet" if m.sharpe is None else f"{m.sharpe:.2f}"
    return (
        f"{m.trades:,} closed, {m.wins:,} won{rate}, profit factor {factor_word(m)}, Sharpe of the last days {sharpe}"
    )


def _tiers(now: TierName, history: Sequence[TierChanged], changes: int) -> str:
    if not changes:
        return f"{now}, never changed"
    last, what = history[-1], "change" if changes == 1 else "changes"
    return f"{now} after {changes:,} {what}, the last on {utc(last.ts)[:10]}: {last.why}"


def _rebalances(s: Summary) -> str:
    return f"{s.rebalances:,} weeks looked at, {s.rebalance_sells:,} sales of what was above its limits"


def next_steps(page_url: str, *, program: str) -> list[str]:
    """What to do now. page_url: "" when the page goes away with this process."""
    stays = [("page", f"{page_url} stays until Ctrl-C")] if page_url else []
    return _rows(
        *stays,
        (
            "next",
            f"{program} demo --crash     kills a daemon again and again, and compares its journal with the venue's",
        ),
    )


def _rows(*rows: tuple[str, str]) -> list[str]:
    return [f"{name:<10} {text}" for name, text in rows]
