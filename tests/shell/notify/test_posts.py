"""Webhooks and SMS against a real HTTP server: what is signed, and what each answer means."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.shell.notify.people import note
from tests.shell.stage import T0
from tradingd.config import ChannelSettings, Secret
from tradingd.core.types import NS
from tradingd.shell.notify.message import Message, Transport, Undelivered, message_of
from tradingd.shell.notify.outbox import Batch
from tradingd.shell.notify.sms import Sms
from tradingd.shell.notify.webhook import Webhook


class Site:
    """Remembers requests; answers: status and text of the next ones."""

    def __init__(self) -> None:
        self.got: list[tuple[web.Request, bytes]] = []
        self.answers: list[tuple[int, str]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((request, await request.read()))
        status, text = self.answers.pop(0) if self.answers else (200, "ok")
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"} if status == 302 else {})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    server = TestServer(app)
    await server.start_server()
    found.url = f"http://127.0.0.1:{server.port}"
    yield found
    await server.close()


def message(text: str = "AAA: ours 3 & 4 = 7 größer") -> Message:
    return message_of(Batch((note(7, text=text),), (note(1),)), "paper", "hook")


def hook(site: Site, sign: str = "key", bearer: str = "token") -> Webhook:
    return Webhook(f"{site.url}/in?x=1", sign, bearer, lambda: T0, 5.0, secret=True)


def sms(site: Site, **changes: object) -> Sms:
    known: dict[str, object] = {
        "kind": "sms", "region": "eu-west-1", "phone": "+15550100123", "key_id": Secret("env", "A"), "key": Secret("env", "B"),
        "endpoint": f"{site.url}/",
    }  # fmt: skip
    return Sms(ChannelSettings(**{**known, **changes}), "AKID", "hunter2", lambda: T0, 5.0)  # type: ignore[arg-type]


async def test_a_webhook_can_prove_who_said_what_and_when(site: Site) -> None:
    """E16: the receiver computes the same HMAC over time and body; the same message has the same key."""
    await hook(site).send(message())
    ((request, body),) = site.got
    stamp = request.headers["X-Tradingd-Timestamp"]
    assert int(stamp) == T0 // NS
    expected = hmac.new(b"key", stamp.encode() + b"." + body, "sha256").hexdigest()
    assert request.headers["X-Tradingd-Signature"] == f"sha256={expected}"
    assert request.headers["Authorization"] == "Bearer token"
    assert request.headers["Idempotency-Key"] == f"one.7.{T0}.hook"
    said = json.loads(body)
    assert said["subject"] == "[tradingd PAPER one] PAGE position_drift"
    assert said["kept_back"] == 1
    assert said["notices"] == [
        {"notice": "7", "ts": T0, "account": "one", "level": "page", "event": "position_drift", "code": "position_drift",
         "text": "AAA: ours 3 & 4 = 7 größer"}
    ]  # fmt: skip


async def test_without_keys_nothing_is_signed(site: Site) -> None:
    await hook(site, "", "").send(message())
    assert not {"X-Tradingd-Signature", "Authorization"} & set(site.got[0][0].headers)


def verified(request: web.Request, body: bytes) -> bool:
    """AWS's side, written from its description: the request as it arrived, signed with the key that belongs to the id."""
    scheme, _, rest = request.headers["Authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    _, day, region, service, end = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    lines = [request.method, request.path, request.query_string]
    lines += [f"{name}:{' '.join(request.headers[name].split())}" for name in sorted(names)]
    lines += ["", ";".join(sorted(names)), hashlib.sha256(body).hexdigest()]
    key = b"AWS4" + b"hunter2"
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join([scheme, request.headers["X-Amz-Date"], f"{day}/{region}/{service}/{end}", digest])
    return hmac.digest(key, text.encode(), "sha256").hex() == fields["Signature"]


@pytest.mark.parametrize("topic", [False, True])
async def test_an_sms_is_one_signed_publish(site: Site, topic: bool) -> None:
    """E16: verified as the receiver does it, over the bytes that arrived."""
    arn = "arn:aws:sns:eu-west-1:123456789012:pages"
    await (sms(site, phone=None, topic=arn) if topic else sms(site)).send(message())
    ((request, body),) = site.got
    assert verified(request, body)
    assert not verified(request, body + b"x")
    assert request.headers["X-Amz-Date"] == "20080602T135000Z"
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    where = {"TopicArn": arn} if topic else {"PhoneNumber": "+15550100123"}
    said = "[tradingd PAPER one] PAGE position_drift AAA: ours 3 & 4 = 7 größer (and 1 more)"
    assert form == {"Action": "Publish", "Version": "2010-03-31", "Message": said, **where}


@pytest.mark.parametrize(
    ("status", "text", "final"),
    [
        (302, "", True), (400, "bad", True), (401, "who", True), (404, "", True), (408, "", False), (429, "slow down", False),
        (500, "", False), (503, "", False), (400, "<Error><Code>Throttling</Code></Error>", False),
    ],
)  # fmt: skip
async def test_what_the_answer_means(site: Site, status: int, text: str, final: bool) -> None:
    """E16: what was refused is not repeated; "too often" and faults of theirs are; nobody is followed elsewhere."""
    senders: list[Transport] = [hook(site), sms(site)]
    for sender in senders:
        site.answers = [(status, text)]
        with pytest.raises(Undelivered) as caught:
            await sender.send(message())
        assert caught.value.final is final
        assert str(status) in str(caught.value)
    assert len(site.got) == 2


async def test_nobody_there_is_tried_again_and_the_address_is_not_told() -> None:
    """E16: an address may be a secret."""
    gone = Webhook("http://127.0.0.1:1/hunter2", "", "", lambda: T0, 5.0, secret=True)
    with pytest.raises(Undelivered) as caught:
        await gone.send(message())
    assert not caught.value.final
    assert "hunter2" not in str(caught.value)
    assert "hunter2" in gone.secrets[2]
