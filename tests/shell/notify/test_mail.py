"""E-mail against a real SMTP server in the same loop: logins, encryption, refusals, silence."""

from __future__ import annotations

import asyncio
import email
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.shell.notify.people import note
from tests.shell.stage import T0
from tradingd.config import ChannelSettings, Secret
from tradingd.ports import Misconfigured
from tradingd.shell.notify.mail import Mail
from tradingd.shell.notify.message import Message, Undelivered, message_of
from tradingd.shell.notify.outbox import Batch

PLAIN = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the test's server warns of itself


class Box:
    """A server's mailbox. answer: what it says to DATA.   refuse: recipients it does not know, with its words."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.answer = "250 OK"
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - as the server calls it
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("2"):
            self.got.append(envelope)
        return self.answer


def login(_server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"me", b"hunter2"), handled=False)


@asynccontextmanager
async def server(box: Box, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(box, hostname="mail.test", loop=loop, enable_SMTPUTF8=True, **options), "127.0.0.1", 0
    )
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await listener.wait_closed()


def mail(port: int, password: str = "", **changes: Any) -> Mail:
    known: dict[str, Any] = {
        "kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "sender": "tradingd@example.com",
        "to": ("me@example.com", "you@example.com"),
    }  # fmt: skip
    if password:
        known |= {"user": "me", "password": Secret("env", "X")}
    return Mail(ChannelSettings(**{**known, **changes}), password, lambda: T0, 5.0)


def message(text: str = "AAPL: ours 3, the venue's 4") -> Message:
    return message_of(Batch((note(7, text=text),)), "paper", "mail")


async def undelivered(sender: Mail, sent: Message | None = None) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await sender.send(sent or message())
    return caught.value


async def test_a_mail_arrives_whole() -> None:
    """E16: subject, date of the real clock, an id that is the same when it is sent again, text in any script."""
    box = Box()
    async with server(box) as port:
        text = "Zürich: größer\n.\n.. 日本 From here"
        assert await mail(port).send(message(text)) == ""
        await mail(port).send(message(text))
    assert box.got[0].rcpt_tos == ["me@example.com", "you@example.com"]
    assert box.got[0].mail_from == "tradingd@example.com"
    first, second = (email.message_from_bytes(e.content or b"", policy=default) for e in box.got)  # type: ignore[arg-type]
    assert first["Subject"] == "[tradingd PAPER one] PAGE position_drift"
    assert first["Date"].startswith("Mon, 02 Jun 2008 13:50:00")
    assert first["Message-ID"] == second["Message-ID"] == f"<one.7.{T0}.mail@example.com>"
    assert text in first.get_content().replace("\r\n", "\n")
    assert list(first.keys()).count("Subject") == 1


async def test_no_fact_writes_a_header() -> None:
    """E16: a text with line ends stays in the body."""
    box = Box()
    async with server(box) as port:
        raised = note(7, code="x\r\nBcc: thief@example.com", text="t\r\nBcc: thief@example.com")
        await mail(port).send(message_of(Batch((raised,)), "paper\r\nBcc: a@b.c", "mail"))
    found = email.message_from_bytes(box.got[0].content or b"", policy=default)  # type: ignore[arg-type]
    assert found["Bcc"] is None
    assert box.got[0].rcpt_tos == ["me@example.com", "you@example.com"]


@PLAIN
async def test_a_login_and_a_wrong_one() -> None:
    """E16: a wrong password is refused for good, and is in no text."""
    box = Box()
    options = {"auth_require_tls": False, "auth_exclude_mechanism": ["LOGIN"]}
    async with server(box, authenticator=login, auth_required=True, **options) as port:
        await mail(port, "hunter2").send(message())
        error = await undelivered(mail(port, "hunter3"))
        nobody = await undelivered(mail(port))
    assert len(box.got) == 1
    assert error.final
    assert nobody.final
    assert str(error).startswith("535")
    assert "hunter" not in str(error)


@pytest.mark.parametrize(
    ("answer", "final"),
    [("451 try later", False), ("421 closing", False), ("554 refused", True), ("552 too big", True)],
)
async def test_what_the_server_says_decides_whether_to_try_again(answer: str, final: bool) -> None:
    """E16: 4xx passes, 5xx stays."""
    box = Box()
    box.answer = answer
    async with server(box) as port:
        error = await undelivered(mail(port))
    assert error.final is final
    assert answer[:3] in str(error)


async def test_one_recipient_refused_is_a_remark_all_refused_is_a_failure() -> None:
    box = Box()
    box.refuse = {"you@example.com": "550 who?"}
    async with server(box) as port:
        assert await mail(port).send(message()) == "refused for you@example.com"
        box.refuse["me@example.com"] = "450 later"
        assert not (await undelivered(mail(port))).final
        box.refuse["me@example.com"] = "550 who?"
        assert (await undelivered(mail(port))).final
    assert len(box.got) == 1


async def test_a_server_that_is_not_there_or_says_nothing_is_tried_again() -> None:
    """E16: nothing is proven by silence."""
    quiet = await asyncio.start_server(lambda _r, w: quiet_ones.append(w), "127.0.0.1", 0)
    quiet_ones: list[asyncio.StreamWriter] = []
    port = quiet.sockets[0].getsockname()[1]
    sender = mail(port)
    sender._timeout_s = 0.05
    assert not (await undelivered(sender)).final
    for writer in quiet_ones:
        writer.close()
    quiet.close()
    await quiet.wait_closed()
    assert not (await undelivered(mail(port))).final


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", place / "key", "-out", place / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    return place


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    return context


async def test_starttls_is_used_and_the_certificate_is_checked(certificate: Path) -> None:
    """E16: without the authority that made it no password is said."""
    box = Box()
    options = {
        "tls_context": serving(certificate),
        "require_starttls": True,
        "authenticator": login,
        "auth_required": True,
    }
    async with server(box, **options) as port:
        known = mail(port, "hunter2", tls="starttls", ca_file=str(certificate / "cert"))
        await known.send(message())
        await undelivered(mail(port, "hunter2", tls="starttls"))
    assert len(box.got) == 1


@PLAIN
async def test_a_server_without_encryption_gets_nothing() -> None:
    """E16: starttls means that it must be there; a login does not fall back to plain text."""
    box = Box()
    async with server(box, authenticator=login, auth_require_tls=False) as port:
        error = await undelivered(mail(port, "hunter2", tls="starttls"))
    assert "STARTTLS" in str(error)
    assert error.final
    assert not box.got


def test_a_ca_file_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(Misconfigured, match="ca_file"):
        mail(1, tls="starttls", ca_file=str(tmp_path / "ca"))
