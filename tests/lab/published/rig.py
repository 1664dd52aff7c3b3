"""A run whose market is written down row by row, under rules that leave a published strategy alone.

Engines publish results of strategies that put all the money into one thing, know no stops, and are filled at one price a bar. So
the rules here have no brake but the sizer, and a day is shown as two prices, each for some minutes inside the entry window: what
that engine trades at, and the close. Bid and ask are the same. What differs all the same is said where a figure is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tradingd.backtest.disk import HastyDisk
from tradingd.backtest.folder import Folder
from tradingd.backtest.options import Costs
from tradingd.backtest.rig import replay_env, run_of
from tradingd.backtest.run import venue_settings
from tradingd.config import Config, describe, load_text
from tradingd.core.book.book import Book
from tradingd.core.events import Bar, Quote
from tradingd.core.facts import AnyFact
from tradingd.core.signals.strategy import load
from tradingd.core.types import AccountId, Instrument, Money, Symbol, TierName
from tradingd.lab.results.result import About, Result
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.tape import Shown, Tape

ACCOUNT = AccountId("published")
NYSE = session_table("XNYS")
DAY_S, MINUTE = 86_400, 60 * 10**9
FIRST, LAST = range(16, 19), range(-20, -19)  # minutes after the open, and to the close
SIZE = 1e9
FREE = Costs(spread_bps=0, fee_per_share=Decimal(0), fee_minimum=Decimal(0))

RULES = """
mode = "paper"
[journal]
force_fs = true
free_min_bytes = 0
[accounts.published]
broker = "sim"
capital = "{capital} USD"
[house]
timer_s = "5m"
positions_s = "7d"
orders_s = "7d"
[risk]
max_position_pct = 1.0
max_sector_pct = 1.0
max_daily_loss = 1.0
max_drawdown = 1.0
max_order_qty = 1000000.0
max_order_notional = 100000000.0
price_max_age_s = 120.0
price_collar = 1.0
buying_power_multiplier = 2.0
pdt = false
[tier]
name = "moderate"
[tiers]
down_win_rate = 0.0
down_drawdown = 1.0
up_win_rate = 1.0
up_reserve_share = 1.0
[sizer]
new_sector_bonus = 1.0
absolute_cap = {cap}
active_pool_minimum = 0
[stops]
trail_at = 1.0
atr_change = 1.0
interval_min = 1440
no_price_min = 1440
heat_at = 1.0
[reserve]
siphon_share = 0.0
emergency_drawdown = 1.0
[breaker]
daily_loss = 1.0
position_loss = 1.0
stop_outs = 1000
warn_at = 1.0
[entry]
order = "market"
allow_short = {short}
tranches = 1
[quotes]
band = 0.9
[adaptive]
rapid_move = 1.0
declining_share = 1.0
declining_pct = 1.0
[rebalance]
enabled = false
"""

TIER = """
[tiers.{name}]
min_confidence = 0.5
base_allocation = {share}
max_position_pct = {share}
max_sector_pct = 1.0
max_portfolio_heat = 1.0
stop_loss_atr_multiplier = {stop}
reward_risk_ratio = {reward}
"""


class Row(NamedTuple):
    """One session. first: what the engine trades at.   high, low: of the day's bar, both 0 where the source has none."""

    date: str
    first: float
    close: float
    high: float = 0.0
    low: float = 0.0


class Ran(NamedTuple):
    """facts: all.   book: at the end.   result: with its metrics; the folder has the tables."""

    facts: list[AnyFact]
    book: Book
    result: Result


def rules(
    *, capital: str, share: float = 1.0, cap: float = 1e9, stop: float = 10.0, reward: float = 1.0, short: bool = False
) -> Config:
    """Those of `RULES`."""
    tiers = [TIER.format(name=name, share=share, stop=stop, reward=reward) for name in TierName]
    text = RULES.format(capital=capital, cap=cap, short=str(short).lower()) + "".join(tiers)
    return load_text(text, name="published.toml").config


