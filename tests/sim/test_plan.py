"""Worlds as data: pure functions of a seed, faults within their time, each class of faults common enough to matter."""

from collections import Counter

import msgspec

from tests.sim.menu import CLASSES, KINDS, POINTS, Weather, drawn
from tests.sim.minds import MODULES, loaded
from tests.sim.plan import FAULTS_UNTIL, MINDS, Plan, config_text, draw, names, stream
from tests.sim.venue.personality import PERSONALITIES
from tradingd.config import load_text
from tradingd.core.gates.window import SessionTable, in_window
from tradingd.core.types import NS
from tradingd.shell.identity import session_table

PLANS = [draw(seed) for seed in range(600)]
CRASHES = ("host.kill", "host.point")
BESIDE = (
    "source.",
    "phone.",
)  # what comes in from outside, and the phones: not what is done to the machine, its links and the market


def table() -> SessionTable:
    return session_table("XNYS")


def test_a_seed_makes_one_world():
    for seed in (0, 7, 12_345_678_901):
        assert draw(seed) == draw(seed)
    assert len({msgspec.json.encode(plan) for plan in PLANS}) == len(PLANS)


def test_a_plan_survives_being_written_down():
    for plan in PLANS[:50]:
        assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_faults_stand_in_order_and_are_over_in_time():
    for plan in PLANS:
        assert list(plan.faults) == sorted(plan.faults, key=lambda fault: fault.at)
        for fault in plan.faults:
            assert fault.kind in KINDS
            assert 0.0 <= fault.at <= fault.at + fault.for_s <= FAULTS_UNTIL == plan.calm


def test_faults_name_what_exists():
    for plan in PLANS:
        for fault in plan.faults:
            if fault.kind.startswith(("market.", "venue.", "operator.")) and fault.target:
                assert fault.target in names(plan)
            if fault.kind == "host.point":
                assert fault.target in POINTS


def test_every_kind_and_every_character_is_drawn():
    seen = Counter(fault.kind for plan in PLANS for fault in plan.faults)
    assert not sorted(KINDS - set(seen))
    assert {plan.personality for plan in PLANS} == set(PERSONALITIES)
    assert {mind for plan in PLANS for mind in plan.minds} == set(MODULES) == set(MINDS)


def test_worlds_are_swarms():
    """Each class is in some worlds and not in others; together they are neither few nor a storm of everything."""
    for each in CLASSES:
        has = [plan for plan in PLANS if drawn(plan.seed, each, Weather(FAULTS_UNTIL, names(plan)))]
        share = len(has) / len(PLANS)
        assert abs(share - each.chance) < 0.08, (each.name, share)
    beside = [f for plan in PLANS for f in plan.faults if f.kind.startswith(BESIDE)]
    assert 8 <= (sum(len(plan.faults) for plan in PLANS) - len(beside)) / len(PLANS) <= 15
    assert 1 <= len(beside) / len(PLANS) <= 3
    kills = [len([f for f in plan.faults if f.kind in CRASHES]) for plan in PLANS]
    assert 4.0 <= sum(kills) / len(kills) <= 6.5
    assert 0.15 <= kills.count(0) / len(kills) <= 0.25


def test_leaving_a_class_out_leaves_the_others_as_they_were():
    for plan in PLANS[:50]:
        weather = Weather(FAULTS_UNTIL, names(plan))
        alone = {each.name: drawn(plan.seed, each, weather) for each in reversed(CLASSES)}
        together = [fault for each in CLASSES for fault in alone[each.name]]
        assert sorted(together, key=lambda fault: fault.at) == list(plan.faults)


def test_streams_of_one_world_differ_by_purpose():
    plan = PLANS[0]
    assert stream(plan, "a").random() == stream(plan, "a").random() != stream(plan, "b").random()


def test_most_worlds_lie_in_the_trading_window_and_a_few_at_its_edges():
    inside = early = closing = 0
    calendar = table()
    for plan in PLANS:
        window = load_text(config_text(plan)).config.window
        end = plan.start + int(plan.seconds * NS)
        session = calendar.at(plan.start) or calendar.at(end)
        assert session is not None, plan.seed
        early += session.close_ns - session.open_ns < 6 * 3600 * NS
        closing += session.close_ns < end
        inside += in_window(calendar, plan.start, window) and in_window(calendar, end, window)
    assert inside / len(PLANS) > 0.75
    assert early > 10
    assert closing > 10


def test_every_world_has_a_good_configuration_and_minds():
    for plan in PLANS[:150]:
        config = load_text(config_text(plan)).config
        assert list(config.accounts) == ["one"]
        assert [mind.name for mind in loaded(plan)] == list(plan.minds)
    assert config_text(PLANS[3]) == config_text(msgspec.structs.replace(PLANS[3], faults=()))
