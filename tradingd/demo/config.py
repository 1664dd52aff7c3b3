"""The demo's embedded configuration."""

from __future__ import annotations

from importlib.resources import files

from msgspec.structs import replace

from tradingd.config import Config, load_text


def demo_config(*, record: bool = False) -> Config:
    """The rules of the demo: package data, nothing to install or write. record: with a tape."""
    text = files("tradingd").joinpath("data", "demo.toml").read_text(encoding="utf-8")
    config = load_text(text, name="demo.toml").config
    return replace(config, ticks=replace(config.ticks, record=True)) if record else config
