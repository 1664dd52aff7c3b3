"""O2, B6, J1, I1-I15: 300 worlds of faults, and the daemon keeps every promise in each of them.

One child runs them on all cores; the tests below ask what it counted. `./run sim --seed N` runs a world that failed again.
"""

import re
import subprocess

import msgspec
import pytest

from tests.sim.child import ROOT, sim
from tests.sim.menu import KINDS, POINTS

SEEDS = 300
KILLS = 500
ASKED = re.compile(r"\bsometimes\(\s*\"([^\"]+)\"")


@pytest.fixture(scope="module")
def ran() -> subprocess.CompletedProcess[str]:
    return sim("--seeds", str(SEEDS), "--json")


@pytest.fixture(scope="module")
def summary(ran):
    return msgspec.json.decode(ran.stdout)


def test_every_promise_holds_in_every_world(ran, summary):
    """O2, B6, J1, I1-I15: durable before sent, one order a decision, fills once, positions as the venue's, halts that halt."""
    assert summary["failures"] == []
    assert ran.returncode == 0
    assert summary["seeds"] == SEEDS


def test_one_seed_is_one_world(summary):
    """Every fiftieth world runs twice and tells the same story to the letter; what differs counts as a failure above."""
    assert summary["run_twice"] >= SEEDS // 50


def test_all_that_can_go_wrong_went_wrong(summary):
    """A kind of fault that never struck tests nothing."""
    assert KINDS - summary["faults"].keys() == set()
    assert min(summary["faults"].values()) > 0


def test_the_daemon_died_at_every_point(summary):
    """I2, I8: between decision, intent, sync, send and answer, in recovery, snapshot and rotation, and anywhere else ("")."""
    assert POINTS.keys() - summary["points"].keys() == set()
    assert summary["kills"] > KILLS


def test_every_rare_branch_was_taken(summary):
    """What the product asks `env.sometimes` for happens now and then."""
    asked = {name for path in sorted((ROOT / "tradingd").rglob("*.py")) for name in ASKED.findall(path.read_text())}
    assert len(asked) > 5, "the pattern finds them no more"
    assert asked - summary["sometimes"].keys() == set()


def test_worlds_are_busy(summary):
    """Entries, stops and closes were sent, filled and judged: a daemon that does nothing keeps every promise."""
    met = summary["met"]
    assert min(met[name] for name in ("sent e", "sent p", "sent x", "Filled")) > 5 * SEEDS
    assert met["submitted"] >= met["sent e"] + met["sent p"] + met["sent x"]
    for name in (
        "halt acknowledged",
        "pause acknowledged",
        "rivals",
        "protected",
        "price basis",
        "told",
        "stop broken",
        "later part",
        "idea decided",
        "idea duplicate",
        "file answered",
        "event noted",
        "micro act",
        "micro due",
        "notice delivered",
        "notice due",
    ):
        assert met[name] > 20, name


def test_the_summary_says_what_a_machine_needs(summary):
    """H3: the keys that others read."""
    assert {"seeds", "failures", "kills", "faults", "seeds_per_hour"} <= summary.keys()
    assert summary["seeds_per_hour"] > 0
