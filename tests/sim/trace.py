"""What happened in a world, line by line: a hash to compare two runs by, and a story to read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b

LAST = 60


class Trace:
    """keep: hold every line, not only the last ones.   now: virtual seconds."""

    def __init__(self, now: Callable[[], float], *, keep: bool = False) -> None:
        self._now = now
        self._hash = blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=None if keep else LAST)
        self.count = 0

    def say(self, who: str, what: str) -> None:
        line = f"{self._now():10.6f} {who:<8} {what}"
        self._hash.update(line.encode("utf-8", "backslashreplace"))
        self.lines.append(line)
        self.count += 1

    def digest(self) -> str:
        return self._hash.hexdigest()
