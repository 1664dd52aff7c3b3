"""The comparison with other engines: its workload, its rule, and the arithmetic of its table."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import bench_peers, walks
from bench.peers.growth import grown
from bench.peers.market import parts
from bench.peers.matrix import BASANA, FIRST, JOBS, JOURNAL, LEAP, OURS, RUST, Job, Runner
from bench.peers.ours import asked_for, line
from bench.peers.rig import run_over
from bench.peers.rule import BAR_STOP, MODES, TICK_STOP, WARM, Rule, Track, expected, move
from bench.peers.table import GROWTH, PEAK, RATIOS, figures, page, per_order, rows
from tradingd.core.types import Leg

QUOTES, MINUTES = 20_000, 4_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workload")
    walks.make(folder, quotes=QUOTES, minutes=MINUTES)
    return folder


# the workload -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_workload_is_the_one_that_the_others_replay(tmp_path: Path) -> None:
    assert walks.make(tmp_path) == walks.DIGEST
    assert asked_for(tmp_path, "ticks", "cross").decisions == 51_546
    assert asked_for(tmp_path, "ticks", "sparse").decisions == 1_779
    assert asked_for(tmp_path, "bars", "cross").decisions == 9_544
    assert asked_for(tmp_path, "bars", "sparse").decisions == 339


def test_files_are_read_in_parts_and_as_far_as_is_asked(data: Path) -> None:
    whole = np.load(data / "ticks.npz")
    for cut in (0, 1, 16_384, 17_000):
        read = [np.concatenate(column) for column in zip(*parts(data / "ticks.npz", ("ts", "bid"), cut), strict=True)]
        assert len(read[0]) == (cut or QUOTES)
        assert (read[0] == whole["ts"][: len(read[0])]).all()
        assert (read[1] == whole["bid"][: len(read[0])]).all()


def test_a_column_that_is_none_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", ts=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="2 dimensions"):
        next(parts(tmp_path / "x.npz", ("ts",)))


# the rule -----------------------------------------------------------------------------------------------------------------


def plainly(rows: list[tuple[int, float, float]], apart: int, stop: float) -> list[tuple[int, int]]:
    """The rule once more, another way: (event, what is wanted since) of one instrument."""
    changes = []
    fast = slow = line = 0.0
    sign = want = 0
    last = -1000
    for k, (_, bid, ask) in enumerate(rows):
        mid = (bid + ask) / 2
        fast, slow = (mid, mid) if k == 0 else (fast + 2 / 11 * (mid - fast), slow + 2 / 21 * (mid - slow))
        if k < WARM or k == 0:
            continue
        now = 1 if fast > slow else -1
        wanted = want
        if sign == -now and now != want and k - last >= apart:
            wanted, line = now, mid - now * stop
        elif (want == 1 and bid <= line) or (want == -1 and ask >= line):
            wanted = 0
        if wanted != want:
            want, last = wanted, k
            changes.append((k, want))
        sign = now
    return changes


@pytest.mark.parametrize("apart", [0, 30])
def test_the_rule_is_the_one_in_words(data: Path, apart: int) -> None:
    columns = next(parts(data / "ticks.npz", ("inst", "bid", "ask")))
    seen = [row for row in zip(*(c.tolist() for c in columns), strict=True) if row[0] == 3]
    track: Track | None = None
    changes = []
    for k, (_, bid, ask) in enumerate(seen):
        track, changed = move(track, (bid + ask) / 2, bid, ask, Rule(apart, TICK_STOP))
        if changed:
            changes.append((k, track.want))
    assert changes == plainly(seen, apart, TICK_STOP)
    assert {want for _, want in changes} == {-1, 0, 1}


def test_a_flip_is_two_orders_and_a_stop_is_one() -> None:
    up = [100.0 + 0.01 * n for n in range(30)]
    fall = [up[-1] - 0.02 * n for n in range(1, 40)]
    dear, rise = 200.0, [up[-1] - 0.78 + 0.02 * n for n in range(60)]
    prices = [100.0 - 0.01 * n for n in range(30)] + [99.7 + 0.02 * n for n in range(60)] + fall + rise + [dear] * 3
    closes = [(0, price, price) for price in prices]
    wide = expected(closes, "cross", 1_000.0)
    assert wide.orders == 2 * wide.decisions - 1, "the first position is opened from flat, each other one by a flip"
    assert wide.decisions > 2
    assert expected(closes, "noop", 1_000.0).orders == expected(closes, "calc", 1_000.0).orders == 0


# this house over it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workload", ["ticks", "bars"])
@pytest.mark.parametrize("mode", MODES)
def test_orders_are_those_that_the_rule_asks_for(data: Path, workload: str, mode: str) -> None:
    cut = 6_000 if workload == "ticks" else 1_500
    found = line(data, workload, mode, cut=cut)
    asked = asked_for(data, workload, mode, cut)
    assert found["events"] == cut
    assert found["orders"] == asked.orders
    assert (asked.orders > 0) == (mode in {"sparse", "cross"})
    assert found["protective"] >= asked.orders // 2, "each position had its stop at the venue"


def test_every_order_has_its_decision_on_the_record(data: Path, tmp_path: Path) -> None:
    ran: list[bool] = []
    _, count = run_over(
        data, "ticks", "cross", cut=3_000, folder=tmp_path / "run", around=lambda work: ran.append(bool(work()))
    )
    kinds = [json.loads(row)["kind"] for row in _journal(tmp_path / "run")]
    assert len(ran) == 1
    assert kinds.count("OrderIntended") == sum(count.legs.values())
    assert kinds.count("Decided") == count.legs[Leg.ENTRY] + count.legs[Leg.EXIT]


def _journal(folder: Path) -> list[str]:
    return [row for path in sorted(folder.rglob("journal-*")) for row in path.read_text().splitlines()]


def test_quotes_passed_over_leave_the_same_orders(data: Path) -> None:
    found = line(data, "ticks", "sparse", skip=True)
    assert found["orders"] == QUOTES // 543
    assert found["events"] == QUOTES


def test_growth_is_told_of_the_second_and_the_last_block() -> None:
    found = grown(600, 100)
    assert found["ratio"] == pytest.approx(found["late_us"] / found["early_us"])
    for orders in (200, 650):
        with pytest.raises(ValueError, match="multiple of 100, at least 300"):
            grown(orders, 100)


# running and telling -------------------------------------------------------------------------------------------------------


def made(engine: str, mode: str, cpu: float, *, orders: int = 0) -> dict[str, object]:
    workload, first, events = "ticks", 0, 1_000_000
    return {
        "engine": engine, "workload": workload, "mode": mode, "first": first, "events": events, "orders": orders, "cpu_s": cpu,
        "wall_s": cpu, "ev_per_cpu_s": events / cpu, "peak_mb": 100.0 * cpu,
    }  # fmt: skip


def test_medians_and_ratios() -> None:
    lines = [made(OURS, "calc", cpu) for cpu in (1.0, 4.0, 2.0)] + [made(RUST, "calc", cpu) for cpu in (1.0, 9.0, 4.0)]
    found = figures(lines)
    assert found[OURS, "ticks", "calc", 0].rate == 500_000
    assert found[OURS, "ticks", "calc", 0].peak == 400.0
    seen = {row.target.name: row for row in rows(found, {GROWTH: 1.2})}
    assert seen["ticks calc / nautilus Rust"].seen == 2.0
    assert seen["ticks calc / nautilus Rust"].word == "held"
    assert {row.target.name: row.word for row in rows(found, {}, compiled=True)}[
        "ticks calc / nautilus Rust"
    ] == "NOT HELD"
    assert (seen[GROWTH].word, seen[PEAK].word) == ("NOT HELD", "NOT HELD")
    assert seen["bars cross / backtrader"].word == "not measured"
    assert len(seen) == 15


def test_an_order_costs_what_cross_takes_more_than_sparse() -> None:
    lines = [made(BASANA, "cross", 21.0, orders=2_100), made(BASANA, "sparse", 11.0, orders=100)]
    assert per_order(figures(lines), BASANA, "ticks") == pytest.approx(5_000.0)
    assert per_order(figures(lines[:1]), BASANA, "ticks") is None
    text = page(lines, {})
    assert "5000.0 us" in text
    assert "not measured" in text


def test_what_a_target_compares_is_run() -> None:
    known = {(job.engine, job.workload, job.mode, job.cut) for job in JOBS}
    for target, ours, theirs in RATIOS:
        assert {ours, theirs} <= known, target.name
    assert len({job.name for job in JOBS}) == len(JOBS)


def test_a_job_without_its_engine_is_left_out_and_named(data: Path, tmp_path: Path) -> None:
    job = Job(RUST, "ticks", "cross", "nautilus", "bench_nautilus_pyo3.py", cut=FIRST)
    for runner in (Runner(data, None, None), Runner(data, tmp_path, tmp_path)):
        assert list(runner.rounds([job], 2)) == []
        assert list(runner.missing) == [RUST]


def test_another_engines_script_is_run_and_its_line_taken(data: Path, tmp_path: Path) -> None:
    python = tmp_path / "hft" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho noise\necho "{\\"cut\\": \\"$BENCH_CUT\\", \\"ran\\": \\"$2 $3 $4\\"}"\n')
    python.chmod(0o755)
    (tmp_path / "bench_hftbacktest.py").write_text("")
    job = Job("hftbacktest", "ticks", "sparse", "hft", "bench_hftbacktest.py", ("roi",), cut=500, most=2)
    found = list(Runner(data, tmp_path, tmp_path, cut=300).rounds([job], 3))
    assert [(each["cut"], each["ran"], each["round"]) for each in found] == [
        (300, "ticks sparse roi", n) for n in (0, 1)
    ]
    (tmp_path / "bench_hftbacktest.py").unlink()
    python.write_text("#!/bin/sh\necho broken >&2\n")
    (tmp_path / "bench_hftbacktest.py").write_text("")
    runner = Runner(data, tmp_path, tmp_path)
    assert list(runner.rounds([job], 1)) == []
    assert runner.missing[job.name].endswith("broken\n")


def engine_of(tmp_path: Path, script: str) -> Runner:
    """Another engine, which is this Python, and its script, which imports what lies beside it."""
    python = tmp_path / "hft" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "beside.py").write_text("EVENTS = 1000\n")
    (tmp_path / "bench_hftbacktest.py").write_text(f"import json, os, beside\n{script}\n")
    return Runner(tmp_path, tmp_path, tmp_path)


THEIRS = Job("hftbacktest", "ticks", "sparse", "hft", "bench_hftbacktest.py")


def test_another_engine_is_not_given_where_this_house_finds_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./run --compiled` sets both: its script would not find what lies beside it."""
    runner = engine_of(tmp_path, 'print(json.dumps({"path": os.environ.get("PYTHONPATH", "none")}))')
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "compiled"))
    (line,) = runner.rounds([THEIRS], 1)
    assert line["path"] == "none"


