"""The demo's embedded configuration."""

from __future__ import annotations

from importlib.resources import files

from tradingd.config import Config, load_text


def demo_config() -> Config:
    """The rules of the demo: package data, nothing to install or write."""
    return load_text(
        files("tradingd").joinpath("data", "demo.toml").read_text(encoding="utf-8"), name="demo.toml"
    ).config
