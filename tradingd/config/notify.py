"""The sections `[notify.<name>]`: one channel over which people are told (E16)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from tradingd.config.secret import Secret

ChannelKind = Literal["email", "sms", "webhook", "apprise"]
NoticeLevel = Literal["page", "tell", "log"]

PER_HOUR: dict[str, int] = {"email": 20, "sms": 10, "webhook": 60, "apprise": 60}
PORTS = {"starttls": 587, "tls": 465, "none": 25}
_COMMON = frozenset({"kind", "levels", "events", "per_hour", "fold_s"})
_OWN: dict[str, frozenset[str]] = {
    "email": frozenset({"host", "port", "tls", "ca_file", "user", "password", "from", "to"}),
    "sms": frozenset({"region", "phone", "topic", "key_id", "key", "endpoint"}),
    "webhook": frozenset({"url", "secret_url", "sign", "bearer"}),
    "apprise": frozenset({"secret_url"}),
}
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|::1")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_TOPIC = re.compile(r"arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel. levels: which it carries (page: somebody must act; tell: somebody should know; log), by default page and tell,
    for sms page alone.   events: names of events it carries, with * for any part (["circuit_breaker_*"]).   per_hour: messages in
    any rolling hour, 1 .. 1000 (sms 10, email 20, others 60).   fold_s: how long notices below page are gathered into one message,
    seconds, 0 .. 3600.

    email: host, port (587, 465 or 25 by tls), tls ("starttls", "tls", or "none" to this machine only), ca_file (PEM, absolute, for
    a server with a certificate of one's own), user and password (both or none), from, to.
    sms: AWS SNS; region, phone (+ and digits) or topic (ARN), key_id and key (the access key and its secret), endpoint (another
    address than the region's own).
    webhook: url, or secret_url where the address itself is a secret; sign (a key for HMAC-SHA256 over the body), bearer (a token).
    apprise: secret_url, as that library writes addresses.   Source: E16.
    """

    kind: ChannelKind
    levels: tuple[NoticeLevel, ...] | None = None
    events: tuple[str, ...] = ("*",)
    per_hour: int | None = None
    fold_s: float = 30.0
    host: str | None = None
    port: int | None = None
    tls: Literal["starttls", "tls", "none"] | None = None
    ca_file: str | None = None
    user: str | None = None
    password: Secret | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    to: tuple[str, ...] | None = None
    region: str | None = None
    phone: str | None = None
    topic: str | None = None
    key_id: Secret | None = None
    key: Secret | None = None
    endpoint: str | None = None
    url: str | None = None
    secret_url: Secret | None = None
    sign: Secret | None = None
    bearer: Secret | None = None

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(type(self)):
            name = field.encode_name
            if name not in _COMMON | _OWN[self.kind] and getattr(self, field.name) is not None:
                raise ValueError(f"{name} is nothing that a channel of kind {self.kind} has")
        if self.levels is not None and not self.levels:
            raise ValueError("levels must name at least one of page, tell, log")
        if not self.events or not all(self.events):
            raise ValueError('events must name at least one event; ["*"] is all of them')
        if self.per_hour is not None and not 1 <= self.per_hour <= 1000:
            raise ValueError("per_hour must be 1 .. 1000")
        if not 0 <= self.fold_s <= 3600:
            raise ValueError("fold_s must be 0 .. 3600")
        {"email": _email, "sms": _sms, "webhook": _webhook, "apprise": _apprise}[self.kind](self)

    @property
    def carries(self) -> tuple[NoticeLevel, ...]:
        """The levels in force."""
        return self.levels or (("page",) if self.kind == "sms" else ("page", "tell"))

    @property
    def hourly(self) -> int:
        """The limit in force: messages in any rolling hour."""
        return self.per_hour if self.per_hour is not None else PER_HOUR[self.kind]


def _email(s: ChannelSettings) -> None:
    if s.host is None or _HOST.fullmatch(s.host) is None:
        raise ValueError("host must be the name of the mail server")
    if s.port is not None and not 1 <= s.port <= 65535:
        raise ValueError("port must be 1 .. 65535")
    if s.tls == "none" and s.host not in LOOPBACK:
        raise ValueError(
            'tls is "none", which is for a mail server on this machine only (host 127.0.0.1, ::1 or localhost)'
        )
    if s.ca_file is not None and not s.ca_file.startswith("/"):
        raise ValueError("ca_file must be an absolute path")
    if (s.user is None) != (s.password is None):
        raise ValueError(f"{'user' if s.user is None else 'password'} is missing: give both or none")
    if s.sender is None or _ADDRESS.fullmatch(s.sender) is None:
        raise ValueError('from must be an address, like "tradingd@example.com"')
    if not s.to or not all(_ADDRESS.fullmatch(address) for address in s.to):
        raise ValueError('to must be a list of addresses, like ["me@example.com"]')


def _sms(s: ChannelSettings) -> None:
    if s.region is None or _REGION.fullmatch(s.region) is None:
        raise ValueError('region must be a region of AWS, like "us-east-1"')
    if (s.phone is None) == (s.topic is None):
        raise ValueError("phone or topic: give one of the two")
    if s.phone is not None and _PHONE.fullmatch(s.phone) is None:
        raise ValueError('phone must be + and 7 to 15 digits, like "+15550100123"')
    if s.topic is not None and _TOPIC.fullmatch(s.topic) is None:
        raise ValueError('topic must be the ARN of an SNS topic, like "arn:aws:sns:us-east-1:123456789012:pages"')
    for name in ("key_id", "key"):
        if getattr(s, name) is None:
            raise ValueError(f"{name} is missing")
    if s.endpoint is not None:
        _check_url("endpoint", s.endpoint)


def _webhook(s: ChannelSettings) -> None:
    if (s.url is None) == (s.secret_url is None):
        raise ValueError("url or secret_url: give one of the two")
    if s.url is not None:
        _check_url("url", s.url)


def _apprise(s: ChannelSettings) -> None:
    if s.secret_url is None:
        raise ValueError("secret_url is missing")


def _check_url(name: str, url: str) -> None:
    fault = url_fault(url)
    if fault:
        raise ValueError(f"{name} {fault}")


def url_fault(url: str) -> str:
    """What is wrong with an address to post to, "" when nothing is: https, or http to this machine; no user or password in it."""
    try:
        parts = urlsplit(url)
        host, user, _port = parts.hostname, parts.username, parts.port
    except ValueError:
        return "is no address"
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "is no address"
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        return "must begin with https:// (http:// is for this machine only)"
    return "must not hold a user or password: give bearer or secret_url" if user is not None else ""
