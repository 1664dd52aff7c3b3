"""A world as data: everything that is drawn from its seed, and the configuration its daemon runs on.

`draw` is a pure function of the seed. A plan can be written down, cut smaller and run again; every stream of chance in a world is
`stream(plan, purpose)`, so a fault that is left out shifts none of the others.
"""

from __future__ import annotations

from random import Random

import msgspec

from tests.sim.menu import CLASSES, SYMBOLS, Fault, Weather, drawn
from tests.sim.moments import moment, near_edge
from tests.sim.venue.personality import PERSONALITIES
from tradingd.core.types import AccountId

__all__ = [
    "ACCOUNT",
    "FAULTS_UNTIL",
    "REST_S",
    "SECONDS",
    "SYMBOLS",
    "Fault",
    "Plan",
    "config_text",
    "draw",
    "names",
    "stream",
]

ACCOUNT = AccountId("one")
SECONDS = 90.0
FAULTS_UNTIL = 55.0
REST_S = 6.0  # at the end of a world nobody has an idea and no price moves: what is under way then can end
ONE_POSITION = {
    "conservative": 0.055,
    "moderate": 0.085,
    "aggressive": 0.105,
}  # share of equity that one entry of a tier fits in
MINDS = ("steady", "eager", "flipper", "raiser", "liar", "hasty")
ROOMS = ("micro", "drop", "files", "notify")  # what a daemon may have, and most have not
ASKS_FOR = {"source.intraday": "micro", "source.file": "drop", "source.earnings": "files"}


class Plan(msgspec.Struct, frozen=True):
    """One world. quote_s: mean seconds between quotes of one symbol.   volatility: sd of the log return per quote.
    start: wall time of virtual second 0, ns.   fifo: ready callbacks are taken in order.   segment_bytes, snapshot_every: of the
    journal, small in some worlds.   rooms: of ROOMS, those this daemon has."""

    seed: int
    personality: str
    faults: tuple[Fault, ...]
    minds: tuple[str, ...]
    start: int
    symbols: int = 4
    quote_s: float = 1.0
    volatility: float = 0.002
    seconds: float = SECONDS
    calm: float = FAULTS_UNTIL
    fifo: bool = False
    snapshot_every: int = 50_000
    segment_bytes: int = 8 << 20
    rooms: tuple[str, ...] = ()


def stream(plan: Plan, purpose: str) -> Random:
    """The stream of chance of one purpose in one world."""
    return Random(f"{plan.seed}:{purpose}")


def names(plan: Plan) -> tuple[str, ...]:
    """The instruments of the world."""
    return SYMBOLS[: plan.symbols]


def draw(seed: int) -> Plan:
    """The world of that seed."""
    rng = Random(f"{seed}:world")
    symbols = rng.choice((1, 2, 3, 4, 4, 4, 4, 6))
    weather = Weather(FAULTS_UNTIL, SYMBOLS[:symbols])
    faults = [fault for each in CLASSES for fault in drawn(seed, each, weather)]
    faults.sort(key=lambda fault: fault.at)
    minds = _minds(Random(f"{seed}:minds"))
    return Plan(
        seed=seed,
        personality=Random(f"{seed}:personality").choice(sorted(PERSONALITIES)),
        faults=tuple(faults),
        minds=minds,
        start=moment(Random(f"{seed}:start")),
        symbols=symbols,
        quote_s=rng.choice((0.4, 0.7, 1.0, 1.0, 1.5)),
        volatility=rng.choice((0.0005, 0.001, 0.002, 0.002, 0.004)),
        fifo=rng.random() < 0.1,
        snapshot_every=rng.choice((5, 20, 100, 50_000, 50_000, 50_000)),
        segment_bytes=rng.choice((4096, 16_384, 65_536, 8 << 20, 8 << 20, 8 << 20)),
        rooms=_rooms(faults, minds),
    )


def _rooms(faults: list[Fault], minds: tuple[str, ...]) -> tuple[str, ...]:
    """What the faults and the strategies need."""
    wanted = {ASKS_FOR.get(fault.kind) for fault in faults}
    wanted |= {"notify" for fault in faults if fault.kind.startswith("phone.")}
    wanted |= {"micro" for mind in minds if mind == "hasty"}
    return tuple(room for room in ROOMS if room in wanted)


def _minds(rng: Random) -> tuple[str, ...]:
    """At least one that trades; the hostile ones now and then beside it."""
    found = [rng.choice(("steady", "steady", "eager", "flipper"))]
    found += [name for name in MINDS if name not in found and rng.random() < 0.2]
    return tuple(found)


# the configuration --------------------------------------------------------------------------------------------------------


