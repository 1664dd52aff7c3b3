"""What an operator sets for a connection to the simulated venue, and what the venue can do."""

from __future__ import annotations

import msgspec

from tradingd.ports import Quirks


class SimSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """url: of the venue's websocket.   key: login key; a secret reference is resolved before it comes here.

    credit: quotes the venue may be ahead of us with pull pacing, >= 0; 0 leaves it to `SimBroker.grant`.   never_after_s: the
    venue's declared delay after which NOT FOUND is proof, 0 because a login fences the one before.   ack_timeout_s, silence_s: > 0.
    """

    url: str = "ws://127.0.0.1:8765/"
    key: str = ""
    credit: int = 64
    never_after_s: float = 0.0
    ack_timeout_s: float = 5.0
    silence_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("ack_timeout_s", "silence_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0")
        if self.credit < 0 or self.never_after_s < 0:
            raise ValueError("credit and never_after_s must be >= 0")

    def quirks(self) -> Quirks:
        """What the venue can and cannot, declared."""
        return Quirks(
            reduce_only=True,
            tells_actions=True,
            never_after_s=self.never_after_s,
            ack_timeout_s=self.ack_timeout_s,
            silence_s=self.silence_s,
        )
