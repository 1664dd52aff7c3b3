"""Daily bars from the operator's own files, for ranges and correlations where the broker has none. Pure. Source: E4, E7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tradingd.core.book.market import DAY_S
from tradingd.core.events import Bar
from tradingd.core.gates.window import SessionTable
from tradingd.core.types import Symbol
from tradingd.shell.almanac.rows import Action, Day, Fault


def bars(
    symbol: Symbol, days: Sequence[Day], table: SessionTable, splits: Iterable[Action], now: int
) -> tuple[list[Bar], list[Fault]]:
    """One bar for each session that is over, ending at its close; days without a session are faults.

    The file's prices are adjusted as of its last line: splits of the symbol after that and up to now divide them.
    """
    last, today = days[-1].date if days else "", table.local_date(now)
    ratio = 1.0
    for split in splits:
        if last < split.ex_date <= today:
            ratio *= float(split.value)
    found, faults = [], []
    for day in days:
        session = table.session(day.date)
        if session is None:
            faults.append(Fault(day.line, "date", f"{day.date} is no session of {table.key}"))
        elif session.close_ns <= now:
            found.append(
                Bar(
                    ts=session.close_ns, symbol=symbol, span_s=DAY_S, open=day.open / ratio, high=day.high / ratio,
                    low=day.low / ratio, close=day.close / ratio, volume=day.volume * ratio, history=True,
                )
            )  # fmt: skip
    return found, faults


def merged(broker: Sequence[Bar], own: Sequence[Bar], table: SessionTable) -> list[Bar]:
    """Both, oldest first; on the same exchange date the broker's."""
    by_date = {table.local_date(bar.ts - 1): bar for bar in own}
    by_date.update((table.local_date(bar.ts - 1), bar) for bar in broker if bar.span_s == DAY_S)
    return [by_date[day] for day in sorted(by_date)]
