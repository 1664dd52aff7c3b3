"""The disk of a host: `FakeDisk` (what is written, what is synced, what a power cut leaves), with faults that come and go.

Every operation of a dead host is refused. `hardened` is told the bytes that reached the platter, which is where the promise
"durable before sent" is checked.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable

from tests.fakes.disk import FakeDisk, Node
from tests.sim.loop import Host

Hardened = Callable[[str, bytes], None]
DROP = "/state/drop/"  # here a rename is one step for a power cut too, as a file system's own journal has it


class SimDisk(FakeDisk):
    """errors: what the n-th operation from now does, as (n, errno name, for ever).   slow_s: seconds a sync takes just now."""

    def __init__(self, *, capacity: int | None = None) -> None:
        super().__init__(capacity=capacity)
        self.host: Host | None = None
        self.hardened: Hardened | None = None
        self.slow_s = 0.0
        self.counts: dict[str, int] = {}
        self.dies_at = 0  # the process dies before its n-th operation from now
        self.on_death: Callable[[], None] | None = None
        self.lying = False  # gave an error since the last start
        self.fatal = ""  # the error after which nothing of the journal may be believed
        self._views: list[
            dict[str, Node]
        ] = []  # of the drop folder, after each change that no sync of a directory has followed

    def step(self, op: str, path: str) -> None:
        if self.host is not None:
            self.host.alive_or_dead()
        if self.dies_at:
            self.dies_at -= 1
            if not self.dies_at and self.on_death is not None:
                self.on_death()
                if self.host is not None:
                    self.host.alive_or_dead()
        self.done += 1
        if self.fail_at and (self.done == self.fail_at or (self.persistent and self.done > self.fail_at)):
            self.failed += 1
            self.lying = True
            self.counts[op] = self.counts.get(op, 0) + 1
            if self.error in (errno.EIO, errno.EROFS) and op in ("append", "sync"):
                self.fatal = self.fatal or f"{errno.errorcode[self.error]} on {op} of {path}"
            raise OSError(self.error, os.strerror(self.error), path)

    def fail_next(self, n: int, name: str, *, for_ever: bool) -> None:
        """The n-th operation from now fails."""
        self.fail_at, self.error, self.persistent = self.done + max(1, n), getattr(errno, name), for_ever

    def mend(self) -> None:
        self.fail_at, self.persistent, self.slow_s, self.capacity, self.dies_at = 0, False, 0.0, None, 0

    def harden(self, node: Node) -> None:
        start = len(node.platter)
        super().harden(node)
        if self.hardened is not None:
            for path, candidate in self.names.items():
                if candidate is node:
                    self.hardened(path, bytes(node.platter[start:]))
                    return

    def put(self, path: str, data: bytes) -> None:
        """Somebody else puts a file there, whole and synced."""
        node = Node()
        node.data, node.platter, node.dirty = bytearray(data), bytearray(data), len(data)
        self.names[path] = self.durable[path] = node
        for view in self._views:
            view[path] = node

    def rename(self, src: str, dst: str) -> None:
        super().rename(src, dst)
        self._note(dst)

    def unlink(self, path: str) -> None:
        super().unlink(path)
        self._note(path)

    def write_new(self, path: str, data: bytes) -> None:
        super().write_new(path, data)
        self._note(path)

    def sync_dir(self, path: str) -> None:
        """All changes of names before it are one history: none is kept without those before it."""
        super().sync_dir(path)
        if f"{path}/".startswith(DROP):
            self._views.clear()
            self._keep(self._dropped(self.names))

    def _note(self, path: str) -> None:
        if path.startswith(DROP):
            self._views.append(self._dropped(self.names))

    def _keep(self, view: dict[str, Node]) -> None:
        """Of the drop folder the platter has this."""
        for path in self._dropped(self.durable):
            del self.durable[path]
        self.durable.update(view)

    @staticmethod
    def _dropped(names: dict[str, Node]) -> dict[str, Node]:
        return {path: node for path, node in names.items() if path.startswith(DROP)}

    def _cut(self, rng: random.Random) -> None:
        """A power cut leaves the drop folder as it was at some moment since the last sync of its directories."""
        if self._views:
            self._keep(rng.choice([self._dropped(self.durable), *self._views]))
            for path in self._dropped(self.names):
                del self.names[path]
            self.names.update(self._dropped(self.durable))
            self._views = []

    def after_power_cut(self, rng: random.Random) -> SimDisk:
        """What the next start finds: unsynced bytes are there, cut short, garbled or gone."""
        self._cut(rng)
        return self._next(self.crash(rng))

    def after_kill(self) -> SimDisk:
        """What the next process finds: everything written, still not synced."""
        return self._next(self.killed())

    def _next(self, old: FakeDisk) -> SimDisk:
        new = SimDisk(capacity=self.capacity)
        new.names, new.durable = old.names, old.durable
        new.hardened, new.slow_s, new._views = self.hardened, self.slow_s, self._views
        return new
