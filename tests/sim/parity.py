"""Every life of a world, stepped again from what its engine heard: `python -m tests.sim.parity FIRST LAST` says what came of it.

The process ends with `os._exit`, as all that run worlds do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tests.sim import site as sites
from tests.sim.ledger import JOURNAL, view
from tests.sim.plan import draw
from tests.sim.world import run
from tradingd.app import rules_of
from tradingd.config import Config, load_text
from tradingd.core.inputs import Adopted, Input, Learned
from tradingd.core.rules import Rules
from tradingd.core.types import AccountId
from tradingd.lab.parity import Parity, Verdict
from tradingd.lab.player import Player
from tradingd.shell.house import House, fold_books
from tradingd.shell.journal import payloads
from tradingd.shell.reload import Reload, adopt


class Ear:
    """What one life's engine heard, and the player that can step it again."""

    def __init__(self, house: House, player: Player) -> None:
        self.heard: list[Input] = []
        self.seq = house.recovery.seq
        self.disk: Any = house.env.disk
        self.player = player
        house.engine.ear = lambda: self.heard.append
        for member in house.members.values():
            member.link.on_learned = lambda account, listed: self.heard.append(
                Learned(ts=0, account=account, instruments=listed)
            )


def listen() -> list[Ear]:
    """Every house that a site opens from here on has an ear."""
    ears: list[Ear] = []
    house_of = sites.house_of

    def opened(env: Any, config: Config, *rest: Any, strategies: Any, **more: Any) -> House:
        house = house_of(env, config, *rest, strategies=strategies, **more)
        rules = {
            account: rules_of(config, config.accounts[account], strategies, member.broker.quirks)
            for account, member in house.members.items()
        }
        books = fold_books(house.recovery, rules, {account: config.accounts[account].currency for account in rules})
        ears.append(Ear(house, Player(books, rules, put)))
        return house

    def put(rules: Mapping[AccountId, Rules], text: str) -> None:
        for each in rules.values():
            adopt(each, load_text(text).config)

    def reloading(config: Config, house: House, read: Callable[[], Config] | None) -> Reload:
        made, ear = Reload(config, house, read), ears[-1]
        made.on_adopt = lambda text: ear.heard.append(Adopted(ts=0, config=text))
        return made

    sites.house_of = opened
    sites.Reload = reloading  # type: ignore[assignment,misc]
    return ears


def verdicts(seed: int, ears: list[Ear]) -> list[Verdict]:
    """One for each life of that world, in the order in which they were opened."""
    ears.clear()
    run(draw(seed))
    found = []
    for ear in ears:
        entries = [(at, at, each) for at, each in enumerate(ear.heard, 1)]
        parity = Parity(ear.player, payloads(view(ear.disk), JOURNAL, after=ear.seq), ear.seq)
        found.append(parity.rest(parity.compare(entries), ended=False, gap=""))
    return found


def main(first: int, last: int) -> None:
    """One line of JSON a life: its world's seed and its verdict."""
    ears = listen()
    for seed in range(first, last + 1):
        for verdict in verdicts(seed, ears):
            print(msgspec.json.encode({"seed": seed, "verdict": verdict}).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
