"""What `tradingd demo` was asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec

PORT = 8787


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """begin, end: first and last day of the replay, ISO.   speed: seconds of session time in one real second, None = as fast as
    it goes.   exit: end with the replay instead of keeping the page up.   port: of the page, 0 = any free one, None = PORT or,
    when that is taken, any free one.
    kills: how often, with crash.   record: keep a tape as well, for `parity` and `replay`.   dir: where the journal is made
    anew."""

    begin: str = "2008-01-02"
    end: str = "2008-12-31"
    speed: float | None = 100_000.0
    exit: bool = False
    json: bool = False
    port: int | None = None
    crash: bool = False
    kills: int = 200
    record: bool = False
    dir: Path = Path("tradingd-demo")
