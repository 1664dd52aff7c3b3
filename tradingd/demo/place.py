"""The demo's directory: made anew for each run, and never at the cost of anything that is not a demo."""

from __future__ import annotations

import shutil
from pathlib import Path

from tradingd.ports import Broken, Disk

MARK = "THIS-IS-A-DEMO"
TEXT = b"Made by `tradingd demo`; deleted by the next one.\n"


def fresh(disk: Disk, directory: Path) -> Path:
    """An empty, marked directory. Raises Broken when what is there is no demo, or one that runs."""
    path = str(directory)
    names = disk.listdir(path)
    if names and MARK not in names:
        raise Broken(f"{directory} is not empty and was not made by the demo: name another one with --dir")
    if "journal" in names:
        release = disk.lock(str(directory / "journal" / "lock"))
        if release is None:
            raise Broken(f"a demo runs in {directory}: stop it (Ctrl-C), or name another directory with --dir")
        release()
    if names:
        shutil.rmtree(directory)
    disk.mkdir(path)
    disk.write_new(str(directory / MARK), TEXT)
    return directory
