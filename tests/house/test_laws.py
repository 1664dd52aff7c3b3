"""docs/guide/laws.md says what is promised for every market and which test shows it. Here it is held to its word. E3."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAWS = ROOT / "docs" / "guide" / "laws.md"
ROW = re.compile(r"^\| *(\d+) *\| *(\S.*?) *\| *`([^`]+)` *\|$")


def rows(text: str) -> list[tuple[int, str, str]]:
    """(number of the property, the law, its test's node id), as they stand in the table."""
    return [
        (int(n), law, node) for n, law, node in (found.groups() for found in map(ROW.match, text.splitlines()) if found)
    ]


def docstring(node: str) -> str | None:
    """Of the test with that node id ("tests/x.py::test_y" or "tests/x.py::TestZ::test_y"); None when there is no such test."""
    path, *names = node.split("::")
    if not (ROOT / path).is_file():
        return None
    found: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for name in names:
        inside = [n for n in ast.iter_child_nodes(found) if getattr(n, "name", None) == name]
        if len(inside) != 1:
            return None
        found = inside[0]
    return ast.get_docstring(found) if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) else None


TABLE = rows(LAWS.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("number", "law", "node"), TABLE, ids=[str(n) for n, _, _ in TABLE])
def test_each_law_has_a_test_that_says_it_is_the_one(number: int, law: str, node: str) -> None:
    assert node.rpartition("::")[2].startswith("test_")
    told = docstring(node)
    assert told is not None, f"there is no test {node}"
    assert re.search(rf"\bS2 property {number}\b", told), f"{node} does not say that it is S2 property {number}"
    assert law.endswith(".")


def test_no_law_stands_twice_and_they_stand_in_order() -> None:
    numbers = [number for number, _, _ in TABLE]
    assert numbers == sorted(set(numbers))
    assert len({node for _, _, node in TABLE}) == len(TABLE), "each law has a test of its own"


def test_no_other_test_claims_to_be_the_one() -> None:
    """A number that two tests bear is a number that nobody answers for."""
    claimed: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in re.findall(r"S2 property (\d+)\b", ast.get_docstring(found) or ""):
                    claimed.setdefault(int(number), []).append(f"{path.relative_to(ROOT).as_posix()}::{found.name}")
    table = {number: node for number, _, node in TABLE}
    assert {n: nodes for n, nodes in claimed.items() if n in table and nodes != [table[n]]} == {}


@pytest.mark.parametrize(
    ("node", "is_found"),
    [
        ("tests/house/test_laws.py::test_each_law_has_a_test_that_says_it_is_the_one", False),  # it has no docstring
        ("tests/house/test_laws.py::test_no_other_test_claims_to_be_the_one", True),
        ("tests/house/test_laws.py::test_of_nothing", False),
        ("tests/house/no_file.py::test_x", False),
    ],
)
def test_a_test_that_is_not_there_is_not_found(node: str, is_found: bool) -> None:
    assert (docstring(node) is not None) == is_found


def test_all_thirty_six_are_there() -> None:
    """E3: the plan has 36 numbered properties; each has its row."""
    assert {number for number, _, _ in TABLE} == set(range(1, 37))
