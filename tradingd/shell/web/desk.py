"""The desk: what the web and the control socket may ask of the house, and the answers' shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry

from tradingd.core.events import Command
from tradingd.core.facts import Decided
from tradingd.core.views.lots import LotsView
from tradingd.core.views.page import Page


class Probe(msgspec.Struct, frozen=True):
    """One line of /readyz."""

    name: str
    ok: bool
    detail: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command. Given only when it is durable. refused: a rule said no, nothing changed."""

    command_id: str
    verb: str
    refused: bool
    text: str
    accounts: tuple[str, ...] = ()


class TestSaid(msgspec.Struct, frozen=True, kw_only=True):
    """How a test notice over one channel ended. status: delivered, failed, rate_limited."""

    channel: str
    status: str
    error: str = ""


class Desk(Protocol):
    """Implemented by the house; used by web and control handlers. None of these blocks the loop."""

    registry: CollectorRegistry

    def page(self) -> Page: ...

    def alive(self) -> bool:
        """The loop turned lately (judged by the loop-lag monitor)."""

    def probes(self) -> Sequence[Probe]:
        """Each condition of readiness; ready when all are ok. Being paused by an operator is ready."""

    async def changed(self, since: int, timeout_s: float) -> Page:
        """The page once its seq is above `since`, or the same page when the time is over."""

    async def command(self, command: Command) -> Answer:
        """Hand a command in; returns when its facts are durable. A halt closes the send gate before it is journaled.
        The same command id twice has one effect and the same answer (J19)."""

    def decisions(
        self, *, symbol: str | None, outcome: str | None, limit: int, before: int | None
    ) -> Sequence[Decided]:
        """Latest first; `before` is a decision seq."""

    def lots(self, *, symbol: str | None) -> Sequence[LotsView]:
        """Tax lots of each account."""

    def now(self) -> int: ...

    def config_text(self) -> str:
        """The running configuration as TOML-like text with secrets left out."""

    async def reload(self, actor: str) -> Answer:
        """Read the configuration again: all of it takes effect and is journaled, or nothing does and the answer says why."""

    async def tell_test(self, channel: str | None, actor: str) -> Sequence[TestSaid]:
        """Send a test notice over one channel, or all of them (None), with one try; empty when there is none of that name."""

    def shutdown(self, reason: str) -> None:
        """Begin a clean stop."""
