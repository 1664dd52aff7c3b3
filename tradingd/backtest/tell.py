"""What a run says while it goes on, to a terminal, and at its end."""

from __future__ import annotations

import shutil
import sys

import msgspec

from tradingd.core.types import NS
from tradingd.core.views.reasons import utc
from tradingd.lab.results.result import Result
from tradingd.ports import Clock

EVERY_NS = NS // 5


def write_over(text: str) -> None:
    """One line on a terminal's stderr instead of the last one."""
    sys.stderr.write("\r\x1b[2K" + text[: shutil.get_terminal_size().columns - 1])
    sys.stderr.flush()


class Progress:
    """One line on stderr, on a terminal only. since, until: the run's span, ns.   real: the machine's clock.   shown: False is
    silent."""

    def __init__(self, real: Clock, since: int, until: int, *, shown: bool = True) -> None:
        self._real = real
        self._since, self._until = since, until
        self._on = shown and sys.stderr.isatty()
        self._began = self._said = real.mono()

    @property
    def seconds(self) -> float:
        """Real time since the run began."""
        return (self._real.mono() - self._began) / NS

    def show(self, ts: int, events: int) -> None:
        """At most five times a second. ts: the run's time, ns."""
        if not self._on or self._real.mono() - self._said < EVERY_NS:
            return
        self._said = self._real.mono()
        done = min(1.0, max(0.0, (ts - self._since) / (self._until - self._since)))
        left = f"{self.seconds * (1 - done) / done:,.0f} s left" if done > 0 else "..."
        write_over(f"{utc(ts)[:10]}  {done:4.0%}  {rate(events, self.seconds)}  {left}")

    def done(self) -> None:
        """Take the line away."""
        if self._on:
            write_over("")


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document of --json. out: the result's folder.   seconds: real time of the run, start to last fact.   unwritten: why the
    page is not where --report wanted it as well.   broken: how often a strategy did not keep to what
    it declares; the notes tell of it."""

    out: str
    events: int
    seconds: float
    result: Result
    unwritten: str = ""
    broken: int = 0


def rate(events: int, seconds: float) -> str:
    return f"{events / seconds:,.0f} events/s" if seconds > 0 else "-"


def in_words(told: Told) -> list[str]:
    """The end of a run for a person."""
    r, m = told.result, told.result.metrics
    lines = [f"{r.state}{f': {r.why}' if r.why else ''}"]
    if m is not None:
        micro = f"; {m.micro.trades:,} micro"
        factor = _figure(m.trades.profit_factor)
        equity = "none" if m.equity is None else f"{m.equity:,.2f} {r.currency}"
        lines += [
            f"span       {m.first or r.begin} to {m.last or r.end}, {m.sessions:,} sessions of {r.data}",
            f"equity     {equity} ({m.total_return:+.2%}), reserve {m.reserve:,.2f}, largest drawdown {m.max_drawdown.share:.2%}",
            f"figures    Sharpe {_figure(m.sharpe)}, Sortino {_figure(m.sortino)}, Calmar {_figure(m.calmar)}",
            f"trades     {m.trades.trades:,} closed, {_share(m.trades.win_rate)} won, profit factor {factor}{micro}",
            f"costs      fees {m.fees:,.2f}, borrowed shares {m.borrow:,.2f}; interest earned less paid {m.interest:+,.2f}",
        ]
    lines += [f"note       {note}" for note in r.notes]
    lines += [
        f"journal    {r.journal.records:,} records, head {r.journal.head[:16]}",
        f"run        {told.events:,} events in {told.seconds:.1f} s, {rate(told.events, told.seconds)}",
        f"results    {told.out} (report.html, result.json, *.csv, journal/)",
    ]
    return lines


def _figure(x: float | None) -> str:
    return "-" if x is None else f"{x:.2f}"


def _share(x: float | None) -> str:
    return "-" if x is None else f"{x:.1%}"


class Lines:
    """The progress of a sweep: one line on stderr, on a terminal only. what: word for what is counted.   done: of them already."""

    def __init__(self, what: str, total: int, done: int) -> None:
        self._what, self._total, self._done, self._failed = what, total, done, 0
        self._on = sys.stderr.isatty()

    def count(self, *, failed: bool) -> None:
        self._done += 1
        self._failed += failed
        self.show()

    def show(self) -> None:
        if self._on:
            failed = f", {self._failed:,} failed" if self._failed else ""
            write_over(f"{self._what}  {self._done:,} of {self._total:,}{failed}")

    def done(self) -> None:
        """Take the line away."""
        if self._on:
            write_over("")
