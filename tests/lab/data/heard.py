"""What the tests of recordings share: things a daemon heard, and what a recording makes of them."""

from collections.abc import Iterable
from typing import Any

from tradingd.core.events import Bar, Quote, Split
from tradingd.core.inputs import Began, Input, Learned
from tradingd.core.types import NS, AccountId, Instrument, Symbol
from tradingd.lab.data.kinds import Kind
from tradingd.lab.data.recording import Recording

ACCOUNT = AccountId("a")
DAY = 86_400 * NS
OPEN = 1_220_362_200 * NS  # 2008-09-02, 13:30 UTC: the exchange opens
CLOSE = OPEN + 23_400 * NS
Rows = dict[tuple[str, str], list[tuple[Any, ...]]]  # (kind, symbol) -> rows, ts first


def began(ts: int = OPEN, config: str = "x = 1") -> Began:
    return Began(ts=ts, seq=0, head="", build="b", config=config, venues={})


def learned(ts: int = OPEN, *symbols: str) -> Learned:
    known = tuple(Instrument(symbol=Symbol(each)) for each in symbols or ("A", "B"))
    return Learned(ts=ts, account=ACCOUNT, instruments=known)


def quote(ts: int, bid: float = 10.0, symbol: str = "A", *, recv: int = 0, source: str = "sim") -> Quote:
    return Quote(Symbol(symbol), bid, bid + 0.01, ts, bid_size=100.0, ask_size=200, recv_ts=recv, source=source)


def bar(ts: int, close: float = 10.0, span_s: int = 86_400, symbol: str = "A", *, history: bool = False) -> Bar:
    return Bar(
        ts=ts, symbol=Symbol(symbol), span_s=span_s, open=close, high=close + 1, low=close - 1, close=close, volume=1000.0,
        history=history,
    )  # fmt: skip


def split(ts: int, ratio: float = 2.0, name: str = "s1", symbol: str = "A", **more: Any) -> Split:
    return Split(ts=ts, symbol=Symbol(symbol), ratio=ratio, action_id=name, **more)


def taken(recording: Recording, *tapes: Iterable[Input]) -> Rows:
    """What all of these tapes give, one after another, as a store would have it."""
    kept: Rows = {}

    def stored(kind: Kind, symbol: str) -> list[tuple[Any, ...]]:
        return kept.get((kind.name, symbol), [])

    for tape in tapes:
        for heard in tape:
            recording.take(heard)
        for found, whole in ((recording.rows(), False), (recording.rest(stored), True)):
            for kind, blocks in found.items():
                for symbol, (columns, _) in blocks.items():
                    rows = list(zip(*(columns[name].tolist() for name in ("ts", *kind.columns)), strict=True))
                    kept[kind.name, symbol] = rows if whole else [*stored(kind, symbol), *rows]
    return kept
