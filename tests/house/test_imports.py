"""Imports point down, and every room says on which floor it stands."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_imports_point_down() -> None:
    main = "from importlinter.cli import lint_imports_command as main; main()"
    run = subprocess.run(
        [sys.executable, "-c", main, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_room_has_a_floor() -> None:
    """import-linter is silent about a module that no contract names: a new one must not slip in between the floors."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = next(contract for contract in contracts if contract["id"] == "rooms")
    named = {name.strip(" ()") for layer in rooms["layers"] for name in layer.split("|")}
    there = {
        f"tradingd.{path.stem}"
        for path in (ROOT / "tradingd").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.stem.startswith("__")
    }
    assert there <= named, f"give these a floor in pyproject.toml: {sorted(there - named)}"
