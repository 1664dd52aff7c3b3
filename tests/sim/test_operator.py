"""The operator and the minds against the real house in small worlds without other faults."""

import gc
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog
from anyio._backends import _asyncio as backend

from tests.sim import world
from tests.sim.minds import loaded
from tests.sim.operator import Asked
from tests.sim.plan import Fault, Plan, config_text, draw
from tests.sim.world import World
from tradingd.config import load_text
from tradingd.core.book.booked import Booked
from tradingd.core.facts import StateChanged

CALM = msgspec.structs.replace(
    draw(3), personality="plain", symbols=3, minds=("steady",), faults=(), quote_s=0.7, calm=40.0, seconds=60.0
)


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """A world takes the whole process for itself; other tests get it back as it was."""
    log, start = structlog.get_config(), backend.CancelScope.__init__
    yield
    structlog.configure(**log)
    backend.CancelScope.__init__ = start  # type: ignore[method-assign]
    logging.disable(logging.NOTSET)
    gc.enable()


def lived(*faults: Fault, plan: Plan = CALM, bare: bool = False) -> World:
    """A world that ran to its end with no promise broken. bare: nobody cleans up after the faults."""
    made = World(msgspec.structs.replace(plan, faults=faults))
    if bare:
        made.operator.heal = lambda: None  # type: ignore[method-assign]
    world.ALIVE.append(made)
    result = made.run()
    assert result.violation is None, result.violation
    return made


def asked(made: World, verb: str) -> list[Asked]:
    return [each for each in made.operator.asked if each.verb == verb]


def booked(made: World) -> Booked:
    life = made.sites[0].life
    assert life is not None
    assert life.house is not None
    return next(iter(life.house.members.values())).book.booked


def entries(made: World, since: float) -> list[str]:
    return [order.order_id for t, _, order in made.promises.submitted.values() if t > since and order.leg.value == "e"]


def test_the_usual_world_of_these_tests_trades():
    made = lived()
    assert len(entries(made, 0.0)) >= 6
    assert not made.operator.asked
    assert made.met["Filled"] >= 12


@pytest.mark.parametrize("deed", ["operator.halt", "operator.pause", "operator.usr1", "operator.flatten"])
def test_a_stop_stops_entries_and_the_operator_lifts_it_when_all_is_over(deed):
    held = lived(Fault(deed, 20.0), bare=True)
    assert booked(held).holds
    assert not entries(held, 20.5)
    lifted = lived(Fault(deed, 20.0))
    assert not booked(lifted).holds
    assert asked(lifted, "resume")[-1].refused is False
    assert not [e for e in lifted.operator.asked if e.acked is None and e.verb != "usr1"]
    assert [t for t, _, o in lifted.promises.submitted.values() if t > 41.0 and o.leg.value == "e"]


def test_the_same_halt_twice_is_one_halt_with_two_answers():
    made = lived(Fault("operator.twice", 20.0), bare=True)
    one, two = asked(made, "halt")
    assert one.command_id == two.command_id
    assert one.acked is not None
    assert two.acked is not None
    assert one.text == two.text
    assert made.met[StateChanged.__name__] == 1


def test_a_flatten_leaves_nothing():
    made = lived(Fault("operator.flatten", 20.0), bare=True)
    assert not [p for p in booked(made).positions.values() if p.qty]
    assert made.venue.positions() == {}


def test_a_good_file_changes_a_limit_and_a_spoilt_one_nothing():
    made = lived(Fault("operator.reload_bad", 15.0), Fault("operator.reload", 20.0), Fault("operator.reload_bad", 25.0))
    bad, worse = asked(made, "reload_bad")
    (good,) = asked(made, "reload")
    assert bad.refused is True
    assert worse.refused is True
    assert good.refused is False
    assert good.command_id in good.text
    assert made.met["ConfigChanged"] == 1


def test_the_file_is_good_again_after_it_was_spoilt():
    made = World(CALM)
    made.operator._spoil = "\nnonsense = 1\n"
    first = load_text(config_text(CALM)).config
    with pytest.raises(Exception, match="nonsense"):
        made.operator.configuration(first, config_text(CALM))
    assert made.operator.configuration(first, config_text(CALM)) is first


def test_the_page_is_built_many_times():
    assert 25 <= lived(Fault("operator.page", 10.0, 3.0)).operator.pages <= 31


def test_who_asks_a_daemon_that_is_down_asks_again():
    made = lived(Fault("host.kill", 10.0, 1.5, target="process"), Fault("operator.pause", 10.1))
    (pause,) = asked(made, "pause")
    assert pause.asked > 11.4
    assert pause.refused is False


def test_no_answer_of_a_daemon_that_dies_first():
    made = lived(
        Fault("disk.slow", 9.0, 5.0, 4.0),
        Fault("operator.halt", 10.0),
        Fault("host.kill", 10.01, 1.0, target="process"),
    )
    (halt,) = asked(made, "halt")
    assert halt.acked is None
    assert halt.refused is None


def test_drift_is_adopted_when_all_is_over():
    made = lived(Fault("venue.drift", 20.0, value=7.0, target="AAA"))
    assert asked(made, "adopt")[-1].refused is False
    assert not booked(made).drift


def test_a_deed_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="no deed"):
        World(CALM).operator.apply(Fault("operator.sings", 1.0))


@pytest.mark.parametrize("mind", ["steady", "eager", "flipper"])
def test_each_trader_trades_often(mind):
    made = lived(plan=msgspec.structs.replace(CALM, minds=(mind,)))
    assert len(entries(made, 0.0)) >= 6


def test_one_that_always_raises_is_put_out_of_service_and_the_other_trades_on():
    plan = next(
        p for p in (msgspec.structs.replace(CALM, seed=s, minds=("raiser", "steady")) for s in range(99)) if _always(p)
    )
    made = lived(plan=plan)
    assert made.met["Anomaly"] == 5
    assert len(entries(made, 5.0)) >= 3


def _always(plan: Plan) -> bool:
    return loaded(plan)[0].settings.every == 1  # type: ignore[attr-defined]


def test_a_liar_gets_refusals_only():
    made = lived(plan=msgspec.structs.replace(CALM, minds=("liar",)))
    refusals = booked(made).refusals
    assert {"invalid", "unknown_symbol", "low_confidence"} <= {str(reason) for reason in refusals}
    assert not entries(made, 0.0)
