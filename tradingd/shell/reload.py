"""A new configuration under a running daemon: all of it or nothing of it (H1, H6)."""

from __future__ import annotations

from collections.abc import Callable

from tradingd.config import Config, ConfigError, config_hash, describe, diff
from tradingd.core.events import ConfigLoaded
from tradingd.core.rules import Rules
from tradingd.core.types import TierName
from tradingd.shell.house import House
from tradingd.shell.logs import log
from tradingd.shell.web.desk import Answer


class Reload:
    """config: in force now.   read: reads the file again, None where there is none; its ConfigError is an answer, no fault.
    on_change: told hash and text of a configuration that came into force."""

    def __init__(self, config: Config, house: House, read: Callable[[], Config] | None) -> None:
        self.config = config
        self.house = house
        self.on_change: Callable[[str, str], None] = lambda _config, _text: None
        self.on_adopt: Callable[[str], None] = lambda _text: None  # told right before the rules change
        self.on_read: Callable[[], None] = lambda: None  # asked to read again: what else lies in files
        self._read = read

    def __call__(self, actor: str) -> Answer:
        """It takes effect between two events and is journaled; refused with the reason, nothing has changed."""
        self.on_read()
        if self._read is None:
            return _no("there is no file to read again")
        try:
            new = self._read()
        except ConfigError as error:
            return _no(f"the configuration is wrong, the old one stays:\n{error}")
        changes = diff(self.config, new)
        fixed = [change.key for change in changes if change.effect == "restart"]
        if fixed:
            return _no(f"{', '.join(fixed)}: only a restart can change that; nothing was changed")
        tight = _too_tight(self.house, new)
        if tight:
            return _no(f"{'; '.join(tight)}: lower than what is held now; nothing was changed")
        if not changes:
            return Answer(command_id="", verb="reload", refused=False, text="no difference")
        self._adopt(new, actor, tuple((c.key, c.before or "", c.after or "") for c in changes))
        text = f"{len(changes)} keys changed: {', '.join(c.key for c in changes)}"
        return Answer(command_id="", verb="reload", refused=False, text=text)

    def _adopt(self, new: Config, actor: str, told: tuple[tuple[str, str, str], ...]) -> None:
        house = self.house
        self.config = new
        self.on_adopt(describe(new))
        for member in house.members.values():
            adopt(member.rules, new)
        house.offer(ConfigLoaded(ts=house.env.clock.wall(), actor=actor, config=config_hash(new), changes=told))
        house.engine.pump()
        self.on_change(config_hash(new), describe(new))
        log.info("config.reloaded", actor=actor, changes=told)


def adopt(rules: Rules, config: Config) -> None:
    """Put the sections that may change under a running daemon in force (LIVE_SECTIONS of the configuration)."""
    rules.gate, rules.sizer, rules.stops, rules.reserve = config.risk, config.sizer, config.stops, config.reserve
    rules.breaker, rules.window, rules.intake, rules.entry = config.breaker, config.window, config.intake, config.entry
    rules.tier, rules.correlation, rules.adaptive = config.tiers, config.correlation, config.adaptive
    rules.micro, rules.rebalance = config.micro, config.rebalance
    rules.tiers = {name: config.tiers.of(name) for name in TierName}


def _no(why: str) -> Answer:
    return Answer(command_id="", verb="reload", refused=True, text=why)


def _too_tight(house: House, config: Config) -> list[str]:
    """Limits of a new configuration that what is held now already breaks (H1): they would only refuse, never reduce."""
    found = []
    for member in house.members.values():
        book = member.book
        equity = book.equity if book.equity > 0 else 1.0
        largest = max((book.symbol_value(symbol) / equity for symbol in book.held()), default=0.0)
        sector = max((value / equity for value in book.values().values()), default=0.0)
        for name, used, limit in (
            ("risk.max_position_pct", largest, config.risk.max_position_pct),
            ("risk.max_sector_pct", sector, config.risk.max_sector_pct),
            ("risk.max_open_positions", len(book.held()), config.risk.max_open_positions),
        ):
            if used > limit and limit < getattr(member.rules.gate, name.partition(".")[2]):
                found.append(f"{name} {limit:g} ({member.account} uses {used:.4g})")
    return found
