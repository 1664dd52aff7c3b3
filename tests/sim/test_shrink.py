"""A failing world made smaller, and the command line: what it prints, what it writes, how it ends."""

import re
import time

import msgspec
import pytest

from tests.sim.child import python_m, sim
from tests.sim.plan import Fault, Plan, draw
from tests.sim.shrink import shrink

SEED = 7


def cut(kind: str, seeds: range) -> list[tuple[Plan, Plan]]:
    """(as drawn, made smaller) of each world that has that kind of fault, where having it is the failure."""

    def has_it(plan: Plan) -> bool:
        return any(fault.kind == kind for fault in plan.faults)

    return [(plan, shrink(plan, has_it)) for seed in seeds if has_it(plan := draw(seed))]


@pytest.mark.parametrize("kind", ["host.kill", "link.reset", "venue.split"])
def test_what_does_not_matter_goes(kind):
    """One fault is left, in the simplest world that has it; what the world is made of otherwise stays."""
    pairs = cut(kind, range(1, 120))
    assert len(pairs) > 3
    for plan, small in pairs:
        assert [fault.kind for fault in small.faults] == [kind]
        assert small.faults[0] in plan.faults
        assert small.fifo
        assert len(small.minds) == 1
        assert small.seconds <= plan.seconds
        assert small.calm >= small.faults[0].at + small.faults[0].for_s
        kept = {"seed", "personality", "start", "symbols", "quote_s", "volatility", "snapshot_every", "segment_bytes"}
        assert all(getattr(small, name) == getattr(plan, name) for name in kept)


def test_what_matters_together_stays_together():
    """Two faults that are both needed, and the one mind that is."""
    plan = next(plan for seed in range(1, 200) if len((plan := draw(seed)).faults) > 9 and len(plan.minds) > 1)
    first, last = plan.faults[0], plan.faults[-1]
    mind = plan.minds[-1]
    small = shrink(plan, lambda p: first in p.faults and last in p.faults and mind in p.minds)
    assert small.faults == (first, last)
    assert small.minds == (mind,)


def test_it_gives_up_in_time():
    """No more worlds are run than it may."""
    asked = []
    assert shrink(draw(SEED), lambda p: bool(asked.append(p)), tries=5) == draw(SEED)
    assert len(asked) == 5


# the command line -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def doomed(tmp_path):
    """A plan that cannot hold: the venue lets nobody in until the last moment, and the link is judged to be up a second later."""
    noise = tuple(Fault("market.spike", at=float(at), target="AAA", value=1.1) for at in range(5, 11))
    faults = (*noise, Fault("link.refuse_login", at=20.0, for_s=29.0), Fault("link.reset", at=21.0))
    plan = msgspec.structs.replace(draw(SEED), faults=faults, calm=49.5, seconds=50.0)
    path = tmp_path / "doomed" / "plan.json"
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode(plan))
    return path


def test_a_world_is_told():
    """The plan, then what happened second by second, then the hash of it."""
    done = sim("--seed", str(SEED), "--trace")
    lines = done.stdout.splitlines()
    plan = draw(SEED)
    assert done.returncode == 0
    assert lines[0].startswith(f"world {SEED}: venue {plan.personality}")
    assert sum("FAULT" in line and '{"kind"' in line for line in lines) == len(plan.faults)
    assert any(re.match(r" +\d+\.\d{6} a\.\d+ +sends ", line) for line in lines)
    assert re.match(r"digest [0-9a-f]{32}, \d+ steps, \d+ kills: every promise held$", lines[-1])


def test_a_world_as_data_is_the_same_world():
    """`--json` of one world, twice."""
    first, second = (msgspec.json.decode(sim("--seed", str(SEED), "--json").stdout) for _ in range(2))
    assert first == second
    assert first["violation"] is None
    assert first["seed"] == SEED


def test_a_failing_plan_is_told_and_made_smaller(doomed, tmp_path):
    """Exit code 1, the promise, the last lines before it, and a file that fails in the same way."""
    small = tmp_path / "small.json"
    done = sim("--plan", str(doomed), "--shrink", str(small))
    assert done.returncode == 1
    assert "live at" in done.stdout
    assert "ORACLE" in done.stdout
    assert re.search(r"8 faults became [12]: ", done.stdout)
    plan = msgspec.json.decode(small.read_bytes(), type=Plan)
    assert plan.seed == SEED
    assert {fault.kind for fault in plan.faults} <= {"link.refuse_login", "link.reset"}
    again = sim("--plan", str(small), "--json")
    assert again.returncode == 1
    assert msgspec.json.decode(again.stdout)["violation"]["promise"] == "live"


def test_a_folder_of_plans_is_run(doomed):
    """`--plans`: each file, and the exit code of a campaign."""
    good = msgspec.structs.replace(draw(8), faults=())
    (doomed.parent / "quiet.json").write_bytes(msgspec.json.encode(good))
    done = sim("--plans", str(doomed.parent), "--json")
    summary = msgspec.json.decode(done.stdout)
    assert done.returncode == 1
    assert summary["seeds"] == 2
    assert [(failure["seed"], failure["promise"]) for failure in summary["failures"]] == [(SEED, "live")]


def test_until_failure_runs_to_the_end_when_nothing_fails():
    """What ends it early is asked in test_mutants.py, with bugs."""
    done = sim("--seeds", "4", "--from", "21", "--until-failure", "--json")
    summary = msgspec.json.decode(done.stdout)
    assert (done.returncode, summary["seeds"], summary["failures"]) == (0, 4, [])


def test_words_for_people():
    """Without `--json`: figures, then the verdict."""
    began = time.perf_counter()
    done = sim("--seeds", "2", "--from", "31", "--jobs", "1")
    assert re.match(r"2 worlds, 0 of them run twice, \d+ kills, \d+ s\n", done.stdout)
    assert done.stdout.endswith("every promise held in every world\n")
    assert time.perf_counter() - began < 300


def test_help_names_every_way_to_use_it():
    """H3: the page of help and what stands in the module agree."""
    told = python_m("tests.sim", "--help").stdout
    for option in (
        "--seeds",
        "--from",
        "--jobs",
        "--json",
        "--until-failure",
        "--seed",
        "--plan",
        "--plans",
        "--trace",
        "--shrink",
    ):
        assert option in told
