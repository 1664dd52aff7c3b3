"""The sheet of one run: what the core decided and what came of it, written down as it happens. Source: T2.

Rows go to their files at once and whole; `result.json` says "running" from the first moment and is replaced at the end. A run that
is killed leaves a folder that `read` and the report understand. Memory does not grow with the length of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from pathlib import Path
from typing import Any, Literal, Self

from tradingd.core.book.book import Book
from tradingd.core.book.booked import Booked
from tradingd.core.book.market import DAY_S
from tradingd.core.events import Bar
from tradingd.core.facts import AnyFact, CashMoved, Decided, SplitApplied
from tradingd.core.types import NS, AccountId, Money
from tradingd.core.views.performance import period_return
from tradingd.core.views.reasons import utc
from tradingd.lab.results import figures
from tradingd.lab.results.faults import ResultFault
from tradingd.lab.results.page import PAGE, make
from tradingd.lab.results.result import FILE, About, JournalEnd, Open, Result, write
from tradingd.lab.results.rows import Action, Candle, Day, Decision, Execution, Table, Trade
from tradingd.lab.results.trips import Trips

CONFIG = "config.toml"


class Sheet:
    """One run of one account.

    directory: made when it is not there; refused (ResultFault) when it is no empty folder.   about: what is run.
    config: the effective configuration as TOML text, kept beside the result.   Use it in a `with`: its files are closed at the end.
    """

    def __init__(self, directory: Path, about: About, config: str = "") -> None:
        if (directory / FILE).exists():
            raise ResultFault(f"{directory} holds a result already: name another folder")
        if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
            raise ResultFault(f"{directory} is not an empty folder: name another one")
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.about = about
        self._trips: Trips | None = None
        self._account = AccountId("")
        self._facts = 0
        self._last = (0.0, 0.0)  # equity and capital of the last close
        self._growth = self._top = 1.0
        self._began = 0
        self._write(Result(**_fields(about), state="running"))
        (directory / CONFIG).write_text(config, encoding="utf-8")
        self._days = Table(directory, figures.DAYS, Day)
        self._trades = Table(directory, figures.TRADES, Trade)
        self._fills = Table(directory, figures.FILLS, Execution)
        self._decisions = Table(directory, figures.DECISIONS, Decision)
        self._actions = Table(directory, figures.ACTIONS, Action)
        self._bars = Table(directory, figures.BARS, Candle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The files are closed; without `finish` the result stays "running", as of a run that was killed."""
        self._let_go()

    def take(self, facts: Sequence[AnyFact]) -> None:
        """Facts in the journal's order, each once, all of one account (ValueError else)."""
        for fact in facts:
            trips = self._trips or self._begin(fact)
            if fact.account != self._account:
                raise ValueError(f"account: a sheet is of one account, {self._account}, and not of {fact.account} too")
            self._facts += 1
            fill = trips.take(fact)
            if fill is not None:
                self._fills.add(fill)
            elif isinstance(fact, Decided):
                self._decisions.add(_decision(fact))
            elif isinstance(fact, CashMoved | SplitApplied):
                self._actions.add(_action(fact))
        if self._trips is not None:
            self._finished()

    def bar(self, bar: Bar) -> None:
        """A bar of the market; only daily ones that are no warm-up are kept, for the candles."""
        if bar.span_s == DAY_S and not bar.history:
            self._bars.add(
                Candle(
                    ts=bar.ts, utc=utc(bar.ts), symbol=bar.symbol, open=bar.open, high=bar.high, low=bar.low, close=bar.close,
                    volume=bar.volume,
                )
            )  # fmt: skip

    def close(self, ts: int, book: Book) -> None:
        """A session ended at ts (ns): called once after the step that closed the day, with the book as that left it. Nothing of the
        book is changed. ValueError before the first fact, and for a time before the last close."""
        if self._trips is None or ts < self._began:
            raise ValueError("ts: a session closes after its facts, and after the session before it")
        booked, capital = book.booked, float(book.booked.deposits)
        earned = period_return(*self._last, book.equity, capital)
        self._last = (book.equity, capital)
        self._growth *= 1.0 + earned
        self._top = max(self._top, self._growth)
        gross, net = exposure(book)
        self._days.add(
            Day(
                ts=ts, utc=utc(ts), date=booked.day or utc(ts)[:10], equity=book.equity, cash=booked.cash, reserve=booked.reserve,
                capital=booked.deposits, gross=gross, net=net, span_s=(ts - self._began) / NS, held_s=self._trips.held_for(ts),
                daily_return=earned, drawdown=1.0 - self._growth / self._top,
            )
        )  # fmt: skip
        self._began = ts
        self._trips.closes += 1

    def finish(
        self, state: Literal["complete", "partial"], why: str = "", notes: Sequence[str] = (), head: str = "", *, page: bool = True
    ) -> Result:  # fmt: skip
        """The run is over: the last trades, the metrics, `result.json`, and the page unless page=False. Nothing can be added then.
        why: what ended a partial run.   notes: what was missing or left out.   head: of the journal."""
        self._finished(all_of_them=True)
        self._let_go()
        booked = self._trips.booked if self._trips is not None else Booked(account=self._account)
        result = Result(
            **_fields(self.about), state=state, why=why, notes=tuple(notes), journal=JournalEnd(self._facts, head),
            counts=dict(sorted(booked.counts.items())), held=_held(booked),
            metrics=figures.reckon(self.directory, self.about.sessions_a_year),
        )  # fmt: skip
        self._write(result)
        if page:
            make(self.directory, self.directory / PAGE)
        return result

    def _let_go(self) -> None:
        for table in (self._days, self._trades, self._fills, self._decisions, self._actions, self._bars):
            table.close()

    def _begin(self, fact: AnyFact) -> Trips:
        self._account, self._began = fact.account, fact.ts
        self._trips = Trips(Booked(account=fact.account, currency=self.about.currency))
        return self._trips

    def _finished(self, *, all_of_them: bool = False) -> None:
        if self._trips is not None:
            for trade in self._trips.done(all_of_them=all_of_them):
                self._trades.add(trade)

    def _write(self, result: Result) -> None:
        write(self.directory, result)


