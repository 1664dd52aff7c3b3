"""Trying channels, and what was told. H3, E16."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Cli
from tests.fakes.daemon import T0, Daemon
from tradingd.core.facts import AnyFact, Notified
from tradingd.core.types import NS, AccountId
from tradingd.shell.env import RealEnv
from tradingd.shell.journal import Genesis, Settings, open_journal

GOOD, BAD = ("delivered", ""), ("failed", "535 \x1b[31mno")


@pytest.mark.parametrize(
    ("channels", "named", "code"),
    [
        ({"mail": GOOD, "sms": GOOD}, (), 0), ({"mail": GOOD, "sms": BAD}, (), 7), ({"mail": BAD}, (), 1),
        ({"mail": GOOD, "sms": BAD}, ("mail",), 0), ({"mail": GOOD, "sms": ("rate_limited", "")}, ("sms",), 1), ({}, (), 6),
        ({"mail": GOOD}, ("fax",), 6),
    ],
)  # fmt: skip
def test_a_test_says_what_came_of_it_and_ends_with_its_code(
    cli: Cli, daemon: Daemon, channels: dict[str, tuple[str, str]], named: tuple[str, ...], code: int
) -> None:
    """E16: 0 delivered, 1 not, 7 only some, 6 no such channel."""
    daemon.channels = channels
    ran = cli("notify", "test", *named)
    assert ran.code == code
    for name, (status, _) in channels.items():
        assert (f"{name}: {status}" in ran.out) == (not named or name in named)
    assert "\x1b" not in ran.out
    if code != 6:
        assert msgspec.json.decode(cli("notify", "test", *named, "--json").out)[0]["status"] in {
            "delivered", "failed", "rate_limited",
        }  # fmt: skip


def test_without_a_daemon_nothing_can_be_tried(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert cli("notify", "test", "--dir", str(tmp_path / "state")).code == 3


def notified(n: int, account: str, status: str, error: str = "") -> Notified:
    return Notified(
        ts=T0 + n * NS, account=AccountId(account), notice=str(n), channel="mail", kind="position_drift", status=status, tries=n,
        error=error, level="page",
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    facts: list[AnyFact] = [
        notified(1, "a", "delivered"), notified(0, "a", "noted"), notified(2, "b", "failed", "535 \x1bno"),
        notified(3, "a", "rate_limited"),
    ]  # fmt: skip
    directory = tmp_path / "state" / "journal"
    directory.mkdir(parents=True)

    async def work() -> None:
        env = RealEnv()
        genesis = Genesis(instance="t", nonce="n", build="b", config="c")
        journal, _ = open_journal(env, str(directory), genesis, Settings(force=True))
        journal.append(facts)
        await journal.close()
        await env.aclose()

    asyncio.run(work())
    return directory.parent


def test_what_was_told_is_listed_newest_first_without_a_daemon(cli: Cli, state: Path) -> None:
    """E16, H3: from the journal; marks of how far it came are no notices."""
    rows = msgspec.json.decode(cli("notifications", "--json", "--dir", str(state)).out)
    assert [(r["notice"], r["account"], r["status"], r["tries"]) for r in rows] == [
        ("3", "a", "rate_limited", 3), ("2", "b", "failed", 2), ("1", "a", "delivered", 1)
    ]  # fmt: skip
    assert rows[0]["event"] == "position_drift"
    text = cli("notifications", "--dir", str(state)).out
    assert "535  no" in text
    assert "2008-10-06 14:35:03Z" in text
    only = msgspec.json.decode(cli("notifications", "--json", "--account", "a", "-n", "1", "--dir", str(state)).out)
    assert [r["notice"] for r in only] == ["3"]


def test_where_nothing_ever_ran_it_says_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert cli("notifications", "--dir", str(tmp_path / "state")).code == 6
