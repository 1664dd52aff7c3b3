"""The ports: what the house asks of the world (Env's seams) and of a broker, and the three families of shell errors.

Everything nondeterministic enters through one `Env` (RELIABILITY 4.2): production builds it in `shell/env`, a simulation
builds its own. A broker is a `Broker`; what differs between brokers is declared in its `Quirks`, never probed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec

from tradingd.core.events import Bar, Event, FillSeen
from tradingd.core.types import (
    AccountId,
    Instrument,
    Money,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    VenueOrderId,
)  # fmt: skip

T = TypeVar("T")


class LinkDown(Exception):
    """The link to the venue is down or the answer did not come: retry the link, never the order."""


class SessionTaken(LinkDown):
    """The venue ended the session because somebody logged in to the same account: perhaps a second daemon (D6, H4)."""


class VenueRefused(Exception):
    """The venue proved that it refused. code: its own word."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text


class Throttled(VenueRefused):
    """Asked too often (429): nothing happened, the session is well, and the same may be asked later (D16)."""


class Broken(Exception):
    """The house is broken (journal, disk, configuration): stop, do not trade on."""


class Misconfigured(Broken):
    """The configuration asks for what cannot be, seen only when it was put into effect: it must be changed before a start."""


# seams ------------------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    def wall(self) -> int:
        """ns since the epoch, UTC; in a replay the replay's time."""

    def mono(self) -> int:
        """ns, never steps back, does not count suspend."""

    def boot(self) -> int:
        """ns, never steps back, counts suspend."""

    async def sleep(self, seconds: float) -> None:
        """Waits on the monotonic clock."""


class Rng(Protocol):
    """Randomness for jitter and tokens, never for a decision."""

    def random(self) -> float: ...

    def token(self, nbytes: int) -> str:
        """Hex of that many random bytes."""


class File(Protocol):
    """An open append-only file on the writer thread."""

    def append(self, data: bytes) -> None:
        """All of it or OSError (short writes and EINTR are completed)."""

    def sync(self) -> None:
        """fdatasync. An OSError is final: never call it again on this file (I10)."""

    def truncate(self, size: int) -> None: ...

    def size(self) -> int: ...

    def identity(self) -> tuple[int, int]:
        """(device, inode) of what the path names now, to notice a file that was replaced under us (B18)."""

    def close(self) -> None: ...


class Disk(Protocol):
    """Synchronous file work, called from the writer thread (`Env.blocking`) or before the loop turns. Paths are absolute."""

    def open_append(self, path: str) -> File: ...

    def read(self, path: str) -> bytes:
        """FileNotFoundError when it is not there."""

    def read_chunks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]: ...

    def read_regular(self, path: str, size_max: int) -> bytes:
        """A file that somebody else put there. OSError ELOOP for a link, EINVAL for anything else that is no regular file, EPERM
        when it is neither ours nor root's nor of the owner of its directory, EFBIG when it is longer than size_max."""

    def write_new(self, path: str, data: bytes) -> None:
        """Write and sync a whole new file (not yet its directory)."""

    def rename(self, src: str, dst: str) -> None: ...

    def unlink(self, path: str) -> None: ...

    def sync_dir(self, path: str) -> None: ...

    def listdir(self, path: str) -> list[str]:
        """Names, sorted; empty when the directory is not there."""

    def mkdir(self, path: str) -> None:
        """Private (0700), parents too; no error when it is there."""

    def lock(self, path: str) -> Callable[[], None] | None:
        """Take the exclusive lock file; its release, or None when somebody else holds it."""

    def free(self, path: str) -> int:
        """Bytes free for us on that file system."""

    def fs_kind(self, path: str) -> str:
        """ "local", "tmpfs", "nfs", "overlay", ... (B17)."""


class Transport(Protocol):
    """One message-framed connection (a websocket)."""

    async def send(self, frame: bytes) -> None:
        """Returns when the bytes are with the kernel; LinkDown when the link is known to be dead. Never retries (A19)."""

    async def receive(self) -> bytes:
        """The next frame; LinkDown when the link ended."""

    async def close(self) -> None: ...


