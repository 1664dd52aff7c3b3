"""A daemon that is killed while it decides a file of recommendations: the next one loses none and decides none twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.test_run_daemon import Run, ran, until, venue
from tradingd.core.facts import Decided
from tradingd.shell.env import RealDisk
from tradingd.shell.journal.read import records

pytestmark = pytest.mark.slow
LINES = 3_000


def decided(run: Run) -> dict[str, list[str]]:
    """cause -> decision ids, of the file's recommendations, by the journal."""
    found: dict[str, list[str]] = {}
    for _, fact in records(RealDisk(), str(run.state / "journal")):
        if isinstance(fact, Decided) and fact.source == "bulk":
            found.setdefault(fact.cause, []).append(fact.decision_id)
    return found


def answers(run: Run) -> list[dict[str, Any]] | None:
    path = run.state / "in" / "done" / "x.jsonl.answers.jsonl"
    if not path.exists():
        return None
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_a_file_outlives_a_kill_in_its_midst(tmp_path: Path) -> None:
    """E1, P1: SIGKILL while the lines are being decided; each has one decision, and its answer names that one."""
    with venue(tmp_path, "--pace", "real:60") as port, ran(tmp_path, port, '[drop]\ndir = "in"\n') as run:
        process = run.start()
        run.ready()
        now = msgspec.json.decode(run.cli("status", "--json").stdout)["now"]
        lines = [
            msgspec.json.encode(
                {"id": f"i{n}", "symbol": "NOPE", "action": "buy", "confidence": 0.5, "generated_at": now, "source": "bulk"}
            )
            for n in range(LINES)
        ]  # fmt: skip
        folder = run.state / "in"
        (folder / "x.tmp").write_bytes(b"\n".join(lines))
        (folder / "x.tmp").rename(folder / "x.jsonl")
        until(lambda: True if decided(run) else None, "the first lines are decided")
        process.kill()
        process.wait()
        run.start()
        run.ready()
        told = until(lambda: answers(run), "the file is answered")
        made = decided(run)
        assert {t["status"] for t in told} == {"decided", "duplicate"}, "it was killed in the midst of it"
        assert set(Counter(map(len, made.values()))) == {1}
        assert [t["line"] for t in told] == list(range(1, LINES + 1))
        assert {f"bulk:{t['id']}": [t["decisions"][0]["decision_id"]] for t in told} == made
        assert (folder / "done" / "x.jsonl").read_bytes() == b"\n".join(lines)