def filled(rows: Sequence[Row], *, closed: Sequence[str] = ()) -> list[Row]:
    """With a row for each session between them, at the price before it, but for those the source's exchange was closed on."""
    found = [rows[0]]
    for row in rows[1:]:
        while (session := NYSE.next_after(_open(found[-1].date))) is not None and session.date < row.date:
            found.append(Row(session.date, found[-1].close, found[-1].close))
        found.append(row)
    return [row for row in found if row.date not in closed]


def _open(day: str) -> int:
    session = NYSE.session(day)
    assert session is not None, day
    return session.open_ns


def before(symbol: Symbol, first: str, price: float, *, ranges: float, days: int = 30) -> list[Bar]:
    """Daily bars that give a range before the first session, so that an entry has a stop: the house knows none without."""
    found: list[Bar] = []
    day = date.fromisoformat(first)
    while len(found) < days:
        day -= timedelta(days=1)
        session = NYSE.session(day.isoformat())
        if session is not None:
            found.append(_bar(symbol, session.close_ns, Row("", price, price, price + ranges / 2, price - ranges / 2)))
    return found[::-1]


def play(
    folder: Path, config: Config, strategy: ModuleType, settings: dict[str, object], rows: Sequence[Row], *,
    instrument: Instrument, history: Iterable[Bar] = (), costs: Costs = FREE, also: Callable[[Exchange], None] = lambda _: None,
) -> Ran:  # fmt: skip
    """A whole run as `tradingd backtest` makes it, over these rows. also: puts more on the venue's calendar."""
    env, clock = replay_env()
    env.disk = HastyDisk()
    tape = Tape(
        [*history, *_happenings(rows, instrument.symbol)], [instrument], {instrument.symbol: Shown("quotes", build=())},
        start=_open(rows[0].date), table=NYSE,
    )  # fmt: skip
    exchange = Exchange(
        tape, {ACCOUNT: Money(config.accounts[ACCOUNT].capital)}, settings=venue_settings(costs), keep=False
    )
    also(exchange)
    about = About(
        data="published", begin=rows[0].date, end=rows[-1].date, capital=Money(config.accounts[ACCOUNT].capital),
        tier=config.tier.name, strategies=("published",), config_hash="c" * 64, build="b" * 64,
    )  # fmt: skip
    sheet = Folder(env, folder, about, describe(config), segment_bytes=config.journal.segment_bytes, page=False)
    facts: list[AnyFact] = []

    def record(made: tuple[AnyFact, ...]) -> None:
        facts.extend(made)
        sheet.record(made)

    run = run_of(
        env, clock, config, ACCOUNT, exchange, (load("published", strategy, settings),), record=record,
        on_bar=sheet.sheet.bar,
    )  # fmt: skip
    sheet.book = run.book
    run.start("backtest", "b", "c")
    assert run.drive()
    run.finish("the rows are over")
    venue = exchange.account(ACCOUNT)
    assert run.book.booked.cash == venue.cash, "the account's books and the venue's are one"
    return Ran(facts, run.book, sheet.close("complete", "", []))


def _happenings(rows: Sequence[Row], symbol: Symbol) -> Iterator[Quote | Bar]:
    n = 0
    for row in rows:
        session = NYSE.session(row.date)
        assert session is not None, row.date
        for minutes, price in ((FIRST, row.first), (LAST, row.close)):
            for minute in minutes:
                n += 1
                ts = (session.open_ns if minute > 0 else session.close_ns) + minute * MINUTE
                yield Quote(symbol, price, price, ts, bid_size=SIZE, ask_size=SIZE, seq=n, source="published")
        yield _bar(symbol, session.close_ns, row)


def _bar(symbol: Symbol, ts: int, row: Row) -> Bar:
    high, low = max(row.high, row.first, row.close), min(row.low or row.first, row.first, row.close)
    return Bar(ts=ts, symbol=symbol, span_s=DAY_S, open=row.first, high=high, low=low, close=row.close, volume=1e6)
