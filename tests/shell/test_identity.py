"""What code and data this is."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from tradingd.shell import identity
from tradingd.shell.identity import build_hash, session_table


def hash_of(monkeypatch: pytest.MonkeyPatch, root: Path) -> str:
    def files(package: str) -> Traversable:
        return root / package

    monkeypatch.setattr(identity, "files", files)
    return build_hash()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for package in identity.PACKAGES:
        (tmp_path / package / "deep").mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text(f"# {package}\n")
        (tmp_path / package / "deep" / "x.py").write_text("x = 1\n")
    return tmp_path


def test_the_hash_is_of_the_sources_alone(monkeypatch: pytest.MonkeyPatch, sources: Path) -> None:
    """H10: caches, data and where it lies do not count."""
    before = hash_of(monkeypatch, sources)
    (sources / "tradingd" / "__pycache__").mkdir()
    (sources / "tradingd" / "__pycache__" / "y.py").write_text("y = 2\n")
    (sources / "tradingd" / "data").mkdir()
    (sources / "tradingd" / "data" / "prices.csv").write_text("2\n")
    (sources / "tradingd" / "notes.txt").write_text("no source\n")
    assert hash_of(monkeypatch, sources) == before
    elsewhere = sources.rename(sources.with_name("elsewhere"))
    assert hash_of(monkeypatch, elsewhere) == before
    (elsewhere / "tradingd" / "data" / "room.py").write_text("x = 1\n")
    assert hash_of(monkeypatch, elsewhere) != before, "a room may be called data"


@pytest.mark.parametrize("change", ["content", "name", "swap"])
def test_any_change_of_a_source_changes_it(monkeypatch: pytest.MonkeyPatch, sources: Path, change: str) -> None:
    """H10: another byte, another name, two files that change places."""
    before = hash_of(monkeypatch, sources)
    one, other = sources / "tradingd" / "deep" / "x.py", sources / "tradingd" / "__init__.py"
    if change == "content":
        one.write_text("x = 2\n")
    elif change == "name":
        one.rename(one.with_name("z.py"))
    else:
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
    assert hash_of(monkeypatch, sources) != before


def test_the_product_has_a_hash() -> None:
    """H10: the same in one process, 64 hex digits."""
    assert build_hash() == build_hash()
    assert len(bytes.fromhex(build_hash())) == 32


def test_the_shipped_sessions_are_there_and_others_are_not() -> None:
    """E9: a calendar that is not shipped is an error, no guess."""
    assert session_table("XNYS").session("2008-06-02") is not None
    with pytest.raises(FileNotFoundError):
        session_table("XXXX")
