"""The demo as a child process: how long a year takes, how much memory it holds while it runs."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVERY_S = 0.05
Row = tuple[str, float, str]


def run() -> list[Row]:
    """RSS is sampled from the child's status until it ends; its own peak is the kernel's word."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as directory:
        arguments = [
            sys.executable, "-m", "tradingd", "demo", "--speed", "max", "--exit", "--json", "--port", "0", "--dir",
            f"{directory}/demo",
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
        began = time.perf_counter()
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as child:
            samples, peak = _watch(child)
            assert child.stdout is not None
            said = json.loads(child.stdout.read())
        wall = time.perf_counter() - began
        assert child.returncode == 0, said
        size = sum(path.stat().st_size for path in Path(directory).rglob("journal-*"))
    steady = sorted(samples[len(samples) // 2 :])
    return [
        ("a year of five-minute quotes, start to end", wall, "s"),
        ("... of it the replay", said["seconds"], "s"),
        ("orders", said["orders"], "orders"),
        ("journal", size / 2**20, "MiB"),
        ("steady RSS, median of the second half", steady[len(steady) // 2] / 1024, "MiB"),
        ("peak RSS", peak / 1024, "MiB"),
    ]


def _watch(child: subprocess.Popen[str]) -> tuple[list[int], int]:
    """(VmRSS samples, the last VmHWM) in KiB."""
    samples: list[int] = []
    peak = 0
    path = Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        status = path.read_text()
        if "VmRSS:" in status:
            samples.append(_kib(status, "VmRSS:"))
            peak = max(peak, _kib(status, "VmHWM:"))
        time.sleep(EVERY_S)
    return samples, peak


def _kib(status: str, name: str) -> int:
    return int(status.partition(name)[2].split()[0])