def test_a_run_of_more_than_was_asked_for_stands_in_no_table(tmp_path: Path) -> None:
    """Not every script knows how to run a part, and a million events beside ours of 300 would be no comparison."""
    runner = engine_of(tmp_path, 'print(json.dumps({"events": beside.EVENTS}))')
    runner.cut = 300
    assert list(runner.rounds([THEIRS], 1)) == []
    assert runner.missing[THEIRS.name].endswith("it ran 1,000 events, not the first 300")
    runner.cut = 1000
    assert [line["events"] for line in runner.rounds([THEIRS], 1)] == [1000]


def test_a_run_of_ours_that_fails_is_no_gap_in_a_table(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"ticks\.npz"):
        list(Runner(tmp_path, None, None).rounds([Job(OURS, "ticks", "calc")], 1))


def test_the_command_runs_this_house_alone(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--data",
        str(data),
        "--repeats",
        "1",
        "--only",
        f"{LEAP} ticks sparse",
        "--json",
        str(tmp_path / "found.json"),
    ]
    assert bench_peers.main(words) == 0
    told = capsys.readouterr().out
    assert "NOT HELD" not in told
    assert LEAP in told
    found = json.loads((tmp_path / "found.json").read_text())
    assert [each["orders"] for each in found["lines"]] == [QUOTES // 543]
    assert bench_peers.main(["--data", str(tmp_path)]) == 2
    assert JOURNAL != OURS
    assert BAR_STOP > TICK_STOP
