"""Logs: one event, one line, on stderr; JSON under systemd (with journald's priority), text on a terminal. FEATURES 5.5."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("tradingd")

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def set_up(*, mode: str, level: str = "info", quiet: bool = False) -> None:
    """Configure once, at start. mode: stands in every line. quiet: warnings and worse only."""
    least = logging.WARNING if quiet else logging.getLevelNamesMapping()[level.upper()]
    render: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ)
    if os.environ.get("JOURNAL_STREAM") or not sys.stderr.isatty():
        render = _json_line
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.dict_tracebacks,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(mode=mode)


def _json_line(_logger: object, method: str, event: Mapping[str, Any]) -> str:
    line = orjson.dumps(event, default=str).decode()  # control characters come out escaped: one event, one line (J13)
    return f"<{_PRIORITY.get(method, 6)}>{line}" if os.environ.get("JOURNAL_STREAM") else line
