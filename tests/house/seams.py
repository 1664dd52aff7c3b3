"""Finds what would make two runs of the same events differ: clocks, chance, threads and files outside of the seams.

Everything that is not decided by the events enters through one object, built in tradingd/shell/env. This reads the
source (it imports nothing) and reports every other way in. Two kinds are told apart:

- a *module* (random, socket ...) is reported where it is imported; a reason there covers its use in that file;
- a *name* (time.monotonic, asyncio.sleep ...) is reported wherever it stands, called or handed on, under any alias.

A line that must do it nevertheless says why, behind the code: `# sim-ok: reads a file before the loop starts`.

`python -m tests.house.seams [PATH ...]` reports; without paths, on the product.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("tradingd", "adapters", "strategies")
EXEMPT = "tradingd/shell/env/"  # implements the seams
FLOAT_CARE = ("tradingd/core/", "strategies/")

CLOCK = "time comes in events and from env.clock"
CHANCE = "chance and ids come from env"
WAIT = "wait on env.clock"
TASKS = "app.py owns the only task group: env.spawn"
THREADS = "blocking work goes through env.blocking"
FILES = "files are reached through env.disk"
NETWORK = "connections are opened through env.net"
ORDER = "its result comes as a set, in no order: use a task group or gather"
SUM = "of floats it differs between Python 3.11 and 3.12: math.fsum (of anything else: say so in a sim-ok)"
REASON = "sim-ok needs a reason behind the colon"

MODULES = {
    "random": CHANCE,
    "secrets": CHANCE,
    "socket": NETWORK,
    "threading": THREADS,
    "time": CLOCK,
    "uuid": CHANCE,
}
NAMES = {
    **dict.fromkeys((f"time.{clock}{ns}" for clock in ("time", "monotonic", "perf_counter", "process_time",
                    "thread_time", "clock_gettime") for ns in ("", "_ns")), CLOCK),
    "time.localtime": CLOCK,
    "time.gmtime": CLOCK,
    "time.sleep": WAIT,
    "datetime.datetime.now": CLOCK,
    "datetime.datetime.today": CLOCK,
    "datetime.datetime.utcnow": CLOCK,
    "datetime.date.today": CLOCK,
    "os.urandom": CHANCE,
    "os.getrandom": CHANCE,
    "asyncio.sleep": WAIT,
    "anyio.sleep": WAIT,
    "anyio.sleep_until": WAIT,
    "anyio.sleep_forever": WAIT,
    "asyncio.create_task": TASKS,
    "asyncio.ensure_future": TASKS,
    "asyncio.to_thread": THREADS,
    "anyio.to_thread": THREADS,
    "asyncio.wait": ORDER,
    "asyncio.as_completed": ORDER,
    "anyio.open_file": FILES,
    "io.open": FILES,
    "os.open": FILES,
    "os.fdopen": FILES,
    "os.fsync": FILES,
    "os.fdatasync": FILES,
    "os.replace": FILES,
    "os.rename": FILES,
}  # fmt: skip
BUILTINS = {"open": FILES}
METHODS = {"run_in_executor": THREADS}  # on whatever object
PACKAGES = {name.partition(".")[0] for name in (*MODULES, *NAMES)}

Suspect = tuple[ast.stmt | ast.expr, str, str]  # where, what stands there, what to do instead


@dataclass(frozen=True, order=True)
class Finding:
    """One way around the seams: line counted from 1, what stands there, and what to do instead."""

    path: str
    line: int
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.advice}"


def check(source: str, path: str) -> list[Finding]:
    """The findings in one file, in order of lines. path: relative to the checkout, with slashes."""
    if path.startswith(EXEMPT):
        return []
    reasons = _reasons(source)
    found = {Finding(path, line, "# sim-ok", REASON) for line, reason in reasons.items() if not reason}
    for node, what, advice in _suspects(ast.parse(source, path), care_of_floats=path.startswith(FLOAT_CARE)):
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if not any(reasons.get(line) for line in lines):
            found.add(Finding(path, node.lineno, what, advice))
    return sorted(found)


def check_tree(root: Path = ROOT) -> list[Finding]:
    """The findings in all of the product's code."""
    files = sorted(path for folder in PRODUCT for path in (root / folder).rglob("*.py"))
    return [
        finding
        for path in files
        for finding in check(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]


def _reasons(source: str) -> dict[int, str]:
    """Line -> the reason given on it, empty when only the mark is there. A mark within a string does not count."""
    reasons = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := re.search(r"#\s*sim-ok\b:?\s*(.*)", token.string)):
            reasons[token.start[0]] = match[1].strip()
    return reasons


def _suspects(tree: ast.Module, *, care_of_floats: bool) -> Iterator[Suspect]:
    meaning, defined, bound = _imports(tree), _defined(tree), _bound(tree)
    builtins = {**BUILTINS, "sum": SUM} if care_of_floats else BUILTINS
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    if advice := MODULES.get(_top(alias.name)) or NAMES.get(alias.name):
                        yield node, f"import {alias.name}", advice
            case ast.ImportFrom(module=str(module), level=0):
                for alias in node.names:
                    advice = MODULES.get(_top(module)) or NAMES.get(module) or NAMES.get(f"{module}.{alias.name}")
                    if alias.name == "*" and _top(module) in PACKAGES:
                        advice = advice or "name what is imported"
                    if advice:
                        yield node, f"from {module} import {alias.name}", advice
            case ast.Attribute(attr=attr):
                if (full := _dotted(node, meaning)) in NAMES:
                    yield node, full, NAMES[full]
                elif attr in METHODS:
                    yield node, f".{attr}", METHODS[attr]
            case ast.Name(id=name, ctx=ast.Load()) if name in meaning:
                if meaning[name] in NAMES:
                    yield node, meaning[name], NAMES[meaning[name]]
            case ast.Name(id=name, ctx=ast.Load()) if name in builtins and name not in defined:
                if id(node) in called or name not in bound:  # a bar's `open` is a number, not the builtin
                    yield node, f"{name}()", builtins[name]
            case _:
                pass


def _top(name: str) -> str:
    return name.partition(".")[0]


def _imports(tree: ast.Module) -> dict[str, str]:
    """Local name -> the full name it stands for, for everything imported anywhere in the file."""
    meaning: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    meaning[alias.asname] = alias.name
                else:
                    meaning[_top(alias.name)] = _top(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return meaning


def _defined(tree: ast.Module) -> set[str]:
    """The functions and classes of the module itself."""
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def _bound(tree: ast.Module) -> set[str]:
    """Every argument and variable, of whatever scope."""
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _dotted(node: ast.expr, meaning: dict[str, str]) -> str:
    """The full name of a.b.c, or nothing when it does not begin with something imported."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in meaning:
        return ""
    return ".".join([meaning[node.id], *reversed(parts)])


def main(arguments: list[str]) -> int:
    """Prints the findings; exit code 1 when there are any."""
    paths = [Path(argument).resolve() for argument in arguments]
    findings = (
        [f for path in paths for f in check(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())]
        if paths
        else check_tree()
    )
    print(*findings, sep="\n", end="\n" if findings else "")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
