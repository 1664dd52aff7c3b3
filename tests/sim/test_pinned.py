"""Plans of worlds that once broke a promise, cut small: they hold. One child runs them all. pinned/README.md says what each was."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.sim.child import sim
from tests.sim.plan import Plan

HERE = Path(__file__).resolve().parent / "pinned"
FILES = sorted(HERE.glob("*.json"))
PLANS = {path.stem: msgspec.json.decode(path.read_bytes(), type=Plan) for path in FILES}
ROW = re.compile(r"^\| `([\w-]+)` \| (\d+) \| (\w+) \| .+ \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def summary():
    return msgspec.json.decode(sim("--plans", str(HERE), "--json").stdout)


@pytest.mark.parametrize("name", PLANS)
def test_what_broke_once_holds(name, summary):
    """I1-I15: a bug that was mended stays mended."""
    seed = PLANS[name].seed
    assert [failure["what"] for failure in summary["failures"] if failure["seed"] == seed] == []


def test_all_of_them_ran_with_all_their_faults(summary):
    """A kind of fault that was renamed would leave an old plan without its point."""
    faults = Counter(fault.kind for plan in PLANS.values() for fault in plan.faults)
    assert summary["seeds"] == len(PLANS) > 0
    assert summary["failures"] == []
    twice = summary["run_twice"]
    assert twice <= 1 + len(PLANS) // 50
    assert summary["faults"] == dict(sorted(faults.items()))


def test_each_has_its_line():
    """H3: seed, promise and what was wrong."""
    rows = {name: int(seed) for name, seed, _ in ROW.findall((HERE / "README.md").read_text())}
    assert rows == {name: plan.seed for name, plan in PLANS.items()}
