"""The machine's disk without its syncs: a result that a power cut takes is made again, so nobody waits for the platter."""

from __future__ import annotations

from tradingd.shell.env import RealDisk, RealFile


class HastyFile(RealFile):
    def sync(self) -> None:
        """Left to the kernel."""


class HastyDisk(RealDisk):
    def open_append(self, path: str) -> HastyFile:
        return HastyFile(path)

    def sync_dir(self, path: str) -> None:
        """Left to the kernel."""
