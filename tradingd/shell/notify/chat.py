"""Chats and everything else that the apprise library reaches. An optional extra: tradingd[apprise]."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import anyio

from tradingd.ports import Misconfigured
from tradingd.shell.notify.message import Message, Undelivered


class Chat:
    """url: revealed, as apprise writes addresses. Raises Misconfigured when the library is missing or does not know it."""

    def __init__(self, url: str) -> None:
        try:
            apprise: Any = import_module("apprise")
        except ModuleNotFoundError:
            raise Misconfigured("kind is apprise, which is not installed: pip install 'tradingd[apprise]'") from None
        self.secrets: tuple[str, ...] = (url,)
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            raise Misconfigured("secret_url is no address that apprise knows")

    async def send(self, message: Message) -> str:
        """In a thread of its own, that is left behind when it does not end in time."""

        def notify() -> bool:
            return bool(self._apprise.notify(title=message.subject, body=message.body))

        told = await anyio.to_thread.run_sync(notify, abandon_on_cancel=True)  # sim-ok: never in a simulated world
        if not told:
            raise Undelivered("apprise could not deliver it")
        return ""
