"""Who may ask for what: roles, bearer tokens kept as hashes, and the brake on wrong ones."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from enum import IntEnum
from typing import Annotated

import msgspec

from tradingd.core.types import NS
from tradingd.ports import Clock, Rng

ISSUED_MAX = 16
PEERS_MAX = 1024
FAILS_ALERT = 10


class Role(IntEnum):
    """What a caller may do. OPEN needs no token and shows no numbers.   TRADER recommends, hears what was decided, and no more."""

    OPEN = 0
    VIEWER = 1
    OPERATOR = 2
    TRADER = 3

    def may(self, asked: Role) -> bool:
        """Is what asks for the role `asked` open to this one? An operator may everything."""
        return asked in {Role.OPEN, self} or self is Role.OPERATOR


class TokenHash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing token as the configuration knows it. name: stands in the journal as the actor."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    role: str  # viewer, trader or operator
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]

    def __post_init__(self) -> None:
        if self.role not in {"viewer", "trader", "operator"}:
            raise ValueError("role must be viewer, trader or operator")


class Grant(msgspec.Struct, frozen=True):
    """A caller who was recognised."""

    role: Role
    actor: str


class _Held(msgspec.Struct, frozen=True):
    digest: bytes
    grant: Grant
    until: int | None  # boot clock, ns


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Tokens:
    """The tokens that open the web. Only their SHA-256 is kept; a token is seen once, when it is issued. Source: J9, H5."""

    def __init__(self, clock: Clock, rng: Rng, standing: tuple[TokenHash, ...] = ()) -> None:
        self._clock = clock
        self._rng = rng
        self._standing = [
            _Held(bytes.fromhex(t.sha256), Grant(Role[t.role.upper()], f"token:{t.name}"), None) for t in standing
        ]
        self._issued: list[_Held] = []

    def issue(self, role: Role, name: str, ttl_s: float | None = None) -> str:
        """A fresh token, 64 hex digits. ttl_s None: for the life of the process. At most 16 with an end are kept, the oldest
        makes room."""
        token = self._rng.token(32)
        held = _Held(digest(token), Grant(role, f"token:{name}"), None)
        if ttl_s is None:
            self._standing.append(held)
        else:
            until = self._clock.boot() + int(ttl_s * NS)
            self._issued = [*self._issued[1 - ISSUED_MAX :], msgspec.structs.replace(held, until=until)]
        return token

    def grant(self, token: str) -> Grant | None:
        """What this token opens; every one we hold is compared, so that the time taken tells nothing."""
        asked, now, found = digest(token), self._clock.boot(), None
        for held in (*self._standing, *self._issued):
            if hmac.compare_digest(held.digest, asked) and (held.until is None or now < held.until):
                found = held.grant
        return found


class Brake:
    """Slows wrong tokens: one failed try a second and peer, an alert at every tenth failure of a peer. Source: J9.

    A right token always passes: on loopback all callers share one address, and a stranger's wrong tries must not lock the
    operator out.
    """

    def __init__(self, clock: Clock, alert: Callable[[str, str], None], wrong: Callable[[], None]) -> None:
        self._clock = clock
        self._alert = alert
        self._wrong = wrong
        self._peers: dict[str, tuple[int, int]] = {}  # peer -> (next try answered, failures)

    def failed(self, peer: str) -> bool:
        """Record a failure; True when the peer was too fast and should be told to wait."""
        now = self._clock.mono()
        until, count = self._peers.pop(peer, (0, 0))
        count += 1
        self._wrong()
        while len(self._peers) >= PEERS_MAX:
            del self._peers[next(iter(self._peers))]
        fast = now < until
        self._peers[peer] = (until if fast else now + NS, count)
        if count % FAILS_ALERT == 0:
            self._alert("web_wrong_tokens", f"{count} requests with a wrong token from {peer}")
        return fast
