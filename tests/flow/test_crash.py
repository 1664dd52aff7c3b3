"""Kills and restarts, judged by the two logs on disk alone; and that the judge can say no."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.flow.child import environment, tradingd
from tradingd.core.types import AccountId
from tradingd.demo.audit import Verdict, judge, known_of, promised, venue_of
from tradingd.demo.plan import POINTS, lives
from tradingd.demo.witness import FILE as PROMISES
from tradingd.shell.env import RealDisk
from tradingd.shell.journal import verify

ACCOUNT = AccountId("demo")
KEYS = ["kills", "orders_venue", "orders_known", "duplicates", "fills_lost", "positions_equal"]
MORE = ["halts", "sent_after_halt", "promises", "promises_broken", "points", "missed", "pairs"]
KILLS = 34  # to the end of the first block of the plan: each point twice in pairs, and a halt


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run over the first block of the plan."""
    directory = tmp_path_factory.mktemp("crash") / "demo"
    ran = tradingd("demo", "--crash", "--kills", str(KILLS), "--json", "--dir", str(directory), cwd=directory.parent)
    return ran, directory


def verdict_on(directory: Path) -> Verdict:
    disk = RealDisk()
    known = known_of(disk, directory / "journal", ACCOUNT)
    return judge(venue_of(disk, directory / "venue.log"), known, KILLS, promised(disk, directory))