class Net(Protocol):
    async def connect(self, url: str, *, heartbeat_s: float = 5.0, frame_max: int = 1 << 20) -> Transport:
        """LinkDown when it cannot be opened."""


class Env(Protocol):
    clock: Clock
    rng: Rng
    boot_id: str  # changes with each boot of the host; "replay" in a replay
    disk: Disk
    net: Net

    async def blocking(self, fn: Callable[[], T]) -> T:
        """Run fn on the one writer thread; calls are in order."""

    def failpoint(self, name: str) -> None:
        """A named kill point K0..K15 of RELIABILITY A; does nothing unless armed."""

    def sometimes(self, name: str) -> bool:
        """A rare branch a simulation may switch on; always False in production."""


# brokers ----------------------------------------------------------------------------------------------------------------


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker can and cannot, declared. A conformance case is skipped only by pointing to one of these.

    never_after_s: earliest moment at which NOT FOUND by client id proves that an order never arrived, counted from the close
    of the connection it was sent on; 0 when login fences the old connection (A13).
    tells_actions: it tells splits and dividends itself; else the operator's file does.
    order_types, tifs: what it takes natively.   cancel_on_disconnect: it cancels working day orders when the session drops.
    """

    client_order_ids: bool = True
    idempotent_ids: bool = True  # the same id twice is one order
    query_by_id: bool = True
    amend: bool = True
    brackets: bool = False
    partial_fills: bool = True
    reduce_only: bool = False
    protective_stops: bool = True
    tells_actions: bool = True
    fill_cursor: bool = True  # fills carry a running number and can be asked for from there
    cancel_on_disconnect: bool = False
    never_after_s: float = 30.0
    ack_timeout_s: float = 5.0
    silence_s: float = 10.0
    order_types: tuple[OrderType, ...] = tuple(OrderType)
    rate_per_s: float = 50.0


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """One order by the venue's word. status: working, filled, cancelled, expired, rejected."""

    order_id: OrderId  # "" when it is not ours
    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    type: OrderType
    qty: Qty
    cum_qty: Qty
    status: str
    limit: Price | None = None
    stop: Price | None = None
    rev: int = 0
    code: str = ""
    text: str = ""


class PositionsReport(msgspec.Struct, frozen=True, kw_only=True):
    positions: dict[Symbol, Qty]
    cursor: int
    ts: int


class AccountReport(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountId
    currency: str
    cash: Money
    equity: Money
    blocked: bool = False


Sink = Callable[[Event], None]


class Broker(Protocol):
    """One broker session. Calls raise LinkDown (outcome unknown), VenueRefused (proven) or Broken; they never retry.

    The life: `connect` (authenticate and subscribe; from then on events go to the sink, in the venue's order), use,
    `wait_closed` returns the reason when the session ended (or raises SessionTaken), `close`. After that a new `connect` may
    follow.
    """

    name: str
    quirks: Quirks

    async def connect(self, sink: Sink) -> None: ...

    async def wait_closed(self) -> str: ...

    async def close(self) -> None: ...

    async def submit(self, order: Order) -> None:
        """Returns once written; the outcome comes as an event (OrderAccepted, OrderRejected, FillSeen ...)."""

    async def cancel(self, order_id: OrderId) -> None: ...

    async def replace(self, order_id: OrderId, rev: int, qty: Qty, limit: Price | None, stop: Price | None) -> None: ...

    async def query(self, order_id: OrderId) -> OrderReport | None:
        """The venue's word on one order; None = NOT FOUND (proof only by `quirks.never_after_s`)."""

    async def open_orders(self) -> Sequence[OrderReport]: ...

    async def fills(self, since: int) -> Sequence[FillSeen]:
        """Executions after that cursor, oldest first, all of them (pages are followed)."""

    async def positions(self) -> PositionsReport: ...

    async def account(self) -> AccountReport: ...

    async def instruments(self) -> Sequence[Instrument]: ...

    async def history(self, symbol: Symbol, bars: int) -> Sequence[Bar]:
        """The last daily bars closed by now, oldest first, `history=True`."""
