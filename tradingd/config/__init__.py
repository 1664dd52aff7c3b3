"""The configuration: typed sections, one value, messages that name the key. It only composes what the rooms own."""

from tradingd.config.convert import settings
from tradingd.config.load import FILE, ConfigError, Loaded, find_file, load, load_text
from tradingd.config.model import (
    AccountSettings,
    InstrumentSettings,
    JournalSettings,
    StartSettings,
    StateSettings,
    StrategySettings,
    TokenSettings,
    WebSettings,
)  # fmt: skip
from tradingd.config.notify import ChannelSettings
from tradingd.config.secret import Revealed, Secret, SecretMissing
from tradingd.config.show import Change, config_hash, describe, diff
from tradingd.config.sources import Override
from tradingd.config.whole import Config

__all__ = [
    "FILE", "AccountSettings", "Change", "ChannelSettings", "Config", "ConfigError", "InstrumentSettings", "JournalSettings",
    "Loaded", "Override", "Revealed", "Secret", "SecretMissing", "StartSettings", "StateSettings", "StrategySettings",
    "TokenSettings", "WebSettings", "config_hash", "describe", "diff", "find_file", "load", "load_text", "settings",
]  # fmt: skip
