"""What the demo says at its end: the same words for the same replay, the last line apart (that one is this machine's)."""

from __future__ import annotations

from math import inf

import msgspec

from tradingd.shell.house import House


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `--json`. refusals: reason -> count.   reserve: account currency.   return_pct, drawdown_pct: 1.5 = 1.5 %.
    seconds: this machine's, the only field that differs from run to run."""

    orders: int
    fills: int
    refusals: dict[str, int]
    stop_outs: int
    breaker_trips: int
    reserve: str
    return_pct: float
    drawdown_pct: float
    journal_head: str
    seconds: float


def summarise(house: House, seconds: float) -> Summary:
    """Of the demo's one account."""
    (member,) = house.members.values()
    booked = member.book.booked
    counts = booked.counts
    deposits = float(booked.deposits) or inf
    return Summary(
        orders=counts.get("orders", 0), fills=counts.get("fills", 0), refusals=dict(sorted(booked.refusals.items())),
        stop_outs=counts.get("stop_outs", 0), breaker_trips=counts.get("breaker_trips", 0), reserve=str(booked.reserve),
        return_pct=round((member.book.equity / deposits - 1.0) * 100, 4), drawdown_pct=round(booked.drawdown_max * 100, 4),
        journal_head=house.journal.head, seconds=round(seconds, 3),
    )  # fmt: skip


def in_words(summary: Summary, house: House, decisions: int) -> list[str]:
    """The summary for a terminal."""
    (member,) = house.members.values()
    refusals = ", ".join(f"{reason} {n}" for reason, n in sorted(summary.refusals.items(), key=lambda kv: (-kv[1], kv[0])))
    counts = member.book.booked.counts
    return [
        f"return {summary.return_pct:+.2f} %   largest drawdown {summary.drawdown_pct:.2f} %   reserve {summary.reserve}",
        f"decisions {counts.get('decisions', 0)}: {counts.get('acted', 0)} acted, {counts.get('refused', 0)} refused",
        f"orders {summary.orders}   fills {summary.fills}   stop-outs {summary.stop_outs}   breaker trips {summary.breaker_trips}",
        f"refusals by reason: {refusals or 'none'}",
        f"journal head {summary.journal_head}  ({house.journal.durable} records; the same on every machine)",
        f"{summary.seconds:.1f} s, {decisions / max(summary.seconds, 1e-9):,.0f} decisions/s over "
        f"{member.book.quotes:,} quotes on this machine",
    ]
