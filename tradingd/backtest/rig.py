"""Puts one run together: the account's rules, its book, the simulated venue, and the daemon's own comparison of the two. T1."""

from __future__ import annotations

from collections.abc import Callable

from tradingd.app import instrument_of, rules_of
from tradingd.config import Config
from tradingd.core.book.book import Book
from tradingd.core.events import Bar
from tradingd.core.signals.strategy import Loaded
from tradingd.core.types import AccountId
from tradingd.lab.run import Over, Record, Run
from tradingd.shell.env import RealEnv, ReplayClock
from tradingd.shell.reconcile import Reconciler
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.inproc import InprocSim


def replay_env() -> tuple[RealEnv, ReplayClock]:
    """An environment whose time only the run moves, and its clock."""
    clock = ReplayClock()
    return RealEnv(clock=clock, failpoint="", inline=True), clock


def run_of(
    env: RealEnv, clock: ReplayClock, config: Config, account: AccountId, exchange: Exchange, strategies: tuple[Loaded, ...], *,
    record: Record, on_bar: Callable[[Bar], None] = lambda _: None, on_breath: Callable[[int], None] = lambda _: None,
    sparse: bool = False,
) -> Run:  # fmt: skip
    """A run of one configured account over an exchange that knows it. sparse: quotes that come as columns and cannot matter are
    passed over (needs the lab's libraries)."""
    settings = config.accounts[account]
    broker = InprocSim(exchange, account)
    rules = rules_of(config, settings, strategies, broker.quirks)
    book = Book(account, currency=settings.currency)

    def looks(run: Run) -> Reconciler:
        return Reconciler(env, broker, book, run.out, run, run.settle)

    def over(run: Run) -> Over:
        from tradingd.lab.leap import Leap

        return Leap(exchange, book, rules, clock, run.settle, run.take).over

    return Run(
        exchange, broker, book, rules, clock, config.house, record=record, on_bar=on_bar, on_breath=on_breath, looks=looks,
        instrument=instrument_of(config), over=over if sparse else None,
    )  # fmt: skip
