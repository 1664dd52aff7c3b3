"""The strategies of simulated worlds, loaded as the shipped ones are, with settings of their world."""

from __future__ import annotations

from random import Random

from tests.sim.minds import eager, flipper, hasty, liar, raiser, steady
from tests.sim.plan import REST_S, Plan, stream
from tradingd.core.signals.strategy import Loaded, load
from tradingd.core.types import NS

MODULES = {"steady": steady, "eager": eager, "flipper": flipper, "raiser": raiser, "liar": liar, "hasty": hasty}


def loaded(plan: Plan) -> tuple[Loaded, ...]:
    """The minds the plan names, in its order; KeyError for a name nobody has."""
    until = plan.start + round((plan.seconds - REST_S) * NS)
    found = []
    for name in plan.minds:
        settings = {"until": until, **_settings(name, stream(plan, f"mind:{name}"))}
        found.append(load(name, MODULES[name], settings))
    return tuple(found)


def _settings(name: str, rng: Random) -> dict[str, object]:
    match name:
        case "steady":
            return {"wait_s": rng.choice((1.0, 2.0, 4.0)), "hold_s": rng.choice((3.0, 6.0, 12.0))}
        case "eager":
            return {"sell_every": rng.choice((3, 7, 15))}
        case "flipper":
            return {"every_s": rng.choice((1.5, 3.0, 6.0))}
        case "raiser":
            return {"every": rng.choice((1, 3, 40, 40))}
        case "hasty":
            return {"wait_s": rng.choice((1.0, 2.0, 5.0))}
        case _:
            return {}
