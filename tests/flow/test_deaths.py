"""That a death is where its name says: what journal and venue hold right after it, before anybody starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from tests.flow.child import PATIENCE_S
from tradingd.core.types import OrderId
from tradingd.demo.audit import known_of, venue_of
from tradingd.demo.config import demo_config
from tradingd.demo.crash import ACCOUNT, Crash, Tally, with_venue
from tradingd.demo.options import DemoOptions
from tradingd.demo.plan import Life
from tradingd.demo.venue import start_venue
from tradingd.shell.env import RealClock, RealDisk
from tradingd.shell.journal import verify


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    directory = tmp_path_factory.mktemp("deaths")
    venue = start_venue(directory / "venue.log", ACCOUNT, DemoOptions())
    try:
        crash = Crash(directory, venue, RealClock(), Tally(), print)
        crash.config = with_venue(demo_config(), venue.port)
        crash.life_max_s = PATIENCE_S
        yield crash
        crash.witness.close()
    finally:
        venue.stop()


def orders(crash: Crash) -> tuple[set[OrderId], set[OrderId]]:
    """Orders with a durable intent, and those of them that the venue read, once it has read all that it was sent."""
    asyncio.run(crash.witness._barrier())
    disk = RealDisk()
    arrived = venue_of(disk, crash.directory / "venue.log").arrived
    intended = set(known_of(disk, crash.directory / "journal", ACCOUNT).intended)
    assert set(arrived) <= intended
    return intended, set(arrived)


@pytest.mark.parametrize(
    ("point", "nth", "read"),
    [("K3", 1, 0), ("K3", 2, 0), ("K3", 3, 1), ("K4", 1, 0), ("K4", 2, 1), ("K4", 3, 2), ("K5", 1, 1), ("K5", 2, 2)],
)
def test_so_many_orders_of_a_life_were_read(crash: Crash, point: str, nth: int, read: int) -> None:
    """A3, A4: dead before the nth write (K3 comes twice an order), in the middle of it, after it. A frame without its end is no
    order."""
    intended, _ = orders(crash)
    assert crash._life(Life(point, nth)) == point
    after, arrived = orders(crash)
    assert len((after - intended) & arrived) == read
    assert len(after - intended) > read or point == "K5"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_acknowledgement_was_written_and_not_synced(crash: Crash, nth: int) -> None:
    """A5, K8: the last record of the file is of a group that nobody was told is durable, and an acknowledgement is in it."""
    assert crash._life(Life("K8", nth)) == "K8"
    report = verify(RealDisk(), str(crash.directory / "journal"))
    lines = max((crash.directory / "journal").glob("journal-*.jsonl")).read_bytes().splitlines()
    fresh = [record for line in lines if (record := msgspec.json.decode(line))["seq"] > report.durable]
    assert any(r["kind"] == "OrderMoved" and r["fact"]["to"] == "live" for r in fresh)


def test_a_torn_order_is_settled_by_the_next_life(crash: Crash) -> None:
    """A3: the venue is asked, does not know it, and nothing is sent for it again."""
    assert crash._life(Life("K4", 2)) == "K4"
    intended, arrived = orders(crash)
    lost = intended - arrived
    assert lost
    crash.venue.freeze()
    crash._last_life()
    known = known_of(RealDisk(), crash.directory / "journal", ACCOUNT)
    assert known.unsettled == 0
    assert not lost & orders(crash)[1]
