"""The machine's disk: whole writes, syncs that are believed only when they say so, and what kind of file system it is."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISREG

# what survives a power cut when it says so; anything else is named as it is and refused by the journal (B17)
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "reiserfs", "xfs", "zfs"})
_ALIASES = {"ramfs": "tmpfs", "nfs4": "nfs", "fuse.overlayfs": "overlay", "overlayfs": "overlay"}


class RealFile:
    """An append-only file descriptor."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, data: bytes) -> None:
        _write_all(self._fd, data)

    def sync(self) -> None:
        _datasync(self._fd)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def identity(self) -> tuple[int, int]:
        """Of the file that the path names now: another one after a replacement, FileNotFoundError after a removal."""
        stat = os.stat(self._path)  # noqa: PTH116 - a hot path, and no Path wanted for it
        return stat.st_dev, stat.st_ino

    def close(self) -> None:
        os.close(self._fd)


class RealDisk:
    """Files of this machine. Errors are OSError as the kernel gives them; interrupted and short writes are completed (B11)."""

    def open_append(self, path: str) -> RealFile:
        return RealFile(path)

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def read_chunks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]:
        with Path(path).open("rb", buffering=0) as file:
            while chunk := file.read(size):
                yield chunk

    def read_regular(self, path: str, size_max: int) -> bytes:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us
        try:
            seen = os.fstat(fd)
            if not S_ISREG(seen.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            if seen.st_uid not in {0, os.geteuid(), Path(path).parent.stat().st_uid}:
                raise OSError(errno.EPERM, "the file is somebody else's", path)
            data = bytearray()
            while len(data) <= size_max and (chunk := os.read(fd, min(1 << 20, size_max + 1 - len(data)))):
                data += chunk
        finally:
            os.close(fd)
        if len(data) > size_max:
            raise OSError(errno.EFBIG, f"longer than {size_max} bytes", path)
        return bytes(data)

    def write_new(self, path: str, data: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, src: str, dst: str) -> None:
        Path(src).replace(dst)

    def unlink(self, path: str) -> None:
        Path(path).unlink()

    def sync_dir(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def listdir(self, path: str) -> list[str]:
        try:
            return sorted(entry.name for entry in Path(path).iterdir())
        except FileNotFoundError:
            return []

    def mkdir(self, path: str) -> None:
        where = Path(path)
        for parent in [*reversed(where.parents), where]:
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)

    def lock(self, path: str) -> Callable[[], None] | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            _write_all(fd, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        return lambda: os.close(fd)  # the file stays: removing it would let two holders lock two files of one name

    def free(self, path: str) -> int:
        stat = os.statvfs(path)
        return stat.f_bavail * stat.f_frsize

    def fs_kind(self, path: str) -> str:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        except FileNotFoundError:
            return "unknown"
        return _kind_in(mounts, Path(path).resolve())


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _datasync(fd: int) -> None:
    sync = getattr(os, "fdatasync", os.fsync)  # a machine without fdatasync gets the stronger one
    sync(fd)


def _kind_in(mountinfo: str, path: Path) -> str:
    """The kind of the file system that holds `path`; where mounts lie on one another, the last one counts."""
    best, kind = -1, "unknown"
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), left.split()[4]))
        if (point == path or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split()[0]
    return "local" if kind in _LOCAL else _ALIASES.get(kind, kind)
