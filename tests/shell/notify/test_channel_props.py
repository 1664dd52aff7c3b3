"""Laws of a channel, whatever is told to it and however its transport fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.notify.people import Carrier, channel, note
from tests.shell.stage import T0, turns
from tradingd.core.types import NS
from tradingd.shell.env import ReplayClock
from tradingd.shell.notify.channel import Channel
from tradingd.shell.notify.limit import HOUR
from tradingd.shell.notify.message import Undelivered
from tradingd.shell.notify.outbox import DELIVERED, DROPPED, FAILED, FOLDED, LIMITED, Outcome

ANSWERS = {"ok": None, "later": Undelivered("later"), "never": Undelivered("never", final=True), "bug": KeyError("bug")}
asked = st.tuples(
    st.integers(0, 900), st.sampled_from(["page", "tell"]), st.sampled_from(["a", "b", "c"]), st.sampled_from("XYZ")
)


async def wait(clock: ReplayClock, seconds: int) -> None:
    end = clock.wall() + seconds * NS
    await turns(15)
    while (due := clock.next_wake()) is not None and due <= end:
        clock.set(due)
        await turns(15)
    clock.set(end)
    await turns(15)


class Life:
    """Everything that was told to one channel, over restarts of it, and what became of it."""

    def __init__(self, per_hour: int, answers: list[str]) -> None:
        self.env = FakeEnv(FakeDisk(), T0)
        assert isinstance(self.env.clock, ReplayClock)
        self.clock = self.env.clock
        self.carrier = Carrier(self.clock.wall, *(ANSWERS[a] for a in answers))
        self.per_hour = per_hour
        self.outcomes: list[tuple[int, Outcome]] = []
        self.seq = 0
        self.asked = 0

    def started(self) -> Channel:
        """As after a start: what the journal knows of the last hour counts."""
        made = channel(self.env, self.carrier, per_hour=self.per_hour, fold_s=20.0)
        made.report = self.record
        for ts, outcome in self.outcomes:
            if outcome.status == DELIVERED and self.clock.wall() - ts < HOUR:
                made.outbox.hour.count(ts, None)
        return made

    def record(self, _channel: Channel, outcomes: Sequence[Outcome]) -> None:
        self.outcomes.extend((self.clock.wall(), outcome) for outcome in outcomes)

    async def run(self, lives: list[list[tuple[int, str, str, str]]]) -> None:
        for words in lives:
            made = self.started()
            async with anyio.create_task_group() as group:
                group.start_soon(made.run)
                for pause, level, code, symbol in words:
                    await wait(self.clock, pause)
                    self.seq += 1
                    made.hear(note(self.seq, level=level, code=code, text=f"{symbol}: {self.seq}"))
                await wait(self.clock, 400)  # what waits is told or fails before the process ends
                group.cancel_scope.cancel()


def lived(per_hour: int, answers: list[str], lives: list[list[tuple[int, str, str, str]]]) -> Life:
    life = Life(per_hour, answers)
    asyncio.run(life.run(lives))
    return life


@given(
    per_hour=st.integers(1, 4), answers=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=25),
    lives=st.lists(st.lists(asked, min_size=1, max_size=12), min_size=1, max_size=3),
)  # fmt: skip
@settings(max_examples=60)
def test_no_rolling_hour_has_more_messages_than_its_limit(
    per_hour: int, answers: list[str], lives: list[list[tuple[int, str, str, str]]]
) -> None:
    """S2 property 30 (E16): over restarts too, and whatever fails; what was beyond it is recorded as rate_limited, and only
    while the limit was in fact used up; nothing is without a record; the record says as many deliveries as there were."""
    life = lived(per_hour, answers, lives)
    carried = [ts for ts, _ in life.carrier.carried]
    assert all(later - first >= HOUR for first, later in zip(carried, carried[per_hour:], strict=False))
    recorded = [ts for ts, outcome in life.outcomes if outcome.status == DELIVERED]
    assert len(recorded) == len(carried)
    assert {outcome.note.notice for _, outcome in life.outcomes} == {str(n + 1) for n in range(life.seq)}
    assert {outcome.status for _, outcome in life.outcomes} <= {DELIVERED, FAILED, LIMITED, FOLDED, DROPPED}
    for ts, outcome in life.outcomes:
        if outcome.status == LIMITED:
            assert len([1 for sent in carried if sent <= ts < sent + HOUR]) == per_hour


@given(answers=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=25), words=st.lists(asked, min_size=1, max_size=20))
@settings(max_examples=40)
def test_a_notice_is_tried_four_times_at_most_and_told_once(
    answers: list[str], words: list[tuple[int, str, str, str]]
) -> None:
    """E16: three repetitions after 1, 4 and 16 s, none after a proven refusal; no notice is the first of two messages unless it
    stands for those that came again."""
    life = lived(1_000, answers, [words])
    assert all(outcome.tries <= 4 for _, outcome in life.outcomes)
    failed = [o for _, o in life.outcomes if o.status == FAILED]
    assert all(o.tries == 4 or o.error == "never" for o in failed)
    idents = [(message.ident, message.data["text"]) for _, message in life.carrier.carried]
    assert len(set(idents)) == len(idents)
    assert [ts for ts, _ in life.outcomes] == sorted(ts for ts, _ in life.outcomes)


@given(words=st.lists(asked, min_size=2, max_size=25))
@settings(max_examples=40)
def test_the_same_is_said_once_an_hour(words: list[tuple[int, str, str, str]]) -> None:
    """E16: two messages that begin with the same account, code and symbol are an hour apart, or the second is the count."""
    life = lived(1_000, [], [words])
    said: dict[tuple[str, str], list[int]] = {}
    for ts, message in life.carrier.carried:
        for each in message.data["notices"]:
            if "times more" not in each["text"]:
                said.setdefault((each["code"], each["text"][0]), []).append(ts)
    for times in said.values():
        assert all(later - first >= HOUR - 20 * NS for first, later in pairwise(times))
