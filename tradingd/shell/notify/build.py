"""Channels from the configuration, their secrets revealed for those who must send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradingd.config import ChannelSettings, Secret
from tradingd.config.notify import url_fault
from tradingd.ports import Env, Misconfigured
from tradingd.shell.notify.channel import TRY_S, Channel
from tradingd.shell.notify.message import Transport
from tradingd.shell.notify.outbox import Wishes

Reveal = Callable[[Secret], str]
Stamp = Callable[[], int]
Dial = Callable[[ChannelSettings, Reveal, Stamp], Transport]


def channels_of(
    env: Env,
    configured: Mapping[str, ChannelSettings],
    mode: str,
    reveal: Reveal,
    stamp: Stamp,
    dial: Dial | None = None,
) -> list[Channel]:
    """One channel a section. stamp: the real time, ns since the epoch, for what others check (the house's may be a venue's).
    dial: makes what sends, `transport_of` by default. Raises Misconfigured naming the section: a secret that is missing, a library
    that is not installed."""
    found = []
    for name, settings in configured.items():
        wishes = Wishes(
            levels=settings.carries, events=settings.events, per_hour=settings.hourly, fold_s=settings.fold_s
        )
        try:
            transport = (dial or transport_of)(settings, reveal, stamp)
        except Misconfigured as no:
            raise Misconfigured(f"notify.{name}: {no}") from None
        found.append(Channel(env, name, mode, wishes, transport))
    return found


def transport_of(settings: ChannelSettings, reveal: Reveal, stamp: Stamp) -> Transport:
    """What sends, by kind. Each is imported only where it is configured."""
    s = settings
    if s.kind == "email":
        from tradingd.shell.notify.mail import Mail

        return Mail(s, _optional(s.password, reveal), stamp, TRY_S)
    if s.kind == "sms":
        from tradingd.shell.notify.sms import Sms

        assert s.key_id is not None
        assert s.key is not None
        return Sms(s, reveal(s.key_id), reveal(s.key), stamp, TRY_S)
    if s.kind == "webhook":
        from tradingd.shell.notify.webhook import Webhook

        url = s.url or _address(s.secret_url, reveal)
        sign, bearer = _optional(s.sign, reveal), _optional(s.bearer, reveal)
        return Webhook(url, sign, bearer, stamp, TRY_S, secret=s.url is None)
    from tradingd.shell.notify.chat import Chat

    assert s.secret_url is not None
    return Chat(reveal(s.secret_url))


def _optional(secret: Secret | None, reveal: Reveal) -> str:
    return "" if secret is None else reveal(secret)


def _address(secret: Secret | None, reveal: Reveal) -> str:
    assert secret is not None
    url = reveal(secret)
    fault = url_fault(url)
    if fault:
        raise Misconfigured(f"secret_url {fault}")
    return url
