"""The compiled build comes to what pure Python comes to, and is not used when it is of something else (ADR 9)."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.flow.child import ROOT, environment
from tests.house.fingerprint import fingerprint
from tradingd.shell.identity import build_hash

TOOL = ROOT / "tools" / "compile.py"


def load(path: Path) -> Any:
    """The tool as it stands in a checkout; it is no part of a package."""
    spec = importlib.util.spec_from_file_location("compile_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load(TOOL)


def python(*arguments: str, cwd: Path, first: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own. first: what stands before the checkout on its path."""
    env = environment(PYTHONSAFEPATH="1")
    if first is not None:
        env["PYTHONPATH"] = os.pathsep.join((str(first), env["PYTHONPATH"]))
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build, made once."""
    if (fault := tool.missing()) is not None:
        pytest.skip(fault)
    folder = tmp_path_factory.mktemp("compiled") / "build"
    ran = python(str(TOOL), "build", str(folder), cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.mark.slow
def test_random_worlds_have_one_fingerprint(compiled: Path, tmp_path: Path) -> None:
    """PERFORMANCE 9: every fact, the booked half, marks and equity, and the venue's records."""
    ran = python("-m", "tests.house.fingerprint", cwd=tmp_path, first=compiled)
    assert ran.returncode == 0, ran.stderr
    theirs, ours = json.loads(ran.stdout), fingerprint()
    assert (theirs.pop("compiled"), ours.pop("compiled")) == (True, False)
    assert theirs == ours
    assert {"Filled", "BreakerTripped", "StopSet", "SplitApplied", "ReplaceIntended"} <= set(ours["kinds"])


@pytest.mark.slow
def test_the_backtest_of_2008_has_one_journal(compiled: Path, tmp_path: Path) -> None:
    heads = []
    for name, first in (("pure", None), ("compiled", compiled)):
        out = tmp_path / name
        asked = ["backtest", "--from", "2008-01-02", "--to", "2008-12-31", "--out", str(out), "--json"]
        ran = python("-m", "tradingd", *asked, cwd=tmp_path, first=first)
        assert ran.returncode == 0, ran.stderr
        heads.append(json.loads(ran.stdout)["result"]["journal"])
    assert heads[0] == heads[1]
    assert heads[0]["records"] > 1_000


@pytest.mark.slow
def test_a_build_says_that_it_is_one(compiled: Path, tmp_path: Path) -> None:
    said = [python("-m", "tradingd", "--version", cwd=tmp_path, first=first).stdout for first in (None, compiled)]
    assert said[1] == f"{said[0].strip()} (compiled)\n"