def exposure(book: Book) -> tuple[float, float]:
    """What is held at its marks, account currency: (absolute, signed). Before a first quote the last close, or what was paid."""
    values = []
    for symbol, position in book.booked.positions.items():
        if position.qty:
            market = book.markets.get(symbol)
            mark = market.mid or market.prev_close if market is not None else None
            values.append(float(position.qty * book.unit(symbol)) * mark if mark is not None else float(position.basis))
    return fsum([abs(value) for value in values]), fsum(values)


def _fields(about: About) -> dict[str, Any]:
    return {name: getattr(about, name) for name in about.__struct_fields__}


def _held(booked: Booked) -> tuple[Open, ...]:
    return tuple(
        Open(symbol=p.symbol, qty=p.qty, entry=p.avg_price, opened=utc(p.opened_ts))
        for p in sorted(booked.positions.values(), key=lambda p: p.symbol)
        if p.qty
    )


def _decision(d: Decided) -> Decision:
    return Decision(
        ts=d.ts, utc=utc(d.ts), id=d.decision_id, kind=d.kind.value, symbol=d.symbol, action=d.side.value, source=d.source,
        confidence=d.confidence, verdict=d.outcome.value, reasons=" ".join(reason.value for reason in d.reasons),
        orders=" ".join(d.orders), qty=d.qty, micro=d.micro, thesis=d.thesis,
    )  # fmt: skip


def _action(fact: CashMoved | SplitApplied) -> Action:
    if isinstance(fact, SplitApplied):
        return Action(
            ts=fact.at or fact.ts,
            utc=utc(fact.at or fact.ts),
            kind="split",
            symbol=fact.symbol,
            amount=Money(fact.ratio),
        )
    return Action(ts=fact.ts, utc=utc(fact.ts), kind=fact.kind, symbol=fact.symbol or "", amount=fact.amount)
