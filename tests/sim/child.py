"""`./run sim` as a child process: it needs a hash seed of its own, and ends without waking what it killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.flow.child import environment

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 1800.0


def python_m(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """That module of the checkout, to its end. Exit codes other than 0 and 1 are ours: AssertionError with its last words."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env=environment(PYTHONHASHSEED="0"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), f"exit code {done.returncode}: {done.stderr[-4000:]}"
    assert done.stdout, done.stderr[-4000:]
    return done


def sim(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`./run sim` with these arguments."""
    return python_m("tests.sim", *arguments)
