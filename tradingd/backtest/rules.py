"""The configuration a run goes by: the operator's or the shipped one, changed by the options, and judged as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

from tradingd.backtest.options import DEMO, Options
from tradingd.config import Config, ConfigError, load, load_text
from tradingd.config.sources import scalar
from tradingd.core.types import AccountId, TierName
from tradingd.ports import Misconfigured


def configured(options: Options) -> tuple[Config, AccountId]:
    """The effective configuration and the account that is run. Raises Misconfigured naming the option or key, and when no strategy
    is switched on."""
    plain = _load(options, {})
    account = _account(options, plain)
    config = _load(options, _flags(options, plain, account))
    if not any(asked.enabled for asked in config.strategies.values()):
        raise Misconfigured(
            f"--strategy: none is switched on, so nothing would be traded; name one of {_list(_installed())}"
        )
    return config, account


def _load(options: Options, flags: Mapping[str, Any]) -> Config:
    try:
        if options.config is not None:
            return load(options.config, environ=os.environ, flags=flags).config
        if options.rules:
            return load_text(options.rules, name="the recorded configuration", flags=flags).config
        name = "demo.toml" if options.data == DEMO else "backtest.toml"
        text = files("tradingd").joinpath("data", name).read_text(encoding="utf-8")
        return load_text(text, name=name, flags=flags).config
    except ConfigError as error:
        raise Misconfigured(str(error)) from None


def _account(options: Options, config: Config) -> AccountId:
    names = list(config.accounts)
    if options.account:
        if options.account not in names:
            raise Misconfigured(
                f"--account {options.account!r} is not configured{_meant(options.account, names)} (known: {_list(names)})"
            )
        return AccountId(options.account)
    if len(names) != 1:
        raise Misconfigured(f"--account: name one of the accounts configured ({_list(names)})")
    return AccountId(names[0])


def _flags(options: Options, config: Config, account: AccountId) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for text in options.sets:
        flags |= _key(text)
    if options.capital:
        flags[f"accounts.{account}.capital"] = scalar(options.capital)
    if options.tier:
        if options.tier not in list(TierName):
            raise Misconfigured(f"--tier {options.tier!r}: one of {_list(TierName)}")
        flags["tier.name"] = options.tier
    if options.strategies:
        flags |= {f"strategies.{name}.enabled": False for name in config.strategies}
        for text in options.strategies:
            flags |= _strategy(text)
    for text in options.varied:
        flags |= _key(text)
    return flags


def _key(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise Misconfigured(f"--set {text!r}: is written key=value, like risk.max_position_pct=5%")
    return {key.strip(): scalar(value.strip())}


def _strategy(text: str) -> dict[str, Any]:
    name, _, settings = text.partition(":")
    known = _installed()
    if name not in known:
        raise Misconfigured(f"--strategy {name!r} is not installed{_meant(name, known)} (known: {_list(known)})")
    flags: dict[str, Any] = {f"strategies.{name}.enabled": True}
    for part in settings.split(",") if settings else ():
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise Misconfigured(f"--strategy {text!r}: settings are written {name}:key=value,key=value")
        flags[f"strategies.{name}.settings.{key.strip()}"] = scalar(value.strip())
    return flags


def _installed() -> list[str]:
    return [point.name for point in entry_points(group="tradingd.strategies")]


def _meant(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
