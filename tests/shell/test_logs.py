"""Logs: one event, one line; for a machine or for a person."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import orjson
import pytest
import structlog

from tradingd.shell.logs import set_up


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, journald: bool = False, **how: object
) -> io.StringIO:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if journald:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    set_up(mode="demo", **how)  # type: ignore[arg-type]
    return stream


def test_an_event_is_one_json_line_with_level_time_and_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """J13, H5: piped, as in a container."""
    out = lines(monkeypatch, io.StringIO())
    structlog.get_logger("a").info("order_sent", order_id="one.1.e", qty=3)
    (line,) = out.getvalue().splitlines()
    said = orjson.loads(line)
    assert said.pop("ts").endswith("Z")
    assert said == {"event": "order_sent", "level": "info", "mode": "demo", "order_id": "one.1.e", "qty": 3}


def test_a_brokers_text_cannot_begin_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """J13: CR, LF and terminal escapes come out escaped."""
    out = lines(monkeypatch, io.StringIO())
    structlog.get_logger("b").warning("refused", text='no\r\n{"event":"fake"}\x1b[2J')
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(("level", "priority"), [("info", 6), ("warning", 4), ("error", 3), ("critical", 2)])
def test_the_journal_gets_its_priority(monkeypatch: pytest.MonkeyPatch, level: str, priority: int) -> None:
    """H5: so that `journalctl -p err` finds it."""
    out = lines(monkeypatch, io.StringIO(), journald=True)
    getattr(structlog.get_logger("c"), level)("x")
    assert out.getvalue().startswith(f"<{priority}>{{")


def test_a_terminal_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """H5: readable, no JSON."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = lines(monkeypatch, Terminal())
    structlog.get_logger("d").info("daemon.running", page="off")
    assert "daemon.running" in out.getvalue()
    assert "{" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("how", "heard"), [({"quiet": True}, "w"), ({"level": "error"}, ""), ({"level": "debug"}, "diw"), ({}, "iw")]
)
def test_the_level_is_kept(monkeypatch: pytest.MonkeyPatch, how: dict[str, object], heard: str) -> None:
    """H5: quiet means warnings and worse."""
    out = lines(monkeypatch, io.StringIO(), **how)
    log = structlog.get_logger("e")
    log.debug("d")
    log.info("i")
    log.warning("w")
    assert "".join(orjson.loads(line)["event"] for line in out.getvalue().splitlines()) == heard
