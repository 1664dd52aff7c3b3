"""What only the lab needs stays out of what trades."""

import os
import subprocess
import sys


def test_the_rest_does_without_them() -> None:
    """J5: neither the daemon nor a verb that looks loads what only the lab needs."""
    code = (
        "import sys, tradingd.app, tradingd.cli, tradingd.cli.data, tradingd.demo.run, tradingd_adapters.sim\n"
        "import tradingd_strategies.trend\n"
        "print(sorted({'distributed', 'numpy', 'pyarrow', 'pandas', 'tradingd.lab'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert ran.stdout == "[]\n"
