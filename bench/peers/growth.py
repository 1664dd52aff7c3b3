"""What an order costs late in a long run, over what it costs early: `python -m bench.peers.growth --orders 1000000`.

Ten instruments are quoted in turn, ten quotes a second, through one session after another; each is bought when flat and sold when
held, so every quote is an order, decided, journaled as facts and filled.
"""

import argparse
import gc
import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.peers.market import DAY, EDGE, SYMBOLS, instruments, past
from bench.peers.rig import rigged
from tradingd.core.events import Action, Bar, Quote
from tradingd.core.facts import AnyFact, OrderIntended
from tradingd.core.signals.strategy import Signal, View
from tradingd.core.types import NS, Instrument, Leg, Symbol
from tradingd.shell.identity import session_table
from tradingd_adapters.sim.market import Item, SessionClose, SessionOpen

STEP = NS // 10
BLOCK = 10_000  # orders whose cost is taken, at the beginning and at the end


class Flip:
    """Buys what is flat and sells what is held, at each quote."""

    class Settings(msgspec.Struct, frozen=True):
        pass

    State = int
    WANTS = frozenset({Quote})

    def initial(self, _: Any) -> int:
        return 0

    def decide(self, _: Any, state: int, view: View, quote: Quote) -> tuple[int, tuple[Signal, ...]]:
        action = Action.SELL if view.qty(quote.symbol) else Action.BUY
        said = Signal(symbol=quote.symbol, action=action, confidence=0.9, thesis="in or out", key=str(quote.ts))
        return state, (said,)


class Turning:
    """The quotes: `count` of them, no more of a session than its entry window holds."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._n = 0

    def instruments(self) -> list[Instrument]:
        return instruments(len(SYMBOLS))

    def items(self) -> Iterator[Item]:
        table = session_table("XNYS")
        session = table.session(DAY)
        while session is not None and self._left:
            yield Item(session.open_ns, SessionOpen(session.date, session.close_ns))
            ts, last = session.open_ns + EDGE + STEP, session.close_ns - EDGE
            while ts <= last and self._left:
                yield Item(ts, self._quote(ts))
                ts += STEP
            yield Item(session.close_ns, SessionClose(session.date))
            session = table.next_after(session.open_ns)

    def _quote(self, ts: int) -> Quote:
        self._left -= 1
        self._n += 1
        i = self._n % len(SYMBOLS)
        mid = 1000.0 + 100 * i + 0.01 * (self._n // len(SYMBOLS) % 7)
        return Quote(SYMBOLS[i], mid - 0.01, mid + 0.01, ts, bid_size=100, ask_size=100, seq=self._n, recv_ts=ts)

    def history(self, symbol: Symbol, n: int, asof: int) -> list[Bar]:
        first = session_table("XNYS").session(DAY)
        assert first is not None
        return past(symbol, first.open_ns)[-n:]


class Costs:
    """CPU seconds at each `block` orders, in `at`."""

    def __init__(self, block: int) -> None:
        self._block = block
        self.orders = 0
        self.at = [time.process_time()]

    def take(self, facts: tuple[AnyFact, ...]) -> None:
        for fact in facts:
            if type(fact) is OrderIntended and fact.order.leg is not Leg.PROTECT:
                self.orders += 1
                if self.orders % self._block == 0:
                    self.at.append(time.process_time())


def grown(orders: int, block: int = BLOCK) -> dict[str, Any]:
    """us of CPU an order costs in the second block and in the last, and their ratio. orders: a multiple of block, three at least;
    the first block fills caches and is not counted. ValueError for others."""
    if orders < 3 * block or orders % block:
        raise ValueError(f"orders must be a multiple of {block}, at least {3 * block}, not {orders}")
    costs = Costs(block)
    run = rigged(Turning(orders), Flip(), Flip.Settings(), costs.take)
    gc.collect()
    gc.disable()
    assert run.drive()
    gc.enable()
    assert costs.orders >= orders, f"{costs.orders} of {orders} orders"
    early, late = costs.at[2] - costs.at[1], costs.at[orders // block] - costs.at[orders // block - 1]
    return {
        "orders": orders, "early_us": early / block * 1e6, "late_us": late / block * 1e6, "ratio": late / early,
        "whole_s": costs.at[-1] - costs.at[0],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.growth", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--block", type=int, default=BLOCK, metavar="N")
    args = parser.parse_args()
    print(json.dumps(grown(args.orders, args.block)), flush=True)


if __name__ == "__main__":
    main()
