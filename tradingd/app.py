"""Puts a daemon together from its configuration: adapters and strategies by entry point, rules, house, desk, web; and runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from traceback import format_exception
from typing import Any

import anyio
import msgspec
import uvloop

from tradingd.config import (
    AccountSettings,
    Config,
    Override,
    Secret,
    SecretMissing,
    config_hash,
    describe,
    settings,
)  # fmt: skip
from tradingd.config import WebSettings as WebConfig
from tradingd.config.model import FilesSettings
from tradingd.core.events import Command, Verb
from tradingd.core.rules import Rules
from tradingd.core.signals.strategy import Loaded, SettingsError, load
from tradingd.core.types import AccountId, Instrument
from tradingd.ports import Broken, Broker, Env, Misconfigured, Quirks
from tradingd.shell.almanac import LOOK_S, Almanac
from tradingd.shell.almanac import Account as Known
from tradingd.shell.clock import SteadyClock
from tradingd.shell.desk import HouseDesk
from tradingd.shell.env import FollowClock, RealClock, RealEnv
from tradingd.shell.house import SNAPSHOT_SCHEMA, House, open_house
from tradingd.shell.identity import build_hash, session_table
from tradingd.shell.intake.drop import watch_drop
from tradingd.shell.journal import Genesis
from tradingd.shell.journal import Settings as JournalSettings
from tradingd.shell.lag import LagMonitor
from tradingd.shell.logs import log, set_up
from tradingd.shell.notify.build import Dial, channels_of
from tradingd.shell.notify.room import Notify
from tradingd.shell.reload import Reload
from tradingd.shell.ticks.attach import attach
from tradingd.shell.ticks.nightly import LOOK_S as NIGHTLY_S
from tradingd.shell.ticks.nightly import Nightly, parity_of
from tradingd.shell.ticks.tape import Tape
from tradingd.shell.web.app import serve
from tradingd.shell.web.auth import TokenHash
from tradingd.shell.web.settings import WebSettings

CALENDARS = ("XNYS",)
ABLE = Quirks(reduce_only=True)
SOCKET = "control.sock"
FAULT = 70  # EX_SOFTWARE: an error of ours; a supervisor may start it again


# from configuration -------------------------------------------------------------------------------------------------------


def rules_of(config: Config, account: AccountSettings, strategies: tuple[Loaded, ...], quirks: Quirks = ABLE) -> Rules:
    """The rules of one account. quirks: its broker's; by default those of one that can everything."""
    return Rules(
        mode=config.mode, instruments={}, calendars={key: session_table(key) for key in CALENDARS}, gate=config.risk,
        sizer=config.sizer, stops=config.stops, reserve=config.reserve, breaker=config.breaker, window=config.window,
        intake=config.intake, tier=config.tiers, entry=config.entry, quotes=config.quotes, strategies=strategies,
        protective=quirks.protective_stops, amend=quirks.amend, reduce_only=quirks.reduce_only,
        observe=account.mode == "observe", crash_loop_starts=config.house.crash_loop_starts,
        crash_loop_window_s=config.house.crash_loop_window_s, tier_at_start=config.tier.name,
        correlation=config.correlation, micro=config.micro, adaptive=config.adaptive, rebalance=config.rebalance,
        performance=config.performance,
    )  # fmt: skip


def strategies_of(config: Config) -> tuple[Loaded, ...]:
    """The strategies that are switched on, by entry point. Raises Misconfigured for one that is not installed or its settings."""
    known = {point.name: point for point in entry_points(group="tradingd.strategies")}
    found = []
    for name, asked in config.strategies.items():
        if not asked.enabled:
            continue
        if name not in known:
            raise Misconfigured(
                f"strategies.{name}: no strategy of that name is installed (known: {', '.join(sorted(known))})"
            )
        try:
            found.append(load(name, known[name].load(), asked.settings))
        except SettingsError as error:
            raise Misconfigured(str(error)) from None
    return tuple(found)


def broker_of(env: Env, name: str, account: AccountSettings, secrets: Callable[[Secret], str]) -> Broker:
    """The adapter of one account, by entry point, with its secrets resolved."""
    known = {point.name: point for point in entry_points(group="tradingd.adapters")}
    if account.broker not in known:
        raise Misconfigured(
            f"accounts.{name}.broker: no adapter {account.broker!r} (known: {', '.join(sorted(known))})"
        )
    adapter = known[account.broker].load()
    module = sys.modules[adapter.__module__]
    table = {key: secrets(value) if isinstance(value, Secret) else value for key, value in account.settings.items()}
    try:
        own: Any = settings(module.Settings, table, f"accounts.{name}.settings")
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    broker: Broker = adapter(env, AccountId(name), own)
    return broker


def instrument_of(config: Config) -> Callable[[Instrument], Instrument]:
    """The broker's word on an instrument, with the operator's corrections."""

    def corrected(raw: Instrument) -> Instrument:
        own = config.instruments.get(raw.symbol)
        if own is None:
            return raw
        changes = {f: getattr(own, f) for f in own.__struct_fields__ if getattr(own, f) is not None}
        return msgspec.structs.replace(raw, **changes)

    return corrected