def config_text(plan: Plan) -> str:
    """tradingd.toml of the simulated daemon. Rhythms are those of a world of 90 s; most limits are wide enough that several
    entries and exits happen, and each is tight in a few worlds."""
    rng = stream(plan, "config")

    def mostly(usual: object, tight: object, chance: float = 0.12) -> object:
        return tight if rng.random() < chance else usual

    tier = rng.choice(("moderate", "moderate", "moderate", "conservative", "aggressive"))
    edge = near_edge(plan.start)
    stop = rng.choice((0.15, 0.3, 0.3, 0.6, 2.0))  # ATRs of about 2 %
    reward = rng.choice((1.0, 1.5, 2.5))
    loop = rng.random() < 0.1
    parts = stream(plan, "tranches")
    sections: dict[str, dict[str, object]] = {
        "journal": {
            "segment_bytes": max(plan.segment_bytes, 16 << 10), "snapshot_every": max(plan.snapshot_every, 100),
            "free_min_bytes": 65_536, "force_fs": True,
        },
        "house": {
            "timer_s": 1.0, "orders_s": 2.0, "positions_s": 5.0, "snapshot_s": 3.0,
            "crash_loop_starts": rng.randint(3, 6) if loop else 0, "crash_loop_window_s": rng.choice((20.0, 60.0)),
        },
        "web": {"enabled": False},
        "tier": {"name": tier},
        "risk": {
            "max_position_pct": mostly(0.15, ONE_POSITION[tier]), "max_sector_pct": mostly(1.0, 0.2),
            "max_daily_loss": mostly(0.2, 0.005), "max_drawdown": mostly(0.5, 0.01, 0.05), "max_open_positions": mostly(20, 2),
            "orders_per_minute": mostly(200, 8), "exits_per_minute": mostly(400, 10, 0.08),
            "repeated_executions": mostly(100, 3), "duplicate_window_s": mostly(0.5, 5.0, 0.2),
            "rejects_in_row": mostly(20, 3, 0.2), "price_max_age_s": 5.0, "price_collar": 0.02,
        },
        "breaker": {
            "daily_loss": mostly(0.2, 0.003), "position_loss": mostly(0.2, 0.01), "stop_outs": mostly(50, 3, 0.15),
            "cooldown_daily_min": 1, "cooldown_ticker_min": 1, "cooldown_volatility_min": 1, "cooldown_manual_min": 1,
        },
        "stops": {"no_price_min": mostly(15, 1, 0.3), "interval_min": mostly(5, 0, 0.3)},
        "entry": {
            "order": mostly("limit", "market", 0.3), "tif": rng.choice(("day", "day", "gtc", "ioc", "ioc", "fok")),
            "limit_slip": rng.choice((0.0, 0.0005, 0.002)), "ttl_s": rng.choice((2.0, 5.0, 10.0)),
            "allow_short": rng.random() < 0.25, "tranches": parts.choice((1, 2, 3)), "tranche_s": parts.choice((1.0, 2.0, 4.0)),
        },
        "quotes": {"breach_grace_s": rng.choice((0.5, 1.0, 2.0))},
        "window": {"after_open_min": 0 if edge else 15, "before_close_min": 0 if edge else 15},
        f"accounts.{ACCOUNT}": {"broker": "sim", "mode": "trade", "capital": 100_000},
    }  # fmt: skip
    # about what an entry is worth: some fit, some do not
    sections["risk"]["max_order_notional"] = mostly(25_000, round(70_000 * ONE_POSITION[tier]), 0.15)
    for each in ONE_POSITION:
        sections[f"tiers.{each}"] = {"stop_loss_atr_multiplier": stop, "reward_risk_ratio": reward}
    for room in plan.rooms:
        sections.update(_room(room, stream(plan, f"room:{room}")))
    return 'mode = "paper"\n' + "".join(_section(name, keys) for name, keys in sections.items())


def _room(room: str, rng: Random) -> dict[str, dict[str, object]]:
    """The sections of one room. Channels lead to the phones of the world, whatever their address says."""
    if room == "micro":
        return {
            "micro": {
                "enabled": True, "per_day": rng.choice((2, 10, 200)), "hold_min": rng.choice((0.05, 0.1, 0.1, 0.2, 0.3)),
                "atr_multiplier": rng.choice((0.15, 0.5, 2.0)), "reward_risk": rng.choice((1.0, 1.5, 4.0)),
            },
        }  # fmt: skip
    if room == "drop":
        return {"drop": {"dir": "drop", "every_s": rng.choice((0.3, 1.0, 2.0))}}
    if room == "files":
        return {"files": {"earnings": "earnings.csv"}}
    return {
        "notify.pager": {
            "kind": "webhook", "url": "https://pager.invalid/", "levels": ["page"], "per_hour": rng.choice((1, 2, 5, 60)),
        },
        "notify.mail": {
            "kind": "webhook", "url": "https://mail.invalid/", "fold_s": rng.choice((0.0, 1.0, 4.0)),
            "per_hour": rng.choice((1, 3, 10, 60)),
        },
    }  # fmt: skip


def _section(name: str, keys: dict[str, object]) -> str:
    return f"\n[{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
