"""Ideas, news and files from outside, people who are told, and the oracles about them, in small worlds with few faults."""

import random

import msgspec
import pytest

from tests.sim.disk import SimDisk
from tests.sim.phone import Phones
from tests.sim.plan import Fault
from tests.sim.source import Idea
from tests.sim.test_operator import CALM, lived, own_process  # noqa: F401 - a fixture
from tests.sim.world import World
from tradingd.shell.intake.schema import Told

ROOMS = msgspec.structs.replace(CALM, rooms=("micro", "drop", "files", "notify"))
KILL = Fault("host.kill", 10.02, 1.5, target="process")


def the(made: World) -> Idea:
    [idea] = made.source.ideas.values()
    return idea


@pytest.mark.parametrize("kind", ["source.idea", "source.twin", "source.intraday"])
@pytest.mark.parametrize("kill", [False, True])
def test_what_is_sent_again_is_answered_with_the_first_decision(kind, kill):
    """E1: also when the other fields differ, and when the daemon died in between."""
    faults = (Fault(kind, 10.0, 6.0, 0.9, "AAA", 3), *([KILL] if kill else []))
    made = lived(*faults, plan=ROOMS)
    told = the(made).told
    assert [each.status for each in told[1:]] == ["duplicate"] * 2
    assert len({each.decisions[0].decision_id for each in told}) == 1


def test_an_answer_that_is_not_in_the_journal_breaks_a_promise():
    made = lived(Fault("source.idea", 10.0, 0.0, 0.9, "AAA", 1), plan=ROOMS)
    idea = the(made)
    [decision] = idea.told[0].decisions
    other = msgspec.structs.replace(decision, decision_id="d9999")
    made.answers.told(idea, Told(id=idea.ident, status="duplicate", decisions=(other,)), True)
    assert made.violation is not None
    assert made.violation.promise == "I9"


def test_an_event_is_noted_and_its_end_is_known():
    made = lived(Fault("source.event", 10.0, 20.0, n=2, target="AAA"), plan=ROOMS)
    assert made.answers.counts["event noted"] == 1
    assert made.met["EventNoted"] == 1


def test_earnings_dates_are_read():
    assert lived(Fault("source.earnings", 10.0, n=1, target="AAA"), plan=ROOMS).met["EarningsNoted"] == 1


@pytest.mark.parametrize("dies", [0.0, *(sign * n for n in range(2, 20, 3) for sign in (1.0, -1.0))])
def test_a_file_is_answered_whatever_died_over_it(dies):
    """E1: each sound line by its one decision, the spoilt one by its fault."""
    made = lived(Fault("source.file", 10.0, value=dies, n=4, target="BBB"), plan=ROOMS)
    assert made.answers.counts["file answered"] == 1
    assert made.sites[0].kills == (1 if dies else 0)


def test_a_line_of_a_file_that_was_never_decided_breaks_a_promise():
    made = lived(Fault("source.file", 10.0, n=1, target="BBB"), plan=ROOMS)
    site, [put] = made.sites[0], made.source.files
    assert list(made.answers.judge(site, ())) == [
        ("I9", f"{put.name}: {put.good[0]} was answered {[_decided(made, put.name)]}, decided is None")
    ]


def _decided(made: World, name: str) -> str:
    line = made.sites[0].disk.read(f"/state/drop/done/{name}.answers.jsonl").splitlines()[0]
    return msgspec.json.decode(line, type=Told).decisions[0].decision_id


def test_a_micro_trade_is_over_within_its_time():
    made = lived(plan=msgspec.structs.replace(ROOMS, minds=("hasty",), volatility=0.0005))
    assert made.hours.counts["micro act"] >= 3
    assert made.promises.hours.keys() <= {("a", symbol) for symbol in made.symbols}


# people who are told ------------------------------------------------------------------------------------------------------

BAD_LINK = Fault("link.reset", 20.0)


def test_a_page_is_heard_once_by_each_channel():
    made = lived(BAD_LINK, plan=ROOMS)
    assert made.notices.counts["notice delivered"] >= 2
    assert made.notices.counts["message heard"] == made.notices.counts["notice delivered"]


@pytest.mark.parametrize("kind", ["phone.slow", "phone.refuse", "phone.hang", "phone.fault"])
def test_a_page_is_told_when_the_phone_works_again(kind):
    """E16: tried again, also after a death, and no order waits for it (I11 is watched)."""
    bad = Fault(kind, 19.0, 12.0, 11.0)
    for faults in ((bad, BAD_LINK), (bad, BAD_LINK, Fault("host.kill", 24.0, 1.0, target="process"))):
        made = lived(*faults, plan=ROOMS)
        assert made.notices.counts["notice due"] >= 2
        assert made.notices.counts["notice delivered"] >= 2


def test_what_nobody_heard_and_counts_as_delivered_breaks_a_promise():
    made = lived(BAD_LINK, plan=ROOMS)
    made.notices._heard.clear()
    facts = [fact for fact in made.journal() if type(fact).__name__ == "Notified"]
    life = made.sites[0].life
    assert life is not None
    made.notices.durable(life, facts)
    assert made.violation is not None
    assert made.violation.promise == "I14"


def test_a_page_that_was_never_told_breaks_a_promise():
    made = lived(BAD_LINK, plan=ROOMS)
    facts = [fact for fact in made.journal() if getattr(fact, "status", "noted") == "noted"]
    found = [promise for promise, _ in made.notices.judge("a", facts, made.sites[0].clock.wall())]
    assert found
    assert set(found) == {"I14"}


def test_a_deed_nobody_knows_is_refused():
    made = World(CALM)
    with pytest.raises(ValueError, match="nothing from outside"):
        made.source.apply(Fault("source.sings", 1.0))
    with pytest.raises(ValueError, match="no fault of a phone"):
        Phones(made.loop, CALM, print).apply(Fault("phone.sings", 1.0))


# the drop folder's disk ---------------------------------------------------------------------------------------------------


def test_a_power_cut_leaves_a_file_of_the_drop_folder_in_one_place():
    """A rename is there or not; never both names, never none, and none without those before it."""
    seen = set()
    for seed in range(60):
        disk = SimDisk()
        for name in ("a", "b"):
            disk.put(f"/state/drop/{name}", name.encode())
        for name in ("a", "b"):
            disk.rename(f"/state/drop/{name}", f"/state/drop/taken/{name}")
        after = disk.after_power_cut(random.Random(seed))
        names = tuple(sorted(path.removeprefix("/state/drop/") for path in after.names))
        assert names == tuple(sorted(path.removeprefix("/state/drop/") for path in after.durable))
        seen.add(names)
    assert seen == {("a", "b"), ("b", "taken/a"), ("taken/a", "taken/b")}


def test_what_a_synced_directory_holds_stays():
    disk = SimDisk()
    disk.put("/state/drop/a", b"a")
    disk.rename("/state/drop/a", "/state/drop/taken/a")
    disk.sync_dir("/state/drop/taken")
    for seed in range(20):
        assert list(disk.after_power_cut(random.Random(seed)).names) == ["/state/drop/taken/a"]
