"""The product as its user starts it: child processes of their own, found by their page's address, ended for good."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
# a demo that holds something from its first hour on, for weeks
HOLDING = ("--from", "2008-02-20", "--to", "2008-06-30", "--port", "0")
PAGE = re.compile(r"^page\s+(http://127\.0\.0\.1:(\d+)/#token=([0-9a-f]+))$", re.MULTILINE)


def environment(**extra: str) -> dict[str, str]:
    """Ours, with the checkout's packages in reach and none of the machine's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADINGD")}
    paths = [str(ROOT), str(ROOT / "adapters"), str(ROOT / "strategies"), *filter(None, sys.path)]
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "XDG_CONFIG_HOME": "/nonexistent", **extra}


def tradingd(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tradingd", *arguments],
        cwd=cwd, env=environment(**env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


class Demo:
    """A demo that runs. url: the page's address with its token.   port, token: its parts."""

    def __init__(self, process: subprocess.Popen[str], directory: Path, greeting: str) -> None:
        self.process = process
        self.directory = directory
        self.greeting = greeting
        found = PAGE.search(greeting)
        assert found is not None, f"no page in the greeting:\n{greeting}"
        self.url, self.port, self.token = found[1], int(found[2]), found[3]

    def cli(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return tradingd(*arguments, cwd=self.directory.parent, TRADINGD_DIR=str(self.directory), **env)

    def json(self, *arguments: str) -> Any:
        """A command's `--json`: one document, nothing else, exit code 0."""
        ran = self.cli(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return msgspec.json.decode(ran.stdout)

    def page(self) -> Any:
        return self.json("status")

    def account(self) -> Any:
        (account,) = self.page()["accounts"]
        return account

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what it still said."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out


@contextmanager
def demo(directory: Path, *arguments: str, **env: str) -> Iterator[Demo]:
    """A demo up to its greeting; killed at the end when it still runs."""
    command = [sys.executable, "-W", "error", "-m", "tradingd", "demo", "--dir", str(directory), *arguments]
    process = subprocess.Popen(
        command, cwd=directory.parent, env=environment(**env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield Demo(process, directory, _greeting(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _greeting(process: subprocess.Popen[str]) -> str:
    """All up to the first empty line; or everything, when it ended before."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if line == "\n":
            break
        lines.append(line)
    return "".join(lines)
