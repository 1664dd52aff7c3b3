"""What can go wrong in a world: classes of faults, how likely a world has each, and how one of them is drawn.

A world has a class or has not (swarm): worlds with few classes reach states that worlds with all of them never do. Each class draws
from a stream of its own, so that another chance for one class leaves the faults of all others as they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import msgspec

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")
# K4, K8 and K10 to K12 are places of parts that do not exist; K5, K6 and K9 lie in an adapter, here beside the simulated broker
POINTS = {"K0": 4, "K1": 4, "K2": 4, "K3": 4, "K5": 2, "K6": 2, "K9": 2, "K13": 1, "K14": 1, "K15": 3}
PHONES = ("pager", "mail", "")  # the far ends of the channels that people are told by; "" all of them
PASSES = {"K0": 25, "K1": 15, "K2": 15, "K15": 3, "K13": 2, "K14": 2}  # else 3: how many passages are let go at most


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """kind: "part.what", done by that part's `apply`.   at: virtual second it begins.   for_s: how long, 0 at once.
    value: a probability, seconds, a factor, a quantity.   target: symbol, channel, point.   n: a count. As the kind says."""

    kind: str
    at: float
    for_s: float = 0.0
    value: float = 0.0
    target: str = ""
    n: int = 0


class Weather(msgspec.Struct, frozen=True):
    """What a draw may lean on. calm: the second at which all faults are over.   symbols: names in this world."""

    calm: float
    symbols: tuple[str, ...]


Drawn = dict[str, object]
Draw = Callable[[Random, Weather], Drawn]


class Class(msgspec.Struct, frozen=True):
    """chance: of being in a world.   count: least and most faults when it is.   kinds: (kind, weight, how it is drawn)."""

    name: str
    chance: float
    count: tuple[int, int]
    kinds: tuple[tuple[str, int, Draw], ...]


def _round(x: float) -> float:
    return round(x, 4)


def _log(rng: Random, low: float, high: float) -> float:
    """Between low and high, each order of magnitude alike."""
    return _round(math.exp(rng.uniform(math.log(low), math.log(high))))


def lasting(low: float, high: float, value: tuple[float, float] = (0.0, 0.0), targets: tuple[str, ...] = ("",)) -> Draw:
    """for_s and value uniform within their bounds, one target of the list."""

    def draw(rng: Random, _weather: Weather) -> Drawn:
        return {
            "for_s": _round(rng.uniform(low, high)),
            "value": _round(rng.uniform(*value)),
            "target": rng.choice(targets),
        }

    return draw


def at_once(_rng: Random, _weather: Weather) -> Drawn:
    return {}


def on_symbol(inner: Draw, every: float = 1.0) -> Draw:
    """The same for one symbol; with the rest of the chance for all ("")."""

    def draw(rng: Random, weather: Weather) -> Drawn:
        return {**inner(rng, weather), "target": rng.choice(weather.symbols) if rng.random() < every else ""}

    return draw


def _kill(rng: Random, _weather: Weather) -> Drawn:
    return {"for_s": _log(rng, 0.2, 6.0), "target": rng.choice(("", "", "process", "process", "process"))}


def _point(rng: Random, _weather: Weather) -> Drawn:
    point = rng.choices(tuple(POINTS), tuple(POINTS.values()))[0]
    passes = rng.randint(1, PASSES.get(point, 3))
    return {"for_s": _log(rng, 0.2, 5.0), "target": point, "n": passes, "value": float(rng.random() < 0.4)}


def _wall(rng: Random, _weather: Weather) -> Drawn:
    return {"for_s": _round(rng.uniform(2.0, 20.0)), "value": _log(rng, 0.2, 3600.0) * rng.choice((-1.0, 1.0))}


def _slow_disk(rng: Random, _weather: Weather) -> Drawn:
    return {"for_s": _round(rng.uniform(2.0, 15.0)), "value": _log(rng, 0.02, 5.0)}


def _disk_error(rng: Random, _weather: Weather) -> Drawn:
    return {
        "n": rng.randint(1, 40), "target": rng.choice(("EIO", "EIO", "ENOSPC", "EDQUOT", "EROFS")),
        "value": float(rng.random() < 0.5),
    }  # fmt: skip


def _full(rng: Random, _weather: Weather) -> Drawn:
    return {
        "for_s": _round(rng.uniform(3.0, 20.0)),
        "value": float(rng.choice((0, 100, 1_000, 8_000, 40_000, 120_000))),
    }


def _held(rng: Random, _weather: Weather) -> Drawn:
    return {
        "for_s": _round(rng.uniform(0.5, 15.0)),
        "target": rng.choice(("events_in", "events_in", "market", "rest")),
    }


def _order_held(rng: Random, _weather: Weather) -> Drawn:
    """Orders are never held longer than the shortest `never_after_s` of a venue: its word about arrivals must stay true. n 1: from
    the next order on, so that one is on its way all the time."""
    return {"for_s": _round(rng.uniform(1.6, 2.5)), "target": "orders_out", "n": int(rng.random() < 0.8)}


def _flap(rng: Random, _weather: Weather) -> Drawn:
    return {"for_s": _round(rng.uniform(2.0, 10.0)), "n": rng.randint(3, 10)}


def _foreign(rng: Random, weather: Weather) -> Drawn:
    """value < 0: it sells."""
    qty = float(rng.randint(1, 40) * rng.choice((-1, 1, 1)))
    return {"target": rng.choice(weather.symbols), "value": qty, "n": rng.randint(0, 1)}


def _drift(rng: Random, weather: Weather) -> Drawn:
    return {"target": rng.choice(weather.symbols), "value": float(rng.randint(1, 20) * rng.choice((-1, 1)))}


def _overfill(rng: Random, _weather: Weather) -> Drawn:
    return {"n": rng.randint(1, 2)}


def _aimed(rng: Random, _weather: Weather) -> Drawn:
    """n 1: the word falls when an order is on its way to the venue."""
    return {"n": int(rng.random() < 0.6)}


def _split(rng: Random, weather: Weather) -> Drawn:
    return {"target": rng.choice(weather.symbols), "n": rng.choice((2, 2, 3, 4))}


def _jump(rng: Random, weather: Weather) -> Drawn:
    factor = math.exp(rng.gauss(0.0, 0.08)) if rng.random() < 0.8 else rng.choice((0.45, 0.6, 1.5, 2.2))
    return {"target": rng.choice(weather.symbols), "value": _round(factor)}


def _spike(rng: Random, weather: Weather) -> Drawn:
    return {
        "target": rng.choice(weather.symbols),
        "value": rng.choice((0.01, 0.4, 0.5, 0.5, 0.9, 0.96, 1.1, 1.2, 2.0, 2.0, 100.0)),
    }


def _trend(rng: Random, weather: Weather) -> Drawn:
    return {
        "target": rng.choice((*weather.symbols, "")), "for_s": _round(rng.uniform(5.0, 25.0)),
        "value": _log(rng, 0.0005, 0.005) * rng.choice((-1.0, -1.0, 1.0)),
    }  # fmt: skip


def _idea(rng: Random, weather: Weather) -> Drawn:
    """value: its confidence, < 0 to sell.   n: how often it is sent, evenly over for_s; all at one moment when that is 0."""
    value = _round(rng.uniform(0.5, 1.0)) * rng.choice((-1, 1, 1, 1))
    lasts = rng.choice((0.0, _log(rng, 0.05, 3.0), rng.uniform(3.0, 25.0)))
    return {"target": rng.choice(weather.symbols), "value": value, "n": rng.randint(1, 4), "for_s": _round(lasts)}


def _intraday(rng: Random, weather: Weather) -> Drawn:
    return {**_idea(rng, weather), "value": _round(rng.uniform(0.7, 1.0))}


def _event(rng: Random, _weather: Weather) -> Drawn:
    """n: how severe, 0 to 2."""
    return {"n": rng.randint(0, 2), "for_s": _round(rng.uniform(1.0, 30.0))}


def _earnings(rng: Random, _weather: Weather) -> Drawn:
    """n: days from now."""
    return {"n": rng.choice((0, 0, 1, 1, 2, 3, 5))}


def _file(rng: Random, weather: Weather) -> Drawn:
    """n: lines.   value: the daemon dies before that disk operation from then on, 0 it lives; below 0 by a power cut."""
    dies = rng.choice((0, 0, rng.randint(1, 25)))
    value = float(dies * rng.choice((1, -1))) if dies else 0.0
    return {"target": rng.choice(weather.symbols), "n": rng.randint(1, 5), "value": value}


def _phone(low: float, high: float, value: tuple[float, float] = (0.0, 0.0)) -> Draw:
    """n 1: a refusal for good, a message that arrived and was not answered."""

    def draw(rng: Random, weather: Weather) -> Drawn:
        return {**lasting(low, high, value, PHONES)(rng, weather), "n": int(rng.random() < 0.3)}

    return draw


_CHANNELS = ("events_in", "events_in", "orders_out", "market", "rest")
_SIDES = ("orders", "orders", "market", "all")

CLASSES = (
    Class("crash", 0.82, (4, 9), (("host.kill", 3, _kill), ("host.point", 2, _point))),
    Class("pause", 0.30, (1, 2), (("host.pause", 3, lasting(0.3, 12.0)), ("host.suspend", 2, lasting(1.0, 15.0)))),
    Class("clock", 0.25, (1, 2), (("host.wall", 1, _wall),)),
    Class("second", 0.12, (1, 1), (("host.double", 1, lasting(4.0, 20.0)),)),
    Class("stop", 0.25, (1, 1), (("host.stop", 1, lasting(0.2, 4.0)),)),
    Class("disk", 0.35, (1, 2), (("disk.slow", 3, _slow_disk), ("disk.error", 3, _disk_error), ("disk.full", 2, _full))),
    Class("broken", 0.45, (1, 3), (
        ("link.reset", 3, at_once), ("link.half_open", 3, lasting(1.0, 20.0, targets=_SIDES)), ("link.flap", 1, _flap),
        ("link.refuse_login", 2, lasting(1.0, 15.0)), ("link.lose_ack", 3, lasting(2.0, 15.0, (0.1, 1.0))),
    )),
    Class("lossy", 0.45, (1, 3), (
        ("link.drop", 2, lasting(3.0, 20.0, (0.02, 0.3), _CHANNELS)), ("link.drop_fills", 4, lasting(3.0, 20.0, (0.1, 1.0))),
        ("link.dup", 2, lasting(3.0, 20.0, (0.05, 0.5))), ("link.reorder", 2, lasting(5.0, 40.0, (0.1, 0.9))),
    )),
    Class("late", 0.40, (1, 2), (
        ("link.hold", 2, _held), ("link.hold", 4, _order_held),
        ("link.slow", 2, lasting(3.0, 20.0, (0.05, 1.5))), ("link.mute", 2, lasting(2.0, 15.0)),
    )),
    Class("absent", 0.35, (1, 2), (
        ("venue.visibility", 3, lasting(5.0, 30.0, (0.3, 3.5))), ("venue.down", 2, lasting(2.0, 15.0)),
        ("venue.takeover", 1, at_once), ("venue.rate", 2, lasting(3.0, 20.0, (1.0, 5.0))),
    )),
    Class("answers", 0.30, (1, 2), (
        ("venue.reject", 2, lasting(2.0, 15.0, (0.2, 1.0))), ("venue.false_reject", 2, lasting(2.0, 15.0, (0.2, 1.0))),
        ("venue.overfill", 1, _overfill),
    )),
    Class("strangers", 0.25, (1, 2), (("venue.foreign", 2, _foreign), ("venue.drift", 1, _drift))),
    Class("paper", 0.25, (1, 1), (("venue.halt", 2, on_symbol(lasting(2.0, 20.0))), ("venue.split", 1, _split))),
    Class("prints", 0.45, (1, 3), (
        ("market.spike", 5, _spike), ("market.crossed", 2, lasting(0.5, 6.0)), ("market.zero", 1, lasting(0.5, 6.0)),
        ("market.nan", 1, lasting(0.5, 6.0)), ("market.stale", 3, lasting(3.0, 15.0, (1.0, 60.0))),
        ("market.future", 2, lasting(3.0, 15.0, (0.5, 600.0))),
    )),
    Class("moves", 0.45, (1, 2), (
        ("market.jump", 3, _jump), ("market.silent", 2, on_symbol(lasting(3.0, 25.0), 0.7)),
        ("market.burst", 1, lasting(0.5, 2.0, (20.0, 100.0))), ("market.trend", 3, _trend),
    )),
    Class("operator", 0.40, (1, 3), (
        ("operator.pause", 3, _aimed), ("operator.resume", 3, at_once), ("operator.halt", 3, _aimed),
        ("operator.flatten", 2, on_symbol(at_once, 0.5)), ("operator.cancel", 2, on_symbol(at_once, 0.5)),
        ("operator.usr1", 1, at_once), ("operator.twice", 1, at_once),
    )),
    Class("desk", 0.25, (1, 2), (
        ("operator.reload_bad", 1, at_once), ("operator.reload", 2, at_once), ("operator.page", 1, lasting(1.0, 8.0)),
    )),
    Class("ideas", 0.20, (1, 4), (("source.idea", 3, _idea), ("source.twin", 2, _idea))),
    Class("hours", 0.15, (1, 4), (("source.intraday", 1, _intraday),)),
    Class("news", 0.18, (1, 2), (("source.event", 3, on_symbol(_event, 0.6)), ("source.earnings", 2, on_symbol(_earnings)))),
    Class("files", 0.15, (1, 2), (("source.file", 1, _file),)),
    Class("phones", 0.20, (1, 3), (
        ("phone.slow", 3, _phone(3.0, 25.0, (0.5, 14.0))), ("phone.refuse", 2, _phone(1.0, 25.0)),
        ("phone.hang", 2, _phone(2.0, 30.0)), ("phone.fault", 1, _phone(1.0, 15.0)),
    )),
)  # fmt: skip

KINDS = frozenset(kind for each in CLASSES for kind, _, _ in each.kinds)


def drawn(seed: int, each: Class, weather: Weather) -> list[Fault]:
    """The faults of one class in the world of that seed; often none."""
    rng = Random(f"{seed}:menu:{each.name}")
    if rng.random() >= each.chance:
        return []
    found = []
    for _ in range(rng.randint(*each.count)):
        kind, _weight, draw = rng.choices(each.kinds, [weight for _, weight, _ in each.kinds])[0]
        found.append(_timed(rng, kind, draw(rng, weather), weather))
        if kind == "host.kill" and rng.random() < 0.35:  # and again soon after the restart, while it recovers
            found.append(_again(rng, found[-1], weather))
        if kind == "disk.slow" and rng.random() < 0.5:
            found.append(_old_prices(rng, found[-1]))
    return found[: each.count[1] + 1]


def _timed(rng: Random, kind: str, fields: Drawn, weather: Weather) -> Fault:
    """It begins early enough to be over in time; what would last too long is cut."""
    lasts = min(float(fields.get("for_s", 0.0)), weather.calm - 1.0)  # type: ignore[arg-type]
    at = _round(rng.uniform(0.5, weather.calm - lasts))
    return msgspec.convert({**fields, "kind": kind, "at": at, "for_s": min(lasts, _floor(weather.calm - at))}, Fault)


def _again(rng: Random, first: Fault, weather: Weather) -> Fault:
    """A second death in the recovery of the first: at a point of it, or a moment after the restart."""
    lasts = _round(rng.uniform(0.2, 2.0))
    if rng.random() < 0.5:
        at = first.at
        fault = Fault("host.point", at, target="K15", n=rng.randint(1, 3), value=float(rng.random() < 0.5))
    else:
        at = _round(min(first.at + first.for_s + _log(rng, 0.01, 2.0), weather.calm))
        fault = Fault("host.kill", at, target=first.target)
    return msgspec.structs.replace(fault, for_s=min(lasts, _floor(weather.calm - at)))


def _old_prices(rng: Random, slow: Fault) -> Fault:
    """Prices that are just young enough when something is decided, and too old once that is on the disk."""
    return Fault("market.stale", slow.at, for_s=slow.for_s, value=_round(rng.uniform(3.0, 4.9)))


def _floor(x: float) -> float:
    return max(0.0, math.floor(x * 1e4) / 1e4)
