"""A real ext4 of 8 MiB on a loop device inside a test's own directory; a skip with the reason where the machine has none."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 8 << 20


class SmallDisk:
    """path: where it is mounted."""

    def __init__(self, path: Path, device: str) -> None:
        self.path = path
        self.device = device

    def fill(self, left: int) -> Path:
        """Take all room but so many bytes; the file that holds it. Others write meanwhile: who is too late gives back as much."""
        filler = self.path / "filler"
        stat = os.statvfs(self.path)
        with filler.open("wb", buffering=0) as file:
            try:
                file.write(bytes(max(0, stat.f_bavail * stat.f_frsize - left)))
                os.fsync(file.fileno())
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                file.truncate(max(0, os.fstat(file.fileno()).st_size - left))
                os.fsync(file.fileno())
        return filler

    def fail(self) -> None:
        """From now on the kernel refuses every write, as after an error of the device (EROFS)."""
        _run("mount", "-o", "remount,abort", str(self.path))

    def repair(self) -> None:
        """What an operator does after such an error: unmount, check, mount."""
        _run("umount", str(self.path))
        checked = subprocess.run(["e2fsck", "-p", self.device], capture_output=True, text=True, check=False)
        assert checked.returncode in (0, 1), checked.stdout + checked.stderr
        _run("mount", "-o", "errors=remount-ro", self.device, str(self.path))


@contextmanager
def small_disk(directory: Path) -> Iterator[SmallDisk]:
    """Mounted while the block runs; unmounted and given back after it, whatever happened."""
    if os.geteuid() != 0:
        pytest.skip("a loop device can only be mounted by root")
    image, path = directory / "disk.img", directory / "disk"
    path.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE)
    device = ""
    try:
        try:
            _run("mkfs.ext4", "-q", "-m", "0", str(image))
            device = _run("losetup", "--find", "--show", str(image)).strip()
            _run("mount", "-o", "errors=remount-ro", device, str(path))
        except (OSError, subprocess.CalledProcessError) as no:
            pytest.skip(f"this machine mounts no loop device: {no} {getattr(no, 'stderr', '')}")
        yield SmallDisk(path, device)
    finally:
        if path.is_mount():
            _run("umount", str(path))
        if device:
            _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
