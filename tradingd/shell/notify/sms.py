"""SMS by AWS SNS: one signed Publish a message. Source: AWS SNS API reference, Publish, version 2010-03-31."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from tradingd.config import ChannelSettings
from tradingd.shell.notify.message import Message
from tradingd.shell.notify.post import post
from tradingd.shell.notify.sigv4 import signed


class Sms:
    """key_id, key: revealed.   stamp: the real time, ns since the epoch, which the signature is over."""

    def __init__(
        self, settings: ChannelSettings, key_id: str, key: str, stamp: Callable[[], int], timeout_s: float
    ) -> None:
        assert settings.region is not None
        self.secrets: tuple[str, ...] = (key, key_id)
        self._to = {"PhoneNumber": settings.phone} if settings.phone is not None else {"TopicArn": settings.topic}
        self._region = settings.region
        self._url = settings.endpoint or f"https://sns.{settings.region}.amazonaws.com/"
        self._key_id, self._key = key_id, key
        self._stamp = stamp
        self._timeout_s = timeout_s

    async def send(self, message: Message) -> str:
        form = {"Action": "Publish", "Version": "2010-03-31", **self._to, "Message": message.brief}
        body = urlencode(form).encode()
        where = urlsplit(self._url)
        headers = signed(
            host=where.netloc, path=where.path or "/", body=body, region=self._region, service="sns", key_id=self._key_id,
            key=self._key, ts=self._stamp(),
        )  # fmt: skip
        await post(self._url, body, headers, self._timeout_s)
        return ""
