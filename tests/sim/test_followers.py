"""I11: nothing outside the order path can delay it. The same world, with and without those who look on."""

import msgspec
import pytest

from tests.sim.child import python_m
from tests.sim.followers import Compared

SEEDS = range(1, 21)


def compared(*arguments: str) -> list[Compared]:
    done = python_m("tests.sim.followers", *arguments)
    return [msgspec.json.decode(line, type=Compared) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def worlds() -> list[Compared]:
    return compared(*map(str, SEEDS))


def test_who_looks_on_changes_nothing_at_the_venue(worlds):
    """I11, O2: a page built ten times a second, a slow reader, one that waits for ever and one that never looks: the venue reads
    the same messages at the same microsecond. Callbacks take no time in these worlds; how long a look takes, benchmarks say."""
    assert [(world.seed, world.first) for world in worlds if world.first is not None] == []
    assert [world.seed for world in worlds] == list(SEEDS)


def test_they_did_look_and_there_was_something_to_see(worlds):
    """Orders on one side, pages on the other, in each world; and no promise broken."""
    assert min(world.arrivals for world in worlds) > 20
    assert min(world.looks for world in worlds) > 400
    assert all(world.steps[1] > world.steps[0] + world.looks for world in worlds)
    assert [world.violation for world in worlds if world.violation] == []


def test_what_takes_microseconds_would_be_seen():
    """The test of the test: where each look takes 5 us of the daemon's time, moments differ."""
    assert all(world.first is not None for world in compared("--cost", "1", "2"))
