"""A webhook: the message as JSON, with a signature over time and body where a key is configured."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec

from tradingd.core.types import NS
from tradingd.shell.notify.message import Message
from tradingd.shell.notify.post import post


class Webhook:
    """url, sign, bearer: revealed; "" without.   stamp: the real time, ns since the epoch.

    The signature, in X-Tradingd-Signature, is "sha256=" and the hex HMAC-SHA256 of the text "<X-Tradingd-Timestamp>.<body>".
    The Idempotency-Key is the same when a message is sent again.
    """

    def __init__(
        self, url: str, sign: str, bearer: str, stamp: Callable[[], int], timeout_s: float, *, secret: bool
    ) -> None:
        self.secrets: tuple[str, ...] = (sign, bearer, url if secret else "")
        self._url, self._sign, self._bearer = url, sign, bearer
        self._stamp = stamp
        self._timeout_s = timeout_s

    async def send(self, message: Message) -> str:
        body = msgspec.json.encode(message.data)
        now = str(self._stamp() // NS)
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.ident, "X-Tradingd-Timestamp": now}
        if self._sign:
            mac = hmac.new(self._sign.encode(), f"{now}.".encode() + body, hashlib.sha256)
            headers["X-Tradingd-Signature"] = f"sha256={mac.hexdigest()}"
        if self._bearer:
            headers["Authorization"] = f"Bearer {self._bearer}"
        await post(self._url, body, headers, self._timeout_s)
        return ""
