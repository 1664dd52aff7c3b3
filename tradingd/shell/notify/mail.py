"""E-mail over SMTP. One connection a message: nothing to keep alive, and a server that went away is noticed by its next use."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from tradingd.config import ChannelSettings
from tradingd.config.notify import PORTS
from tradingd.core.types import NS
from tradingd.ports import Misconfigured
from tradingd.shell.notify.message import Message, Undelivered


class Mail:
    """stamp: the real time, ns since the epoch, for the Date header.   password: revealed, "" without."""

    def __init__(self, settings: ChannelSettings, password: str, stamp: Callable[[], int], timeout_s: float) -> None:
        self.secrets: tuple[str, ...] = (password,)
        self._s = settings
        self._password = password
        self._stamp = stamp
        self._timeout_s = timeout_s
        self._tls = settings.tls or "starttls"
        self._context = _context(settings)
        self._domain = (settings.sender or "").rpartition("@")[
            2
        ]  # said to the server; the machine's own name is not asked for

    async def send(self, message: Message) -> str:
        s = self._s
        assert s.host is not None
        try:
            refused, _ = await aiosmtplib.send(
                self._mail(message), hostname=s.host, port=s.port or PORTS[self._tls], username=s.user,
                password=self._password or None, use_tls=self._tls == "tls", start_tls=self._tls == "starttls",
                tls_context=self._context, timeout=self._timeout_s, local_hostname=self._domain,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as no:
            raise Undelivered(f"all recipients refused: {no.recipients[0]}", final=_all_final(no.recipients)) from no
        except aiosmtplib.SMTPResponseException as no:
            raise Undelivered(f"{no.code} {no.message}", final=500 <= no.code < 600) from no
        except (aiosmtplib.SMTPException, OSError) as no:
            cannot = (
                isinstance(no, aiosmtplib.SMTPNotSupported) or type(no) is aiosmtplib.SMTPException
            )  # no STARTTLS there
            raise Undelivered(str(no) or type(no).__name__, final=cannot) from no
        return f"refused for {', '.join(refused)}" if refused else ""

    def _mail(self, message: Message) -> EmailMessage:
        s = self._s
        assert s.sender is not None
        assert s.to is not None
        mail = EmailMessage(policy=SMTP)
        mail["From"] = s.sender
        mail["To"] = ", ".join(s.to)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._stamp() // NS, UTC))
        mail["Message-ID"] = f"<{message.ident}@{self._domain}>"  # sent again, it is the same mail
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        return mail


def _all_final(refusals: Sequence[object]) -> bool:
    return all(500 <= getattr(refusal, "code", 0) < 600 for refusal in refusals)


def _context(settings: ChannelSettings) -> ssl.SSLContext:
    """Certificates are always checked: by the machine's authorities, or by those of ca_file alone. Read once, at the start: it
    takes longer than the loop may stand still."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as no:
        raise Misconfigured(f"ca_file {settings.ca_file} cannot be used: {no}") from None
