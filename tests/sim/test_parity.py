"""T1: every life of a world, whatever struck it, steps again from what its engine heard to the very facts its journal holds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.sim.child import python_m

WORLDS = 16


@pytest.fixture(scope="module")
def lives() -> list[Any]:
    ran = python_m("tests.sim.parity", "1", str(WORLDS))
    assert ran.returncode == 0, ran.stderr
    return [msgspec.json.decode(line) for line in ran.stdout.splitlines()]


def test_every_life_of_every_world_steps_again_to_its_facts(lives: list[Any]) -> None:
    """T1: kills, power cuts, faults of venue, disk and clock, reloads and commands included."""
    assert [life for life in lives if life["verdict"]["difference"] is not None] == []


def test_what_is_heard_is_all_that_decides(lives: list[Any]) -> None:
    """No record without something that was heard before it; what was heard and is not durable is of lives that were killed."""
    assert [life for life in lives if life["verdict"]["untaped"]] == []
    assert len([life for life in lives if life["verdict"]["undurable"]]) < len(lives)


def test_the_worlds_were_busy(lives: list[Any]) -> None:
    assert {life["seed"] for life in lives} == set(range(1, WORLDS + 1))
    assert len(lives) > 2 * WORLDS, "they were killed and started again"
    assert len([1 for life in lives if life["verdict"]["last"] - life["verdict"]["first"] > 50]) > WORLDS
