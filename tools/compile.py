"""Makes the compiled build: a copy of the packages in which the modules of the hot path are extensions. docs/adr/0009-compiled.md

    python tools/compile.py build FOLDER   by mypyc and a C compiler; what stood in FOLDER is replaced when all is done
    python tools/compile.py check FOLDER   exit code 0 when it is of these sources and this Python, else 1 with the reason

Sources stay as they are, and are copied beside their extensions, so the build hash is the same. A class of msgspec cannot be
compiled: where a module has some, they go to a module of their own in `tradingd_structs`, which stays Python.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tradingd", "adapters/tradingd_adapters", "strategies/tradingd_strategies")
STRUCTS = "tradingd_structs"
STAMP = "stamp.json"
MODULES = (
    "tradingd/core/book/book", "tradingd/core/book/market", "tradingd/core/pipeline", "tradingd/core/steps/levels",
    "tradingd/core/steps/limits", "tradingd/core/steps/quotes", "tradingd/lab/run", "tradingd_adapters/sim/accounts",
    "tradingd_adapters/sim/block", "tradingd_adapters/sim/bounds", "tradingd_adapters/sim/exchange",
    "tradingd_adapters/sim/faults", "tradingd_adapters/sim/floor", "tradingd_adapters/sim/matching",
    "tradingd_adapters/sim/session",
)  # fmt: skip
FLAGS = "-ffp-contract=off"  # a product and a sum rounded at once are another float than Python's
SETUP = """\
from setuptools import setup
from mypyc.build import mypycify
options = ["--strict", "--explicit-package-bases", "--config-file="]
modules = mypycify([*options, *{files}], opt_level="2", debug_level="0", group_name="tradingd")
setup(name="tradingd", packages=[], py_modules=[], ext_modules=modules)
"""
CHECK = """\
import importlib, msgspec
for name in {names}:
    module = importlib.import_module(name)
    assert module.__file__.endswith(".so"), f"{{name}} was not compiled"
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            assert kind.__module__ != name, f"{{name}}: {{kind.__name__}} is a class of msgspec, and was compiled"
"""


def is_struct(node: ast.stmt, known: set[str]) -> bool:
    """Is it a class of msgspec, or of one of those in `known`?"""
    return isinstance(node, ast.ClassDef) and any(
        ast.unparse(base) == "msgspec.Struct" or (isinstance(base, ast.Name) and base.id in known)
        for base in node.bases
    )


def defined(node: ast.stmt) -> set[str]:
    """The names that a statement of a module gives a meaning to, imports left aside."""
    match node:
        case ast.ClassDef() | ast.FunctionDef():
            return {node.name}
        case ast.Assign():
            return {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def split(source: str, module: str) -> tuple[str, str]:
    """(what is compiled, what stays Python: "" for nothing) of a module, whose name is dotted. ValueError when a class of msgspec
    needs one that is compiled."""
    body = ast.parse(source).body
    moved: set[str] = set()
    for node in body:
        if is_struct(node, moved):
            moved |= defined(node)
    if not moved:
        return source, ""
    grown = True
    while grown:  # with what they need
        needed = {n.id for node in body if defined(node) & moved for n in ast.walk(node) if isinstance(n, ast.Name)}
        found = {name for node in body if defined(node) & needed for name in defined(node)}
        grown = not found <= moved
        moved |= found
    lines, rest, kept = source.splitlines(keepends=True), [], []
    for node in body:
        text = "".join(lines[_first(node) - 1 : node.end_lineno])
        if defined(node) & moved:
            if isinstance(node, ast.ClassDef) and not is_struct(node, moved):
                raise ValueError(f"{module}: a class of msgspec needs {node.name}, which is compiled")
            kept.append(text)
            continue
        rest.append(text)
        if _is_import(node):
            kept.append(text)
    last = max(i for i, node in enumerate(n for n in body if not defined(n) & moved) if _is_import(node))
    back = "".join(f"from {STRUCTS}.{module.replace('.', '_')} import {name} as {name}\n" for name in sorted(moved))
    rest.insert(last + 1, back)
    return "".join(rest), "".join(kept)


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )


def sources() -> Iterator[Path]:
    """Every file of the product, sessions, defaults and prices among them, and this one, which says how they are compiled."""
    for package in PACKAGES:
        yield from _files(ROOT / package)
    yield ROOT / "tools" / "compile.py"


def _files(folder: Path) -> list[Path]:
    """What a process may load or read of it; what Python keeps beside its sources, and hidden files, is neither."""
    found = (path for path in folder.rglob("[!.]*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.relative_to(folder).parts)


def stamp_of_now() -> dict[str, str]:
    """What a build has to be of: sources and interpreter."""
    digest = sha256()
    for path in sources():
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest())
    return {"sources": digest.hexdigest(), "python": sys.version, "abi": str(sysconfig.get_config_var("EXT_SUFFIX"))}


def fault_of(folder: Path) -> str | None:
    """Why that build must not be used, None when it may."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        binaries = stamp.pop("binaries")
    except (OSError, ValueError, KeyError, AttributeError):
        return "there is no compiled build"
    now = stamp_of_now()
    if stamp.get("sources") != now["sources"]:
        return "the compiled build is of other sources"
    if stamp != now:
        return "the compiled build is for another Python"
    if binaries != hashes(folder):
        return "the compiled build was changed, or is not whole"
    return None


