"""Puts a tape under a house: the engine lets it hear events, links and reloads tell it what is none, and its gaps are told."""

from __future__ import annotations

from tradingd.config import Config, describe
from tradingd.core.events import Alarm
from tradingd.core.inputs import Venue
from tradingd.shell.house import House
from tradingd.shell.ticks.read import DIRECTORY
from tradingd.shell.ticks.reel import Reel
from tradingd.shell.ticks.tape import Tape

LOOK_S = 30.0


def attach(house: House, config: Config, directory: str, *, build: str, threaded: bool = True) -> Tape | None:
    """The tape of this life, None when the configuration wants none. Called before the first event is stepped; whoever calls closes
    it after the journal. directory: the state directory.   build: hash of the code."""
    if not config.ticks.record:
        return None
    recovery = house.recovery
    reel = Reel(
        house.env, f"{directory}/{DIRECTORY}", config.ticks, instance=recovery.genesis.instance + recovery.genesis.nonce,
        free_min=config.journal.free_min_bytes,
    )  # fmt: skip
    tape = Tape(house.env, reel, threaded=threaded)
    venues = {
        account: Venue(protective=m.rules.protective, amend=m.rules.amend, reduce_only=m.rules.reduce_only)
        for account, m in house.members.items()
    }
    tape.begin(seq=recovery.seq, head=recovery.head, build=build, config=describe(config), venues=venues)
    house.engine.ear = tape.ear
    for member in house.members.values():
        member.link.on_learned = tape.learned
    house.schedule.add("tape", LOOK_S, Watch(house, tape).look)
    return tape


class Watch:
    """Shows the tape's figures, and tells of a gap once: again only after the tape went on."""

    def __init__(self, house: House, tape: Tape) -> None:
        self._house = house
        self._tape = tape
        self._lost = 0
        self._told = False

    async def look(self) -> None:
        house, tape = self._house, self._tape
        house.metrics.taped("kept", tape.reel.kept)
        house.metrics.taped("lost", tape.lost)
        before, self._lost = self._lost, tape.lost
        if tape.lost == before:
            self._told = False
        elif not self._told:
            self._told = True
            text = (
                f"{tape.lost - before} entries are not on the tape: {tape.why or 'its disk does not keep up'}; trading is not "
                "concerned, but this run cannot be replayed beyond this"
            )
            house.offer(Alarm(ts=house.env.clock.wall(), level="tell", code="tape_gap", text=text))
