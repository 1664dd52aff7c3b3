"""Which test shows which requirement: `python -m tests.house.requirements_coverage`.

A test shows a requirement when its docstring names the id (E4, R2 ...); a class of tests names it for all of them.
Exit code 1 when something that is claimed has no test. It is a report and not a test: a name proves little by itself.
"""

import ast
import re
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CLAIMED = (
    "B1", "B2", "B4", "B6", "B7", "O1", "O2", "O3", "O4", "R1", "R2", "R3", "R4", "R5",
    "E1", "E2", "E3", "E4", "E5", "E6", "E8", "E9", "E11", "E16", "J1", "H1", "H3", "H6", "P2", "T1", "T2", "T4",
)  # fmt: skip
ID = re.compile(r"\b[A-Z]\d{1,2}\b")


def ids(text: str | None) -> set[str]:
    return set(ID.findall(text or ""))


def shown(source: str, path: str) -> dict[str, set[str]]:
    """Requirement id -> the tests in one file whose docstrings name it, as path::Class::test."""
    found: dict[str, set[str]] = {}

    def visit(body: list[ast.stmt], prefix: str, inherited: set[str]) -> None:
        for node in body:
            match node:
                case ast.ClassDef():
                    own = inherited | ids(ast.get_docstring(node))
                    name = f"{prefix}::{node.name}"
                    if any(rule(child) for child in node.body):  # a state machine of hypothesis is one test
                        for each in own:
                            found.setdefault(each, set()).add(name)
                    visit(node.body, name, own)
                case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test_"):
                    for each in inherited | ids(ast.get_docstring(node)):
                        found.setdefault(each, set()).add(f"{prefix}::{node.name}")
                case _:
                    pass

    visit(ast.parse(source, path).body, path, set())
    return found


def rule(node: ast.stmt) -> bool:
    """Whether this is a step of a rule-based state machine."""
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(mark, ast.Call) and ast.unparse(mark.func).rpartition(".")[2] in {"rule", "invariant"}
        for mark in node.decorator_list
    )


def collect(folder: Path = TESTS) -> dict[str, set[str]]:
    """As shown(), for every file under the folder. The house's own tests are about the house, so not counted."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if "house" not in path.relative_to(folder).parts:
            name = path.relative_to(folder.parent).as_posix()
            for each, tests in shown(path.read_text(encoding="utf-8"), name).items():
                found.setdefault(each, set()).update(tests)
    return found


def order(requirement: str) -> tuple[str, int]:
    return requirement[0], int(requirement[1:])


def main() -> int:
    """Prints the report; the exit code is 1 when a claimed requirement has no test."""
    found = collect()
    for requirement in sorted({*found, *CLAIMED}, key=order):
        tests = sorted(found.get(requirement, ()))
        claim = "" if requirement in CLAIMED else " (not claimed)"
        print(f"{requirement}{claim}: {len(tests) or 'NO TEST'}")
        print(*(f"    {test}" for test in tests), sep="\n", end="\n" if tests else "")
    missing = [requirement for requirement in CLAIMED if requirement not in found]
    print(f"\n{len(CLAIMED) - len(missing)} of {len(CLAIMED)} claimed requirements have a test")
    if missing:
        print("without: " + " ".join(missing))
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