def hashes(folder: Path) -> dict[str, str]:
    """File -> SHA-256 of all that a process could load or read from there, the stamp apart."""
    files = [path for path in _files(folder) if path != folder / STAMP]
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def missing() -> str | None:
    """What this machine lacks to compile, None when nothing."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"the C compiler {compiler} is missing: apt-get install gcc"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "the headers of Python are missing: apt-get install python3-dev"
    return None


def copy(to: Path) -> None:
    """The packages side by side in that folder, as an installation has them."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))


def extensions(source: Path, out: Path) -> None:
    """Compile MODULES, split, of the packages in `source` into `out`. SystemExit with the compiler's words when that fails."""
    (source / STRUCTS).mkdir()
    (source / STRUCTS / "__init__.py").write_text("", encoding="utf-8")
    (source / STRUCTS / "py.typed").write_text("", encoding="utf-8")
    for path in MODULES:
        file, module = source / f"{path}.py", path.replace("/", ".")
        compiled, python = split(file.read_text(encoding="utf-8"), module)
        file.write_text(compiled, encoding="utf-8")
        if python:
            (source / STRUCTS / f"{module.replace('.', '_')}.py").write_text(python, encoding="utf-8")
    (source / "setup.py").write_text(SETUP.format(files=[f"{path}.py" for path in MODULES]), encoding="utf-8")
    _python(source, "setup.py", "-q", "build_ext", "--build-lib", str(out), "--build-temp", "temp", CFLAGS=FLAGS)
    shutil.copytree(source / STRUCTS, out / STRUCTS)
    _python(out, "-B", "-c", CHECK.format(names=[path.replace("/", ".") for path in MODULES]))


def _python(folder: Path, *arguments: str, **env: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore", **env}
    command = [sys.executable, *arguments]
    ran = subprocess.run(  # noqa: S603 - ourselves
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(f"compile: it failed\n{ran.stdout}{ran.stderr}")


def build(folder: Path) -> None:
    """The whole build, put in place at the end only. SystemExit with the reason when it cannot be made."""
    fault = missing()
    if fault is not None:
        raise SystemExit(f"compile: {fault}")
    with TemporaryDirectory(prefix=".compile-", dir=folder.parent) as scratch:
        source, out = Path(scratch, "source"), Path(scratch, "out")
        now = stamp_of_now()  # before anything is read: what changes from here on makes the build one of other sources
        copy(source)
        copy(out)
        extensions(source, out)
        stamp = {**now, "binaries": hashes(out)}
        (out / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        out.rename(folder)


def main(arguments: list[str]) -> int:
    """The exit code: 0, 1 when a check fails, 2 for words it does not know. SystemExit when a build fails."""
    match arguments:
        case ["build", folder]:
            build(Path(folder).resolve())
            return 0
        case ["check", folder]:
            fault = fault_of(Path(folder))
            if fault is not None:
                print(f"{fault}: ./run compile", file=sys.stderr)
            return int(fault is not None)
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