@pytest.mark.slow
def test_a_build_that_is_not_of_these_sources_whole_and_unchanged_is_refused(compiled: Path, tmp_path: Path) -> None:
    assert python(str(TOOL), "check", str(compiled), cwd=ROOT).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(compiled, copy)
    binary = next(path for path in sorted(copy.rglob("*.so")))
    binary.write_bytes(binary.read_bytes() + b"\0")
    ran = python(str(TOOL), "check", str(copy), cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (
        1,
        "the compiled build was changed, or is not whole: ./run compile\n",
    )


def stamped(folder: Path, **changes: Any) -> Path:
    """What passes for a build, without a compiler, but for the changes to its stamp."""
    folder.mkdir()
    (folder / "module.so").write_bytes(b"code")
    stamp = {**tool.stamp_of_now(), "binaries": tool.hashes(folder), **changes}
    (folder / tool.STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    return folder


def test_what_is_of_now_is_used(tmp_path: Path) -> None:
    assert tool.fault_of(stamped(tmp_path / "build")) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sources": "0" * 64}, "the compiled build is of other sources"),
        ({"python": "3.11.0 (other)"}, "the compiled build is for another Python"),
        ({"abi": ".cpython-39.so"}, "the compiled build is for another Python"),
        ({"binaries": {}}, "the compiled build was changed, or is not whole"),
    ],
)
def test_what_is_not_of_now_is_refused(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    assert tool.fault_of(stamped(tmp_path / "build", **changes)) == why


def test_a_file_more_or_less_is_refused(tmp_path: Path) -> None:
    build = stamped(tmp_path / "build")
    (build / "more.py").write_text("", encoding="utf-8")
    assert tool.fault_of(build) == "the compiled build was changed, or is not whole"
    (build / "more.py").unlink()
    assert tool.fault_of(build) is None
    (build / "sessions_XNYS.csv").write_text("", encoding="utf-8")
    assert tool.fault_of(build) == "the compiled build was changed, or is not whole"
    assert tool.fault_of(tmp_path / "nothing") == "there is no compiled build"


def test_any_change_of_any_source_is_another_build(tmp_path: Path) -> None:
    for package in (*tool.PACKAGES, "tools"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("", encoding="utf-8")
    elsewhere = load(Path(shutil.copy(TOOL, tmp_path / "tools" / "compile.py")))
    seen = [elsewhere.stamp_of_now()["sources"]]
    for path in (
        "tradingd/__init__.py",
        "tradingd/core/new.py",
        "adapters/tradingd_adapters/new.py",
        "tradingd/data/sessions_XNYS.csv",
        "tradingd/data/backtest.toml",
        "adapters/tradingd_adapters/sim/prices.csv.gz",
        "tools/compile.py",
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write("x = 1\n")
        seen.append(elsewhere.stamp_of_now()["sources"])
    assert len(set(seen)) == len(seen)


def test_what_python_and_editors_leave_beside_sources_is_no_change(tmp_path: Path) -> None:
    build = stamped(tmp_path / "build")
    (build / "__pycache__").mkdir()
    for name in ("__pycache__/module.cpython-311.pyc", ".module.py.swp"):
        (build / name).write_text("", encoding="utf-8")
    assert tool.fault_of(build) is None


COMPILER = """\
#!/bin/sh
echo 'x = 2' >>'{changed}'
exec {compiler} "$@"
"""


@pytest.mark.slow
def test_sources_that_change_while_they_are_compiled_make_the_build_one_of_others(tmp_path: Path) -> None:
    """Half a minute is long enough to save a file: the build has the old text of it."""
    if (fault := tool.missing()) is not None:
        pytest.skip(fault)
    for package in (*tool.PACKAGES, "tools"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("", encoding="utf-8")
    changed, compiler, own = tmp_path / "tradingd" / "other.py", tmp_path / "cc", tmp_path / "tools" / "compile.py"
    changed.write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "tradingd" / "small.py").write_text("def two() -> int:\n    return 2\n", encoding="utf-8")
    text, n = re.subn(
        r"^MODULES = \(.*?^\)", 'MODULES = ("tradingd/small",)', TOOL.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert n == 1
    own.write_text(text, encoding="utf-8")
    real = sysconfig.get_config_var("CC")
    compiler.write_text(COMPILER.format(changed=changed, compiler=real), encoding="utf-8")
    compiler.chmod(0o755)
    build = tmp_path / "build"
    env = environment(PYTHONSAFEPATH="1", CC=str(compiler), LDSHARED=f"{real} -shared")
    ran = subprocess.run(
        [sys.executable, str(own), "build", str(build)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "x = 2" in changed.read_text(encoding="utf-8")
    assert (build / "tradingd" / "other.py").read_text(encoding="utf-8") == "x = 1\n"
    assert load(own).fault_of(build) == "the compiled build is of other sources"


SOURCE = '''\
"""A module."""

from __future__ import annotations

import msgspec

CENT = 1
OTHER = 2


class Base(msgspec.Struct, frozen=True):
    x: int = CENT


class Derived(Base, frozen=True):
    """A struct too."""


class Plain:
    def of(self, base: Base) -> int:
        return base.x + OTHER
'''


def test_structs_stay_python_with_what_they_need_and_the_rest_is_compiled() -> None:
    compiled, kept = tool.split(SOURCE, "a.b")
    for name in ("Base", "CENT", "Derived"):
        assert f"from tradingd_structs.a_b import {name} as {name}\n" in compiled
    assert "class Plain" in compiled
    assert "OTHER = 2" in compiled
    assert "msgspec.Struct" not in compiled
    space: dict[str, Any] = {"__name__": "kept"}
    exec(kept, space)
    assert (space["Derived"]().x, space["Derived"].__struct_config__.frozen) == (1, True)
    assert "Plain" not in space
    assert "OTHER" not in space


def test_a_module_without_structs_is_compiled_as_it_stands() -> None:
    source = "import math\n\n\ndef two() -> int:\n    return 2\n"
    assert tool.split(source, "a") == (source, "")


def test_a_struct_that_needs_a_compiled_class_cannot_be_split() -> None:
    source = SOURCE.replace("x: int = CENT", "x: Plain = None")
    with pytest.raises(ValueError, match=r"^a\.b: a class of msgspec needs Plain, which is compiled$"):
        tool.split(source, "a.b")


def test_every_module_that_is_compiled_exists_and_can_be_split() -> None:
    where = {Path(package).name: ROOT / package for package in tool.PACKAGES}
    for path in tool.MODULES:
        package, _, rest = path.partition("/")
        compiled, kept = tool.split((where[package] / f"{rest}.py").read_text(encoding="utf-8"), path.replace("/", "."))
        assert "msgspec.Struct" not in compiled
        for text in (compiled, kept):
            compile(text, path, "exec")


def test_the_hash_that_stands_in_the_journal_is_of_the_sources(compiled: Path, tmp_path: Path) -> None:
    """A journal that one build wrote is replayed by the other."""
    ran = python(
        "-c", "from tradingd.shell.identity import build_hash; print(build_hash())", cwd=tmp_path, first=compiled
    )
    assert ran.stdout.strip() == build_hash()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--compiled", "run"], "everything that lives runs as plain Python"),
        (["--compiled", "demo"], "everything that lives runs as plain Python"),
        (["--compiled"], "everything that lives runs as plain Python"),
        (["compile", "--fast"], "./run compile takes --clean or nothing"),
    ],
)
def test_the_daemon_is_not_run_compiled(asked: list[str], why: str) -> None:
    ran = subprocess.run(["sh", str(ROOT / "run"), *asked], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert why in ran.stderr
