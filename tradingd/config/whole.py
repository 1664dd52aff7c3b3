"""The whole configuration as one value, and the rules that tie its sections together."""

from __future__ import annotations

from typing import Literal

import msgspec

from tradingd.config.convert import Faults
from tradingd.config.model import (
    ID,
    SYMBOL,
    AccountSettings,
    DropSettings,
    FilesSettings,
    HouseSettings,
    InstrumentSettings,
    JournalSettings,
    StartSettings,
    StateSettings,
    StrategySettings,
    TicksSettings,
    WebSettings,
)  # fmt: skip
from tradingd.config.notify import ChannelSettings
from tradingd.core.gates.breaker import BreakerSettings
from tradingd.core.gates.correlation import CorrelationSettings
from tradingd.core.gates.gate import GateSettings
from tradingd.core.gates.intake import IntakeSettings
from tradingd.core.gates.reserve import ReserveSettings
from tradingd.core.gates.sizer import SizerSettings
from tradingd.core.gates.stops import StopSettings
from tradingd.core.gates.tiers import TierSettings
from tradingd.core.gates.window import WindowSettings
from tradingd.core.plans.adaptive import AdaptiveSettings
from tradingd.core.rules import (
    EntrySettings,
    MicroSettings,
    PerformanceSettings,
    QuoteSettings,
    RebalanceSettings,
)  # fmt: skip

RunMode = Literal["demo", "paper", "live"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every section. mode: one word, never inferred.   live_confirm: ids of the accounts that may trade real money,
    separated by commas; must name each trading account when mode is live (H13), and is without effect otherwise.
    """

    mode: RunMode
    live_confirm: str = ""
    state: StateSettings = StateSettings()
    journal: JournalSettings = JournalSettings()
    web: WebSettings = WebSettings()
    drop: DropSettings = DropSettings()
    risk: GateSettings = GateSettings()
    tier: StartSettings = StartSettings()
    tiers: TierSettings = TierSettings()
    intake: IntakeSettings = IntakeSettings()
    stops: StopSettings = StopSettings()
    sizer: SizerSettings = SizerSettings()
    reserve: ReserveSettings = ReserveSettings()
    breaker: BreakerSettings = BreakerSettings()
    window: WindowSettings = WindowSettings()
    entry: EntrySettings = EntrySettings()
    quotes: QuoteSettings = QuoteSettings()
    correlation: CorrelationSettings = CorrelationSettings()
    micro: MicroSettings = MicroSettings()
    adaptive: AdaptiveSettings = AdaptiveSettings()
    rebalance: RebalanceSettings = RebalanceSettings()
    performance: PerformanceSettings = PerformanceSettings()
    files: FilesSettings = FilesSettings()
    ticks: TicksSettings = TicksSettings()
    house: HouseSettings = HouseSettings()
    strategies: dict[str, StrategySettings] = {}
    accounts: dict[str, AccountSettings] = {}
    instruments: dict[str, InstrumentSettings] = {}
    notify: dict[str, ChannelSettings] = {}


def cross_check(config: Config, faults: Faults) -> None:
    """What no section can know alone: ids, live trading named twice, one currency where amounts carry one."""
    for name in (*config.accounts, *config.strategies, *config.web.tokens, *config.notify):
        if ID.match(name) is None:
            faults.add(_owner(config, name), "is no usable name: letters, digits, - and _ only, at most 64")
    for symbol in config.instruments:
        if SYMBOL.match(symbol) is None:
            faults.add(f"instruments.{symbol}", "is no usable symbol")
    if config.mode != "demo" and not config.accounts:
        faults.add("accounts", "is missing: name at least one account, like [accounts.my-account]")
    if config.mode == "live":
        _check_live(config, faults)
    currencies = {account.currency for account in config.accounts.values()}
    for path, currency in faults.currencies:
        if currencies and currencies != {currency}:
            faults.add(path, f"is in {currency}, but the accounts are in {', '.join(sorted(currencies))}")


def _owner(config: Config, name: str) -> str:
    return (
        f"accounts.{name}"
        if name in config.accounts
        else f"strategies.{name}"
        if name in config.strategies
        else f"web.tokens.{name}"
        if name in config.web.tokens
        else f"notify.{name}"
    )


def _check_live(config: Config, faults: Faults) -> None:
    confirmed = {part.strip() for part in config.live_confirm.split(",") if part.strip()}
    trading = [name for name, account in config.accounts.items() if account.mode == "trade"]
    missing = [name for name in trading if name not in confirmed]
    if missing:
        faults.add(
            "live_confirm",
            f'mode is live: live_confirm must name each trading account, like live_confirm = "{",".join(trading)}"',
        )
    for name in sorted(confirmed - set(config.accounts)):
        faults.add("live_confirm", f"names {name}, which is no account here")
    for name in trading:
        if config.accounts[name].broker == "sim":
            faults.add(f"accounts.{name}.broker", "is the simulated venue, and mode is live")
    if config.journal.force_fs:
        faults.add("journal.force_fs", "is refused in live mode: put the state directory on a local disk")
