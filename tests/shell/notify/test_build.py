"""Channels from the configuration: defaults by kind, secrets revealed, faults that name their section."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.notify.people import note
from tests.shell.stage import T0
from tradingd.config import ChannelSettings, Secret, load_text
from tradingd.ports import Misconfigured
from tradingd.shell.notify.build import channels_of
from tradingd.shell.notify.channel import Channel
from tradingd.shell.notify.mail import Mail
from tradingd.shell.notify.message import Undelivered, message_of
from tradingd.shell.notify.outbox import Batch, Wishes
from tradingd.shell.notify.sms import Sms
from tradingd.shell.notify.webhook import Webhook

TEXT = """
mode = "paper"
[accounts.a1]
[notify.mail]
kind = "email"
host = "mail.example.com"
user = "me"
password = { env = "MAIL" }
from = "tradingd@example.com"
to = ["me@example.com"]
[notify.phone]
kind = "sms"
region = "eu-west-1"
phone = "+15550100123"
key_id = { env = "KEY_ID" }
key = { env = "KEY" }
[notify.hook]
kind = "webhook"
secret_url = { env = "HOOK" }
levels = ["page", "tell", "log"]
events = ["circuit_breaker_*"]
per_hour = 5
fold_s = "1m"
"""


def reveal(secret: Secret) -> str:
    return {"HOOK": "https://example.com/hunter2", "BAD": "ftp://hunter2"}.get(secret.name, f"value of {secret.name}")


def built(configured: dict[str, ChannelSettings]) -> list[Channel]:
    return channels_of(FakeEnv(FakeDisk()), configured, "paper", reveal, lambda: T0)


def test_each_kind_has_its_defaults_and_its_secrets() -> None:
    """E16: ten SMS and twenty e-mails an hour; a phone gets pages only."""
    mail, phone, hook = built(load_text(TEXT).config.notify)
    assert mail.outbox.wishes == Wishes(levels=("page", "tell"), per_hour=20)
    assert phone.outbox.wishes == Wishes(levels=("page",), per_hour=10)
    assert hook.outbox.wishes == Wishes(
        levels=("page", "tell", "log"), events=("circuit_breaker_*",), per_hour=5, fold_s=60.0
    )
    assert isinstance(mail._transport, Mail)
    assert isinstance(phone._transport, Sms)
    assert isinstance(hook._transport, Webhook)
    assert mail._transport.secrets == ("value of MAIL",)
    assert set(phone._transport.secrets) == {"value of KEY", "value of KEY_ID"}
    assert "https://example.com/hunter2" in hook._transport.secrets
    assert phone._transport._url == "https://sns.eu-west-1.amazonaws.com/"


def test_a_secret_address_is_checked_and_not_shown() -> None:
    with pytest.raises(Misconfigured, match=r"notify\.x: secret_url must begin with https") as caught:
        built({"x": ChannelSettings(kind="webhook", secret_url=Secret("env", "BAD"))})
    assert "hunter2" not in str(caught.value)


CHAT = {"x": ChannelSettings(kind="apprise", secret_url=Secret("env", "CHAT"))}


def test_a_library_that_is_not_installed_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """E16: said at the start, not when the first page is due."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Misconfigured, match=r"notify\.x: kind is apprise, .*pip install 'tradingd\[apprise\]'"):
        built(CHAT)


class Library(ModuleType):
    """As much of the library as we use, from its description. known: addresses it knows; what it carried."""

    def __init__(self, *known: str, delivers: bool = True) -> None:
        super().__init__("apprise")
        self.known, self.delivers = known, delivers
        self.carried: list[tuple[str, str]] = []
        self.Apprise = lambda: self

    def add(self, url: str) -> bool:
        return url in self.known

    def notify(self, *, title: str, body: str) -> bool:
        self.carried.append((title, body))
        return self.delivers


@pytest.mark.parametrize("delivers", [True, False])
async def test_a_chat_is_told_by_the_library(monkeypatch: pytest.MonkeyPatch, delivers: bool) -> None:
    library = Library("value of CHAT", delivers=delivers)
    monkeypatch.setitem(sys.modules, "apprise", library)
    (chat,) = built(CHAT)
    message = message_of(Batch((note(),)), "paper", "x")
    transport: Any = chat._transport
    if delivers:
        assert await transport.send(message) == ""
    else:
        with pytest.raises(Undelivered):
            await transport.send(message)
    assert library.carried == [(message.subject, message.body)]


def test_an_address_the_library_does_not_know_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", Library())
    with pytest.raises(Misconfigured, match="no address that apprise knows") as caught:
        built(CHAT)
    assert "CHAT" not in str(caught.value)