def test_nothing_is_lost_and_nothing_sent_twice(crashed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """J1, O2, I1-I4, I8: SIGKILL between decision, intent, sync, send, ack and fill, in recovery, snapshot and rotation."""
    ran, directory = crashed
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert ran.stdout.count("\n") == 1
    said = msgspec.json.decode(ran.stdout)
    assert list(said) == [*KEYS, *MORE]
    assert said["orders_venue"] == said["orders_known"] > 0
    assert (said["halts"], said["sent_after_halt"], said["promises_broken"]) == (1, 0, 0)
    assert said["promises"] >= 5
    assert {key: said[key] for key in KEYS if not key.startswith("orders")} == {
        "kills": KILLS, "duplicates": 0, "fills_lost": 0, "positions_equal": True,
    }  # fmt: skip
    assert verify(RealDisk(), str(directory / "journal")).ok
    again = msgspec.to_builtins(verdict_on(directory))
    assert again == {key: said[key] for key in again}


def test_it_died_at_every_point_there_is(crashed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """A1-A9: each point, and each of the pairs that were planned; a point that a busy machine did not come by in time is told."""
    said = msgspec.json.decode(crashed[0].stdout)
    assert sum(said["points"].values()) == KILLS
    missed = sum(said["missed"].values())
    assert missed <= 3
    assert set(POINTS) - set(said["points"]) <= set(said["missed"])
    assert said["pairs"] >= len(POINTS) - 2 * missed


def test_the_plan_is_even() -> None:
    """A9: after as many blocks as there are points each pair was there once, and no block is without a halt or a point."""
    plan, pairs, halts = lives(), [], 0
    while len(pairs) < len(POINTS) ** 2:
        life = next(plan)
        halts += life.act in ("halt", "halt_on")
        if life.pair:
            pairs.append((life.pair, life.point))
            assert len(pairs) % len(POINTS) or {first for first, _ in pairs[-len(POINTS) :]} == set(POINTS)
    assert len(set(pairs)) == len(pairs)
    assert halts == len(POINTS)


def test_the_daemon_really_died_and_lived_again(crashed: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """B1, I8: as many unclean starts in the journal as there were lives that got that far; the last life ended cleanly."""
    lines = (crashed[1] / "journal").glob("journal-*.jsonl")
    text = b"".join(path.read_bytes() for path in sorted(lines))
    starts = text.count(b'"fact":"StartedUp"')
    assert starts > KILLS / 3
    assert text.count(b'"clean":false') >= starts - 1
    assert text.rstrip().rpartition(b"\n")[2].count(b'"fact":"ShutDown"') == 1


def resent(directory: Path) -> None:
    _say(directory, lambda r: r.get("kind") == "submit")


def foreign(directory: Path) -> None:
    _say(directory, lambda r: r.get("kind") == "submit", order_id="demo.99999.x")


def entered_twice(directory: Path) -> None:
    """A second entry of one decision, known to the journal or not."""
    _say(directory, lambda r: r.get("kind") == "submit" and r["order_id"].endswith(".e"), order_id="demo.99998.a.e")
    _say(directory, lambda r: r.get("kind") == "submit" and r["order_id"].endswith(".e"), order_id="demo.99998.a.e")


def filled_unheard(directory: Path) -> None:
    _say(directory, lambda r: r["record"] == "execution", exec_id="X-999999")


def drifted(directory: Path) -> None:
    _say(directory, lambda r: r["record"] == "execution", record="adjusted", why="drift", cash="0")


def _say(directory: Path, which: Callable[[dict[str, Any]], bool], **changed: str) -> None:
    """Add a line to the venue's log: like the first one of that kind, but for what is changed."""
    log = directory / "venue.log"
    like = next(r for line in log.read_bytes().splitlines() if which(r := msgspec.json.decode(line)))
    with log.open("ab") as file:
        file.write(msgspec.json.encode({**like, **changed}) + b"\n")


def halt_ignored(directory: Path) -> None:
    """As if it had never been lifted: what was sent after it was sent under it."""
    _promise(directory, lambda p: [] if p["kind"] == "resume" else [p])


def promise_of_another_record(directory: Path) -> None:
    _promise(directory, lambda p: [{**p, "head": "0" * 64}] if p.get("head") else [p])


def promise_of_a_halt_nobody_knows(directory: Path) -> None:
    _promise(directory, lambda p: [{**p, "command": "other"}] if p["kind"] == "halt" else [p])


def _promise(directory: Path, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
    path = directory / PROMISES
    kept = [new for line in path.read_bytes().splitlines() for new in change(msgspec.json.decode(line))]
    path.write_bytes(b"".join(msgspec.json.encode(p) + b"\n" for p in kept))


def order_forgotten(directory: Path) -> None:
    """Every record that names one of the orders that came to the venue."""
    order_id = min(venue_of(RealDisk(), directory / "venue.log").live)
    _cut(directory, f'"{order_id}"'.encode(), every=True)


def fill_forgotten(directory: Path) -> None:
    _cut(directory, b'"fact":"Filled"', every=False)


def _cut(directory: Path, words: bytes, *, every: bool) -> None:
    """Take the first record that holds the words out of the journal, or every one."""
    cut = 0
    for path in sorted((directory / "journal").glob("journal-*.jsonl")):
        kept = []
        for line in path.read_bytes().splitlines(keepends=True):
            if words in line and (every or not cut):
                cut += 1
            else:
                kept.append(line)
        path.write_bytes(b"".join(kept))
    assert cut


@pytest.mark.parametrize(
    ("doctor", "field"),
    [
        (resent, "duplicates"), (entered_twice, "duplicates"), (foreign, "orders_venue"), (filled_unheard, "fills_lost"),
        (drifted, "positions_equal"), (order_forgotten, "orders_known"), (fill_forgotten, "fills_lost"),
        (halt_ignored, "sent_after_halt"), (promise_of_another_record, "promises_broken"),
        (promise_of_a_halt_nobody_knows, "promises_broken"),
    ],
)  # fmt: skip
def test_the_judge_finds_what_is_wrong(
    crashed: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path, doctor: Callable[[Path], None], field: str
) -> None:
    """A16: a check that cannot fail proves nothing. One doctored line in one of the logs, and the verdict is no."""
    shutil.copytree(crashed[1], tmp_path / "demo")
    before = verdict_on(tmp_path / "demo")
    assert before.good
    doctor(tmp_path / "demo")
    after = verdict_on(tmp_path / "demo")
    assert not after.good
    assert getattr(after, field) != getattr(before, field)


def test_a_lie_in_the_venues_log_ends_the_whole_run_with_1(tmp_path: Path) -> None:
    """A16, H3: while the daemon dies and lives, an order it never sent turns up at the venue."""
    directory = tmp_path / "demo"
    command = [sys.executable, "-m", "tradingd", "demo", "--crash", "--kills", "3", "--dir", str(directory)]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        said = ""
        while "kill    1" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        with (directory / "venue.log").open("ab") as log:
            log.write(
                b'{"record":"arrival","ts":951917400000000000,"account":"demo","epoch":1,"kind":"submit",'
                b'"order_id":"demo.77777.e","content":"","outcome":"accepted"}\n'
            )
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1, said + rest
    last = rest.splitlines()[-1]
    assert "duplicates 0, fills lost 0, positions equal" in last
    venue, known = (int(part.split()[-1]) for part in last.split(",")[:2])
    assert venue == known + 1


def test_ctrl_c_ends_it_with_the_verdict_so_far(tmp_path: Path) -> None:
    """P1: the venue and the daemon are not left behind, and what was done until then is judged."""
    command = [sys.executable, "-m", "tradingd", "demo", "--crash", "--json", "--dir", str(tmp_path / "demo")]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while not (tmp_path / "demo" / "daemon.log").exists():  # the first life began
            assert process.poll() is None
            select.select([], [], [], 0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all of the group
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    verdict = msgspec.json.decode(out, type=Verdict)
    assert verdict.good
    assert verdict.kills == 1
