"""The desk: what the web and the control socket may ask of the house, and the answers' shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry

from tradingd.core.events import Command, MarketEvent, Recommendation
from tradingd.core.facts import Decided
from tradingd.core.views.lots import LotsView
from tradingd.core.views.page import Page
from tradingd.shell.intake.schema import Told

LATEST = 2**63 - 1


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


class Counter(Protocol):
    """Where ideas and news from outside are handed in. Source: E1, E12."""

    async def take(self, offered: Sequence[Recommendation]) -> Sequence[Told]:
        """Have them decided; each answer is given when it is durable, in the order of `offered`. Raises NotReady."""

    async def find(self, source: str, ident: str) -> Told | None:
        """What became of one."""

    async def happened(self, event: MarketEvent) -> Answer:
        """Tell every account; returns when it is durable."""


class NotReady(Exception):
    """Nothing was taken: an account does not know its instruments yet, and would refuse for good what it will know in a moment."""


class Desk(Protocol):
    """Implemented by the house; used by web and control handlers. None of these blocks the loop."""

    registry: CollectorRegistry

    @property
    def counter(self) -> Counter: ...

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
        self,
        *,
        symbol: str | None,
        outcome: str | None,
        limit: int,
        before: int | None,
        since: int = 0,
        until: int = LATEST,
    ) -> Sequence[Decided]:
        """Latest first; `before` is a decision seq.   since, until: ns, until itself left out."""

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
