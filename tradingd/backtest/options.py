"""What `tradingd backtest` was asked for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

DEMO = "demo"
FEE_MAX = 1_000_000


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's side of it; docs/guide/backtest.md has the formulas. spread_bps: of prints and bars that are shown as quotes,
    0 .. 1000.   slippage_bps: on top of every shown price that is taken, 0 .. 1000.   latency_in_ms, latency_out_ms: of an order to
    the venue and of its word back, 0 .. 60,000.   fee_per_share, fee_minimum: account currency, 0 .. FEE_MAX, a share or contract,
    an order.   fee_bps, fee_maximum_bps: of an order's value, 0 .. 1000, the maximum 0 for none.
    size_share: of the volume that bars show, above 0 and at most 1.   interest_pct, credit_pct, borrow_pct: a year, on cash below
    zero, above it, and on what was sold short, 0 .. 100."""

    spread_bps: float = 2.0
    slippage_bps: float = 0.0
    latency_in_ms: float = 2.0
    latency_out_ms: float = 2.0
    fee_per_share: Decimal = Decimal("0.005")
    fee_minimum: Decimal = Decimal("1.00")
    fee_bps: float = 0.0
    fee_maximum_bps: float = 0.0
    size_share: float = 0.1
    interest_pct: float = 0.0
    credit_pct: float = 0.0
    borrow_pct: float = 0.0

    def __post_init__(self) -> None:
        for name in ("spread_bps", "slippage_bps", "fee_bps", "fee_maximum_bps"):
            if not 0 <= getattr(self, name) <= 1000:
                raise ValueError(f"--{name.replace('_', '-')} must be 0 .. 1000")
        for name in ("latency_in_ms", "latency_out_ms"):
            if not 0 <= getattr(self, name) <= 60_000:
                raise ValueError(f"--{name.replace('_', '-')} must be 0 .. 60000")
        for name in ("fee_per_share", "fee_minimum"):
            value = getattr(self, name)
            if not (value.is_finite() and 0 <= value <= FEE_MAX):
                raise ValueError(f"--{name.replace('_', '-')} must be 0 .. {FEE_MAX}")
        for name in ("interest_pct", "credit_pct", "borrow_pct"):
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"--{name.replace('_', '-')} must be 0 .. 100")
        if not 0 < self.size_share <= 1:
            raise ValueError("--size-share must be above 0 and at most 1")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """data: "demo" for what is shipped, or the folder of a store.   begin, end: ISO days, both included, "" for as far as the data
    goes.   symbols: () for all.   capital: as the configuration writes money, "" leaves it.   tier: "" leaves it.
    strategies: "NAME" or "NAME:key=value,...", () for those of the configuration.   sets: "key=value" of the configuration.
    config: its file, None for one that is shipped.   account: whose rules, "" for the only one.   out: the result's folder, None
    for a fresh one.   report: where else the page is written.   warm_up_days: of data before `begin` that is only learned from,
    >= 0.   dense: no quote is passed over, whether it can matter or not.   check_triggers: none is, and strategies are held to what
    they declare.   varied: as `sets`, over all else; a sweep's.   files, notes: what `data` was made of as it was named, and what
    became of it there; () where it was there before.   rules: the text that stands in for `config` where that is None, "" for
    what is shipped.   page, progress: whether they are shown."""

    data: str = DEMO
    begin: str = ""
    end: str = ""
    symbols: tuple[str, ...] = ()
    capital: str = ""
    tier: str = ""
    strategies: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    config: Path | None = None
    account: str = ""
    out: Path | None = None
    report: Path | None = None
    warm_up_days: int = 180
    costs: Costs = Costs()
    dense: bool = False
    check_triggers: bool = False
    varied: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rules: str = ""
    page: bool = True
    progress: bool = True

    @property
    def named(self) -> str:
        """What the data is called in a result: as the operator named it."""
        return ", ".join(self.files) or self.data
