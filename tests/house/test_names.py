"""Names that may not be taken, and names that may not be told."""

import re
import subprocess
import tomllib
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path

import pytest

import tradingd

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCE_ROOTS = ("adapters", "strategies", "sql")
NOT_SHIPPED = ("bench", "tests")

# Each is spelt so that this file does not hold what it looks for.
REGISTRIES = (
    r"(?:py[p]i|python[h]osted|np[m]js|yarn[p]kg|crates|rubygems|debia[n])\.(?:org|com|io)\b|proxy\.gola[n]g\.org"
)
MACHINE_PATHS = r"(?<![\w.~-])/(?:wor[k]|roo[t]|opt/py[p]i[\w-]*|opt/wheel[s])(?=[/\s\"'`),:;]|$)"
MAY_NOT_BE_TOLD = re.compile(f"{REGISTRIES}|{MACHINE_PATHS}", re.MULTILINE)


def files() -> list[Path]:
    """What is committed, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")}


def test_no_file_tells_where_it_was_made() -> None:
    """A registry's host name or a path of one machine makes the project depend on where it was written."""
    told = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in files()
        for found in MAY_NOT_BE_TOLD.findall(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not told, "\n" + "\n".join(told)


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "pyp" + "i.org/simple",
        "files.python" + "hosted.org",
        "registry.np" + "mjs.org",
        "cd /wor" + "k/main",
        "'/roo" + "t'",
    ],
)
def test_what_may_not_be_told_is_found(text: str) -> None:
    assert MAY_NOT_BE_TOLD.search(text)


@pytest.mark.parametrize("text", ["docs/wor" + "k/x", "/wor" + "kers", "~/wor" + "k", "/roo" + "ted", "a/roo" + "t/b"])
def test_what_only_looks_alike_is_not(text: str) -> None:
    assert not MAY_NOT_BE_TOLD.search(text)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_names_versions_and_hashes_only(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.findall(r"://|index-url|find-links|trusted-host", text)
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert "==" in requirement, requirement
        assert "--hash=sha256:" in requirement, requirement


def test_the_wheel_ships_the_tree() -> None:
    """A package that is in the tree but not in the wheel works in every checkout and in no installation."""
    listed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    top = {name for name in packages(ROOT) if name not in NOT_SHIPPED}
    assert set(listed) == top | {f"{folder}/{name}" for folder in SOURCE_ROOTS for name in packages(ROOT / folder)}


def test_every_folder_of_code_is_a_package() -> None:
    """Without __init__.py a folder works, but import-linter does not see into it."""
    for package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        for module in (ROOT / package).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), f"{module.parent.relative_to(ROOT)} has no __init__.py"


def test_source_roots_are_not_packages() -> None:
    """Distributions called `adapters` and `strategies` exist: a package of that name would be overwritten by them."""
    for folder in (*SOURCE_ROOTS, "config", "docs"):
        assert not (ROOT / folder / "__init__.py").exists(), folder
        assert not packages(ROOT / folder) - {f"tradingd_{folder}"}, folder
    for name in ("adapters", "strategies", "sql"):
        assert set(packages_distributions().get(name, ())) <= {"tradingd"}, f"another distribution claims {name}"


def test_every_package_is_typed() -> None:
    for package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "py.typed").exists(), package


def test_version_is_said_once() -> None:
    assert tradingd.__version__ == PYPROJECT["project"]["version"] == version("tradingd")


@pytest.mark.parametrize("group", ["tradingd.adapters", "tradingd.strategies"])
def test_entry_points_are_linked_and_load(group: str) -> None:
    """The daemon finds its adapters and strategies by entry point, in a checkout as in an installation."""
    declared = PYPROJECT["project"]["entry-points"][group]
    found = {point.name: point for point in entry_points(group=group)}
    assert {name: point.value for name, point in found.items()} == declared
    for point in found.values():
        point.load()