def web_settings(config: WebConfig, secrets: Callable[[Secret], str]) -> WebSettings:
    """The web's own settings; lasting tokens are kept as hashes only."""
    tokens = []
    for name, token in config.tokens.items():
        digest = sha256(secrets(token.token).encode()).hexdigest() if token.token is not None else token.sha256
        tokens.append(TokenHash(name=name, role=token.role, sha256=digest))
    return WebSettings(enabled=config.enabled, host=config.host, port=config.port, tokens=tuple(tokens))


def revealed(secret: Secret) -> str:
    """A secret's value, for the one call that must send it. Raises Misconfigured naming the reference, never the value."""
    try:
        return secret.reveal(os.environ).value()
    except SecretMissing as error:
        raise Misconfigured(str(error)) from None


def house_of(
    env: Env, config: Config, directory: Path, brokers: Mapping[AccountId, Broker], *, instance: str, build: str,
    strategies: tuple[Loaded, ...] | None = None,
) -> House:  # fmt: skip
    """Journal opened and folded, rooms wired. strategies: by default those the configuration names. Raises Broken (damage, a second
    daemon, a file system that forgets)."""
    if strategies is None:
        strategies = strategies_of(config)
    accounts = {AccountId(name): account for name, account in config.accounts.items()}
    rules = {name: rules_of(config, account, strategies, brokers[name].quirks) for name, account in accounts.items()}
    journal = JournalSettings(
        segment_bytes=config.journal.segment_bytes, force=config.journal.force_fs, state_schema=SNAPSHOT_SCHEMA
    )
    nonce = "0" * 32 if env.boot_id == "replay" else env.rng.token(16)
    genesis = Genesis(instance=instance, nonce=nonce, build=build, config=config_hash(config))
    return open_house(
        env, str(directory / "journal"), genesis=genesis, journal_settings=journal, rules=rules, brokers=brokers,
        settings=config.house, currencies={name: account.currency for name, account in accounts.items()},
        instrument=instrument_of(config), snapshot_every=config.journal.snapshot_every,
        free_min_bytes=config.journal.free_min_bytes,
    )  # fmt: skip


def almanac_of(house: House, config: Config, base: Path) -> Almanac | None:
    """The operator's files, told to the accounts of a house; None when there are none. base: where the configuration lies."""
    if config.files == FilesSettings():
        return None
    accounts = {a: Known(m.book, m.rules, m.broker.quirks.tells_actions) for a, m in house.members.items()}
    almanac = Almanac(house.env, config.files, str(base), house.offer, accounts)
    for member in house.members.values():
        member.link.almanac = almanac
    house.schedule.add("files", LOOK_S, almanac.look)
    return almanac


def notify_of(
    env: Env, config: Config, house: House, secrets: Callable[[Secret], str], *, dial: Dial | None = None
) -> Notify | None:
    """The room that tells people, None when no channel is configured. Its tasks run with the house. dial: makes what sends, by
    default as the configuration says. Raises Misconfigured."""
    if not config.notify or not house.members:
        return None
    channels = channels_of(env, config.notify, config.mode, secrets, RealClock().wall, dial)
    books = {account: member.book.booked for account, member in house.members.items()}
    room = Notify(env, house.journal, house.recovery.directory, books, house.offer, channels)
    room.open()
    house.rooms.extend(room.tasks)
    return room


# running ------------------------------------------------------------------------------------------------------------------


