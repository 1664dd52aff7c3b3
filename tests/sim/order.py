"""Closes the leaks that make two runs of one seed differ: sets that iterate by address, logs, caches that are warm or not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog
from anyio._backends import _asyncio as backend


class Ordered(dict[Any, None]):
    """A set that iterates in the order of insertion."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)

    def remove(self, item: Any) -> None:
        del self[item]


def close_leaks(heard: Callable[[str, dict[str, Any]], None]) -> None:
    """Once a process. heard: told each line the product would have logged, as (method, fields)."""
    scope = backend.CancelScope
    if not getattr(scope.__init__, "ordered", False):
        original = scope.__init__

        def ordered(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self._child_scopes = Ordered()  # a cancelled scope cancels its children in this order

        ordered.ordered = True  # type: ignore[attr-defined]
        scope.__init__ = ordered  # type: ignore[method-assign]

    def capture(_logger: object, method: str, fields: dict[str, Any]) -> dict[str, Any]:
        heard(method, fields)
        raise structlog.DropEvent

    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    logging.disable(logging.CRITICAL)
