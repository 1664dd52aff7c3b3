"""Parts of an entry in words: planned, gone, refused."""

from __future__ import annotations

from tests.core.steps.test_tranches import due, first, gradual
from tests.core.world import World
from tradingd.core.events import Verb
from tradingd.core.views.why import explain


def told(world: World, key: str) -> str:
    return "\n".join(explain(key, world.facts))


def test_each_part_and_what_became_of_it():
    """E10, E11: the plan, the part that went, the one refused with what failed; by decision and by any of its orders."""
    world = gradual()
    decided = first(world)
    [judged] = due(world)
    world.fill(judged.order_id)
    due(world, 101.9)
    parts, rest = " + ".join(str(part) for part in decided.tranches), decided.tranches[2]
    text = told(world, decided.decision_id)
    assert f"in 3 parts: {parts}, each judged anew" in text
    assert f"part 2 of 3: {decided.tranches[1]} goes, as order {judged.order_id}" in text
    assert f"part 3 of 3: {rest} REFUSED, {rest} of {decided.qty} not bought: the entry is not what it was" in text
    assert "FAILED   price moved" in text
    assert told(world, judged.order_id) == told(world, decided.orders[0]) == text


def test_what_called_the_rest_off_is_named():
    """E11: an operator's word is the reason, in words."""
    world = gradual()
    decided = first(world)
    world.say(Verb.PAUSE)
    rest = decided.tranches[1] + decided.tranches[2]
    text = told(world, decided.decision_id)
    assert f"{rest} of {decided.qty} not bought: the rest of the entry was called off" in text
    assert "FAILED   called off: pause" in text


def test_a_whole_entry_has_no_parts():
    """E10: nothing is said of parts where there are none."""
    world = World()
    world.buy()
    assert "part" not in told(world, "d1")