class Daemon:
    """One life of `tradingd run`. clock: wall time may follow the venue's in demo mode, where prices are of long ago.   base: where
    relative names of files are meant from."""

    def __init__(
        self, config: Config, directory: Path, overrides: Sequence[Override] = (), *, failpoint: str | None = None,
        read: Callable[[], Config] | None = None, base: Path | None = None,
    ) -> None:  # fmt: skip
        self.base = base or Path.cwd()
        self.config = config
        self.directory = directory.absolute()
        self.overrides = overrides
        self._read = read
        self.clock = FollowClock() if config.mode == "demo" else SteadyClock(RealClock())
        self.env = RealEnv(clock=self.clock, failpoint=failpoint)
        self.build = build_hash()
        self.almanac: Almanac | None = None
        self.tape: Tape | None = None
        self.stopping = asyncio.Event()
        self.why = "stopped by the operator"

    async def run(self) -> int:
        """Until stopped; 0 after a clean stop. Raises Broken before anything traded when it may not start, later (in a group) when
        it must not go on."""
        try:
            brokers = {
                AccountId(name): broker_of(self.env, name, account, revealed)
                for name, account in self.config.accounts.items()
            }
            house = house_of(
                self.env, self.config, self.directory, brokers, instance=self._instance(), build=self.build
            )
            self.almanac = almanac_of(house, self.config, self.base)
            for member in house.members.values():
                member.link.real_time = self.config.mode != "demo"
            self.tape = attach(house, self.config, str(self.directory), build=self.build)
            try:
                await self._live(house)
            finally:
                await house.journal.close()
                if self.tape is not None:
                    self.tape.close()
        finally:
            await self.env.aclose()
        log.info("daemon.stopped", why=self.why)
        return 0

    async def _live(self, house: House) -> None:
        if isinstance(self.clock, FollowClock):
            self._follow(self.clock, house)
        notify = notify_of(self.env, self.config, house, revealed)
        monitor = LagMonitor(self.env, on_alert=_stalled, on_warn=lambda _lag: house.metrics.stalled("warn"))
        monitor.start()
        watch_lag(house, monitor)
        reload = Reload(self.config, house, self._read)
        desk = HouseDesk(
            house, mode=self.config.mode, build=self.build, config=config_hash(self.config),
            config_text=describe(self.config), alive=lambda: monitor.alive(5.0), shutdown=self.stop,
            started=self.env.clock.wall(), reload=reload, notify=notify,
        )  # fmt: skip
        reload.on_change = desk.reconfigured
        if self.tape is not None:
            reload.on_adopt = self.tape.adopted
            house.schedule.add("parity", NIGHTLY_S, Nightly(house, parity_of(str(self.directory))).look)
        if self.almanac is not None:
            reload.on_read = self.almanac.reread
        if self.config.drop.dir:
            drop = str(self.directory / self.config.drop.dir)
            watch_drop(self.env, desk.counter, drop, self.config.drop.every_s, house.schedule.add)
        self._signals(house, reload)
        for override in self.overrides:
            log.info("config.override", key=override.key, variable=override.variable)
        log.info(
            "journal.open", records=house.journal.seq, cut_bytes=house.recovery.cut_bytes, directory=str(self.directory)
        )
        house.start(self.config.mode, self.build, config_hash(self.config))
        try:
            await self._serve(house, desk)
        finally:
            monitor.stop()

    async def _serve(self, house: House, desk: HouseDesk) -> None:
        served = await serve(
            self.env, desk, web_settings(self.config.web, revealed), socket_path=str(self.directory / SOCKET),
            metrics=house.metrics,
        )  # fmt: skip
        log.info("daemon.running", page=served.url or "off", socket=str(self.directory / SOCKET))
        try:
            await house.run(self.stopping, lambda: self.why)
        finally:
            desk.broken(Broken("the daemon ended before the answer was durable: ask the journal"))
            await served.aclose()

    def _instance(self) -> str:
        return f"tradingd-{self.config.mode}"

    def _follow(self, clock: FollowClock, house: House) -> None:
        """Wall time is the newest event's, and never before what the journal knows."""
        clock.set(max((m.book.booked.last_ts for m in house.members.values()), default=0))
        house.inbox.watch_time(clock.set)

    def stop(self, why: str) -> None:
        self.why = why
        self.stopping.set()

    def _signals(self, house: House, reload: Reload) -> None:
        """TERM and INT stop cleanly; USR1 closes the send gate at once, even when the loop hangs, then halts (G15)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, number.name)
        loop.add_signal_handler(signal.SIGHUP, _hangup, reload)
        signal.signal(signal.SIGUSR1, lambda _n, _f: self._kill_switch(house, loop))

    def _kill_switch(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        for member in house.members.values():
            member.dispatch.halted = True
        command = Command(
            ts=self.env.clock.wall(),
            id=f"usr1-{self.env.clock.mono()}",
            verb=Verb.HALT,
            actor="signal USR1",
            reason="SIGUSR1",
        )
        loop.call_soon_threadsafe(house.offer, command)


def _hangup(reload: Reload) -> None:
    answer = reload("signal HUP")
    if answer.refused:
        log.error("config.reload_refused", why=answer.text)


def watch_lag(house: House, monitor: LagMonitor, *, every_s: float = 5.0) -> None:
    """Show the longest lag of the loop. every_s: by the house's clock."""

    async def note() -> None:
        house.metrics.loop_lag(monitor.take_peak())

    house.schedule.add("lag", every_s, note)


def _stalled(lag: float, stack: str) -> None:
    log.error("loop.stalled", seconds=round(lag, 3), stack=stack)


def run(
    config: Config, *, directory: Path, overrides: Sequence[Override] = (), read: Callable[[], Config] | None = None,
    base: Path | None = None,
) -> int:  # fmt: skip
    """`tradingd run`: the exit code, 0 after a clean stop, 70 after a fault of ours, whose trace is logged. read: reads the
    configuration again, for a reload. Raises Broken (Misconfigured, JournalLocked ...) and OSError for the CLI to name."""
    set_up(mode=config.mode)
    return uvloop.run(_run(Daemon(config, directory, overrides, read=read, base=base)))


async def _run(daemon: Daemon) -> int:
    code = FAULT
    try:
        async with anyio.create_task_group():  # so that whatever ends it comes as a group
            code = await daemon.run()
    except BaseExceptionGroup as group:
        for known in (Misconfigured, Broken, OSError):
            part = group.subgroup(known)
            if part is not None:
                log.critical("daemon.broken", why=str(_first(part)))
                raise _first(part) from group
        fault = _first(group)
        log.critical("daemon.fault", what=f"{type(fault).__name__}: {fault}", trace="".join(format_exception(group)))
    return code


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
