"""The verbs of a sweep: what they refuse, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

SPAN = ("--from", "2008-01-02", "--to", "2008-01-15")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--grid, --random: nothing is varied"),
        (
            ("--grid", "risk.max_open_position=2,4"),
            78,
            "trial 1 (risk.max_open_position=2): command line: risk.max_open_position",
        ),
        (("--grid", "risk.max_open_position=2,4"), 78, "did you mean max_open_positions?"),
        (("--grid", "strategies.trend.settings.fast=5,25"), 78, "trial 2 (strategies.trend.settings.fast=25): "),
        (("--grid", "strategies.trend.settings.fsat=5"), 78, "no such setting"),
        (
            ("--grid", "strategies.trend.settings.fast=25,30", "--skip-invalid"),
            78,
            "no trial can run; the first: trial 1",
        ),
        (("--grid", "a=1,1"), 2, "1 stands there twice"),
        (("--random", "a=2..1"), 2, "the first end must be below the second"),
        (("--grid", "risk.max_open_positions=2,4", "--rank", "luck"), 2, "--rank 'luck': one of sharpe, sortino"),
        (("--grid", "risk.max_open_positions=2,4", "--oos", "1"), 2, "--oos must be 0 or more and below 1"),
        (
            ("--grid", "risk.max_open_positions=2,4", "--data", "nowhere", "--strategy", "trend"),
            78,
            "--data 'nowhere': neither demo nor the folder of a store",
        ),
        (("--grid", "risk.max_open_positions=2,4", "--jobs", "0"), 2, "--jobs"),
        (("--grid", "risk.max_open_positions=2,4", "--engine", "dask"), 2, "--engine dask needs --scheduler"),
        (
            ("--grid", "risk.max_open_positions=2,4", "--scheduler", "tcp://x:1"),
            2,
            "--scheduler goes with --engine dask",
        ),
        (
            ("--grid", "risk.max_open_positions=2,4", "--engine", "dask", "--scheduler", "tcp://x:1", "--keep", "all"),
            2,
            "--keep all: trials on a cluster leave no folders here",
        ),
    ],
)
def test_what_cannot_be_swept_is_said_before_anything_is_made(
    cli: Cli, arguments: tuple[str, ...], code: int, words: str, tmp_path: Path
) -> None:
    """T4, H6: the option, key or trial is named; no folder is left."""
    ran = cli("sweep", *SPAN, "--out", "out", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_walked_is_said(cli: Cli, tmp_path: Path) -> None:
    """T4: lengths, and a span too short for them."""
    grid = ("--grid", "risk.max_open_positions=2,4", "--out", "out")
    ran = cli("walkforward", *SPAN, *grid, "--train", "2x", "--test", "1w")
    assert (ran.code, ran.err) == (2, "Error: --train '2x': is written 30d, 4w, 6m or 2y\n")
    ran = cli("walkforward", *SPAN, *grid, "--train", "2w", "--test", "1w")
    assert ran.code == 2
    assert "2008-01-02 to 2008-01-15 is too short for one training and one test" in ran.err


def test_a_cluster_needs_its_extra(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4: without the library the line to install it is said, and nothing is made."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = cli(
        "sweep",
        *SPAN,
        "--out",
        "out",
        "--grid",
        "risk.max_open_positions=2,4",
        "--engine",
        "dask",
        "--scheduler",
        "tcp://x:1",
    )
    assert (ran.code, ran.out) == (78, "")
    assert ran.err == "Error: --engine dask needs the optional extra: pip install 'tradingd[dask]'\n"
    assert list(tmp_path.iterdir()) == []
