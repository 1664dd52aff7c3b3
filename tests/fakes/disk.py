"""A disk in memory that can fail, fill up and lose what was not synced: a fake of ports.Disk.

It keeps two states: what a reader sees (`Node.data`, `names`) and what a power cut leaves (`Node.platter`, `durable`). A sync
that fails marks the pages clean all the same, as Linux does: a later sync does not bring them to the platter.
"""

import errno
import os
import random
from collections.abc import Callable, Iterator


class Node:
    """One file. dirty: from where on `data` is not known to the platter."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.platter = bytearray()
        self.dirty = 0
        self.sync_failed = False


class FakeFile:
    def __init__(self, disk: "FakeDisk", path: str) -> None:
        self.disk = disk
        self.path = path
        self.node = disk.names[path]
        self.closed = False

    def append(self, data: bytes) -> None:
        self.disk.step("append", self.path)
        room = self.disk.room()
        self.node.data += data[:room]
        if room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device", self.path)

    def sync(self) -> None:
        assert not self.node.sync_failed, "synced again after a sync failed (I10)"
        try:
            self.disk.step("sync", self.path)
        except OSError:
            self.node.sync_failed = True
            self.node.dirty = len(self.node.data)
            raise
        self.disk.harden(self.node)

    def truncate(self, size: int) -> None:
        self.disk.step("truncate", self.path)
        del self.node.data[size:]
        del self.node.platter[size:]
        self.node.dirty = min(self.node.dirty, size)

    def size(self) -> int:
        return len(self.node.data)

    def identity(self) -> tuple[int, int]:
        if self.path not in self.disk.names:
            raise FileNotFoundError(errno.ENOENT, "No such file", self.path)
        return 1, id(self.disk.names[self.path])

    def close(self) -> None:
        self.closed = True


class FakeDisk:
    """fail_at: the number of the operation that fails, counted from 1.   persistent: all later ones fail too.

    capacity: bytes in all files, None for endless.   ops: what was done, as (operation, path).
    """

    def __init__(self, *, capacity: int | None = None) -> None:
        self.names: dict[str, Node] = {}
        self.durable: dict[str, Node] = {}
        self.locks: set[str] = set()
        self.capacity = capacity
        self.kind = "local"
        self.ops: list[tuple[str, str]] = []
        self.fail_at = 0
        self.persistent = False
        self.error = errno.EIO
        self.done = 0
        self.failed = 0

    def step(self, op: str, path: str) -> None:
        self.done += 1
        self.ops.append((op, path))
        if self.fail_at and (self.done == self.fail_at or (self.persistent and self.done > self.fail_at)):
            self.failed += 1
            raise OSError(self.error, os.strerror(self.error), path)

    def room(self) -> int:
        if self.capacity is None:
            return 1 << 60
        return max(0, self.capacity - sum(len(node.data) for node in self.names.values()))

    def harden(self, node: Node) -> None:
        """The dirty part reaches the platter; a hole that a failed sync left stays a hole."""
        node.platter.extend(bytes(max(0, node.dirty - len(node.platter))))
        node.platter[node.dirty :] = node.data[node.dirty :]
        node.dirty = len(node.data)

    def crash(self, rng: random.Random) -> "FakeDisk":
        """Power cut: the disk as the next start finds it. Of what was not synced, any part may have survived or be garbled."""
        after = FakeDisk(capacity=self.capacity)
        after.durable = dict(self.durable)
        for path in sorted(self.names.keys() | self.durable.keys()):
            if self.names.get(path) is not self.durable.get(path) and rng.random() < 0.5:
                if path in self.names:
                    after.durable[path] = self.names[path]
                else:
                    del after.durable[path]
        for path, node in after.durable.items():
            survivor = Node()
            survivor.data = bytearray(node.platter)
            fresh = node.data[node.dirty :]
            if fresh and len(node.platter) == node.dirty:
                kept = fresh[: rng.randrange(len(fresh) + 1)]
                if kept and rng.random() < 0.3:
                    kept[rng.randrange(len(kept))] ^= 1 << rng.randrange(8)
                survivor.data += kept
            survivor.platter = bytearray(survivor.data)
            survivor.dirty = len(survivor.data)
            after.names[path] = after.durable[path] = survivor
        return after

    def killed(self) -> "FakeDisk":
        """SIGKILL: locks are gone, everything written is still seen and still not synced."""
        self.locks.clear()
        self.fail_at = 0
        return self

    # ports.Disk -------------------------------------------------------------------------------------------------------

    def open_append(self, path: str) -> FakeFile:
        self.step("open", path)
        self.names.setdefault(path, Node())
        return FakeFile(self, path)

    def read(self, path: str) -> bytes:
        self.step("read", path)
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, "No such file", path)
        return bytes(self.names[path].data)

    def read_chunks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]:
        data = self.read(path)
        for at in range(0, len(data), size):
            yield data[at : at + size]

    def read_regular(self, path: str, size_max: int) -> bytes:
        data = self.read(path)
        if len(data) > size_max:
            raise OSError(errno.EFBIG, "File too large", path)
        return data

    def write_new(self, path: str, data: bytes) -> None:
        self.step("create", path)
        if path in self.names:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        room = self.room()
        node = self.names[path] = Node()
        node.data += data[:room]
        if room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        self.step("write", path)
        self.harden(node)

    def rename(self, src: str, dst: str) -> None:
        self.step("rename", dst)
        if src not in self.names:
            raise FileNotFoundError(errno.ENOENT, "No such file", src)
        self.names[dst] = self.names.pop(src)

    def unlink(self, path: str) -> None:
        self.step("unlink", path)
        del self.names[path]

    def sync_dir(self, path: str) -> None:
        self.step("sync_dir", path)
        inside = f"{path.rstrip('/')}/"

        def here(name: str) -> bool:
            return name.startswith(inside) and "/" not in name[len(inside) :]

        for name in [name for name in self.durable if here(name) and name not in self.names]:
            del self.durable[name]
        self.durable.update({name: node for name, node in self.names.items() if here(name)})

    def listdir(self, path: str) -> list[str]:
        self.step("listdir", path)
        inside = f"{path}/"
        return sorted({name[len(inside) :].partition("/")[0] for name in self.names if name.startswith(inside)})

    def mkdir(self, path: str) -> None:
        self.step("mkdir", path)

    def lock(self, path: str) -> Callable[[], None] | None:
        self.step("lock", path)
        if path in self.locks:
            return None
        self.names.setdefault(path, Node()).data[:] = b"4711\n"
        self.locks.add(path)
        return lambda: self.locks.discard(path)

    def free(self, path: str) -> int:
        return self.room()

    def fs_kind(self, path: str) -> str:
        return self.kind
