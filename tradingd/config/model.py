"""The sections of tradingd.toml that no other room owns, and the whole that composes all rooms' Settings.

Each struct's field names carry the unit a bare number has; text may carry its own ("2%", "15m", "500 USD", "16 MiB").
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal

import msgspec

from tradingd.config.secret import Secret
from tradingd.core.types import Money, TierName

AccountMode = Literal["observe", "trade"]
Role = Literal["viewer", "trader", "operator"]
ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")  # J12: ids become parts of order ids and of file names
SYMBOL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def _above_zero(settings: msgspec.Struct, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name} must be > 0")


class StateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """dir: where journal, snapshots and control.sock lie; relative to the file of the configuration. One daemon per directory."""

    dir: str = "tradingd-state"

    def __post_init__(self) -> None:
        if not self.dir or "\0" in self.dir:
            raise ValueError("dir must name a directory")


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """segment_bytes: a new file beyond that size, 16 KiB .. 4 GiB.   snapshot_every: facts between snapshots, >= 100.
    force_fs: run although the file system is not fit for a journal (B17); refused in live mode.   free_min_bytes: entries stop
    when its file system has less room (B8), 0 never stops them."""

    segment_bytes: int = 64 << 20
    snapshot_every: int = 50_000
    force_fs: bool = False
    free_min_bytes: int = 256 << 20

    def __post_init__(self) -> None:
        if self.free_min_bytes < 0:
            raise ValueError("free_min_bytes must be >= 0 (0 switches it off)")
        if not 16 << 10 <= self.segment_bytes <= 4 << 30:
            raise ValueError("segment_bytes must be between 16 KiB and 4 GiB")
        if self.snapshot_every < 100:
            raise ValueError("snapshot_every must be at least 100 facts")


class FilesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator knows and no venue tells, as CSV; "" is none; relative to the file of the configuration. earnings: dates of
    reports.   actions: splits and dividends, for accounts whose broker does not tell them.   history: a directory of daily bars,
    one file a symbol."""

    earnings: str = ""
    actions: str = ""
    history: str = ""

    def __post_init__(self) -> None:
        for name in ("earnings", "actions", "history"):
            if "\0" in getattr(self, name):
                raise ValueError(f"{name} must name a file")


class TicksSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tape: all that is stepped, in order, so that it can be replayed and checked (T1, J5). record: keep one, in
    `ticks` in the state directory; off by default, for it grows with the quotes (some 20 bytes each).   keep_days: older tapes of
    earlier runs go, 1 .. 3650.   keep_bytes: of all tapes, at least 1 MiB, beyond it the oldest go; a run whose beginning went can
    not be replayed any more."""

    record: bool = False
    keep_days: float = 14.0
    keep_bytes: int = 4 << 30

    def __post_init__(self) -> None:
        if not 1 <= self.keep_days <= 3650:
            raise ValueError("keep_days must be 1 .. 3650")
        if self.keep_bytes < 1 << 20:
            raise ValueError("keep_bytes must be at least 1 MiB")


TIMER_MAX_S = 7_200.0


class HouseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rhythms of the daemon. timer_s: how often time passes for the core, seconds, at most two hours.   positions_s, orders_s:
    polling reconciliation while healthy (B6).   snapshot_s: how often is looked whether a snapshot is due.   crash_loop_starts:
    unclean starts within crash_loop_window_s that end in a halt (H6), 0 switches it off."""

    timer_s: float = 5.0
    positions_s: float = 30.0
    orders_s: float = 5.0
    snapshot_s: float = 5.0
    crash_loop_starts: int = 3
    crash_loop_window_s: float = 900.0

    def __post_init__(self) -> None:
        _above_zero(self, "timer_s", "positions_s", "orders_s", "snapshot_s", "crash_loop_window_s")
        if self.timer_s > TIMER_MAX_S:  # a day that ends must be closed before the next one opens
            raise ValueError(f"timer_s must be at most {TIMER_MAX_S:.0f} s")
        if self.crash_loop_starts < 0:
            raise ValueError("crash_loop_starts must be >= 0")


class TokenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One lasting HTTP token: its SHA-256 in hex, or a reference to the token itself."""

    role: Role = "viewer"
    sha256: str = ""
    token: Secret | None = None

    def __post_init__(self) -> None:
        if bool(self.sha256) == (self.token is not None):
            raise ValueError("give either sha256 or token, one of the two")
        if self.sha256 and _SHA256.match(self.sha256) is None:
            raise ValueError("sha256 must be 64 small hex digits (printf %s TOKEN | sha256sum)")


class DropSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recommendations by files (E1). dir: where they are put, on a local disk; relative to the state directory, "" is off.
    every_s: how often is looked, seconds, > 0."""

    dir: str = ""
    every_s: float = 1.0

    def __post_init__(self) -> None:
        _above_zero(self, "every_s")
        if "\0" in self.dir:
            raise ValueError("dir must name a directory")


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page and its API. host: a loopback address.   port: 0 takes any free one.   tokens: by name (H5)."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8787
    tokens: dict[str, TokenSettings] = {}

    def __post_init__(self) -> None:
        if self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("host must be 127.0.0.1, ::1 or localhost: the page is reached from elsewhere by ssh -L")
        if not 0 <= self.port <= 65535:
            raise ValueError("port must be 0 .. 65535")


class StartSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """name: the risk tier an account starts with; the daily evaluation moves it from there (E2)."""

    name: TierName = TierName.CONSERVATIVE


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """settings: handed to the strategy's own Settings, which checks them."""

    enabled: bool = True
    settings: dict[str, Any] = {}


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One broker account; its key is the account id the broker itself reports (H13).

    broker: name of an adapter.   mode: "observe" never sends an order.   capital: starting cash of a simulated account,
    > 0.   currency: of the account.   settings: handed to the adapter.
    """

    broker: str = "sim"
    mode: AccountMode = "trade"
    capital: Money = Money(Decimal(100_000))
    currency: str = "USD"
    settings: dict[str, Any] = {}

    def __post_init__(self) -> None:
        _above_zero(self, "capital")
        if re.fullmatch(r"[A-Z]{3}", self.currency) is None:
            raise ValueError('currency must be three capital letters, like "USD"')
        if ID.match(self.broker) is None:
            raise ValueError("broker must be the name of an adapter")


class InstrumentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to believe instead of the broker's word on one instrument; None keeps the broker's. tick, lot, multiplier: > 0."""

    tick: Decimal | None = None
    lot: Decimal | None = None
    multiplier: Decimal | None = None
    currency: str | None = None
    sector: str | None = None
    calendar: str | None = None
    tradable: bool | None = None
    shortable: bool | None = None

    def __post_init__(self) -> None:
        for name in ("tick", "lot", "multiplier"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be > 0")
