"""Everything that a step of the core depends on: the events, and what is told between them.

A process starts with a book folded from the journal and nothing observed; from there on the events, the instruments a venue told
and the configurations that came into force are all that decides. Whoever keeps these in order can make every step again (T1).
"""

from __future__ import annotations

import msgspec

from tradingd.core.events import Event, Said
from tradingd.core.types import AccountId, Instrument


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules know of an account's venue: rests stops, changes a working order, clips closing orders to the position."""

    protective: bool
    amend: bool
    reduce_only: bool


class Began(Said):
    """A process took over. seq, head: the journal's last record, whose fold the books are.   build: hash of the code.   config: all
    of it as text that loads again, secrets as references.   venues: every account, in the order of the books."""

    seq: int
    head: str
    build: str
    config: str
    venues: dict[AccountId, Venue]


class Learned(Said):
    """The venue of an account told what can be traded, corrections of the operator included."""

    account: AccountId
    instruments: tuple[Instrument, ...]


class Adopted(Said):
    """Another configuration is in force from here on. config: all of it as text."""

    config: str


class Ended(Said):
    """Nothing was stepped after this, and all before it was kept: the process ended on purpose."""


Told = Began | Learned | Adopted | Ended
Input = Event | Told
