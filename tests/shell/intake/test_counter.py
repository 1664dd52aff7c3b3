"""The counter: every idea one decision an account, the answer when it is durable, twins answered with the first. E1, E11, R4."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.fakes.disk import FakeDisk
from tests.fakes.env import FakeEnv
from tests.shell.stage import AAA, BBB, ONE, TWO, Stage, stage, turns
from tests.shell.test_desk import desk_of, stopped_disk
from tradingd.core.events import Action, MarketEvent, Recommendation
from tradingd.core.facts import Decided, EventNoted, OrderIntended, Outcome, Reason
from tradingd.core.types import NS, AccountId, Severity, Symbol
from tradingd.ports import Broken
from tradingd.shell.intake.counter import LEARN_S, Counter
from tradingd.shell.intake.schema import Told
from tradingd.shell.web.desk import NotReady


def idea(s: Stage, ident: str = "i1", symbol: Symbol = AAA, **changes: object) -> Recommendation:
    now = s.clock.wall()
    plain: dict[str, object] = {
        "ts": now, "id": ident, "symbol": symbol, "action": Action.BUY, "confidence": 0.8, "generated_at": now,
    }  # fmt: skip
    return Recommendation(**{**plain, **changes})  # type: ignore[arg-type]


def outcomes(told: Told) -> list[tuple[str, Outcome]]:
    return [(made.account, made.outcome) for made in told.decisions]


async def test_the_answer_is_the_decision_and_comes_when_it_is_durable() -> None:
    """R4, E11, O2: no answer before the sync; then the decision's id, outcome and orders."""
    async with stage() as s:
        s.quote()
        gate = stopped_disk(s)
        asked = asyncio.ensure_future(desk_of(s).counter.take([idea(s)]))
        await turns()
        assert not asked.done()
        gate.set()
        [told] = await asked
        [decided] = [f for f in s.durable if isinstance(f, Decided)]
        [made] = told.decisions
        assert (told.status, made.decision_id, made.orders) == ("decided", decided.decision_id, decided.orders)
        assert (made.outcome, made.headline, made.reasons) == (Outcome.ACT, None, ())


async def test_a_refusal_is_an_answer_with_its_reasons() -> None:
    """R4: the headline first, all of them after it."""
    async with stage() as s:
        s.quote()
        [told] = await desk_of(s).counter.take([idea(s, confidence=0.1)])
        [made] = told.decisions
        assert (told.status, made.outcome, made.headline, made.orders) == (
            "decided",
            Outcome.SKIP,
            Reason.LOW_CONFIDENCE,
            (),
        )
        assert made.reasons == s.said(Decided)[0].reasons  # type: ignore[attr-defined]


async def test_twins_are_answered_with_the_first_decision_whenever_they_come() -> None:
    """E1: in one request, at once, later, and after a restart: one decision, one order, one answer."""
    disk = FakeDisk()
    async with stage(disk) as s:
        s.quote()
        counter = desk_of(s).counter
        word = idea(s)
        both, again = await asyncio.gather(counter.take([word, word]), counter.take([word]))
        answers = [*both, *again, *(await counter.take([word]))]
        assert sorted(told.status for told in answers) == ["decided", "duplicate", "duplicate", "duplicate"]
        assert (len(s.said(Decided)), len(s.said(OrderIntended))) == (1, 1)
        now = s.clock.wall()
    disk.killed()
    async with stage(disk, brokers=s.brokers, now=now) as t:
        t.quote()
        counter = Counter(t.house)
        [told] = await counter.take([word])
        answers.append(told)
        assert told.status == "duplicate"
        assert await counter.find("api", "i1") is not None
        assert t.said(Decided) == []
    assert len({told.decisions for told in answers}) == 1


async def test_a_twin_is_not_answered_before_the_first_is_durable() -> None:
    """E1, O2: the book knows it already, the disk does not."""
    async with stage() as s:
        s.quote()
        counter, gate = desk_of(s).counter, stopped_disk(s)
        word = idea(s)
        asked = [asyncio.ensure_future(counter.take([word])) for _ in range(2)]
        await turns()
        assert not any(each.done() for each in asked)
        assert [told.status for told in await counter.take([word], timeout_s=0.001)] == ["pending"]
        gate.set()
        assert [(await each)[0].status for each in asked] == ["decided", "duplicate"]


async def test_the_same_id_of_another_source_is_another_recommendation() -> None:
    """E1: source and id together are the name."""
    async with stage() as s:
        s.quote()
        told = await desk_of(s).counter.take([idea(s), idea(s, source="bus")])
        assert [each.status for each in told] == ["decided", "decided"]
        assert len(s.said(Decided)) == 2


async def test_the_highest_confidence_is_decided_first_and_answers_keep_their_order() -> None:
    """E1: who is sure goes first; the answers stand as the questions did."""
    async with stage() as s:
        s.quote(AAA)
        s.quote(BBB)
        low, high = idea(s, "low", AAA, confidence=0.7), idea(s, "high", BBB, confidence=0.9)
        told = await desk_of(s).counter.take([low, high])
        assert [each.id for each in told] == ["low", "high"]
        assert [f.cause for f in s.said(Decided)] == ["api:high", "api:low"]  # type: ignore[attr-defined]


async def test_each_account_decides_and_one_that_is_named_decides_alone() -> None:
    """E1, E11: one decision an account; an account that is not here is named, and holds nobody back."""
    async with stage(accounts=(ONE, TWO)) as s:
        s.quote(AAA)
        s.quote(BBB)
        both, alone, nobody = await desk_of(s).counter.take(
            [idea(s), idea(s, "i2", BBB, account=TWO), idea(s, "i3", account=AccountId("three"))]
        )
        assert outcomes(both) == [("one", Outcome.ACT), ("two", Outcome.ACT)]
        assert outcomes(alone) == [("two", Outcome.ACT)]
        assert (nobody.status, nobody.field, nobody.id) == ("refused", "account", "i3")


async def test_one_idea_for_each_of_two_accounts_under_one_id() -> None:
    """E1: an id names one recommendation to each account; the second account's is not lost in the first's."""
    async with stage(accounts=(ONE, TWO)) as s:
        s.quote()
        counter = desk_of(s).counter
        told = await counter.take([idea(s, account=ONE), idea(s, account=TWO)])
        assert [outcomes(each) for each in told] == [[("one", Outcome.ACT)], [("two", Outcome.ACT)]]
        assert [each.status for each in told] == ["decided", "decided"]


async def test_a_sale_that_waits_for_its_stop_is_pending_and_then_one_decision() -> None:
    """E1, ADR-0005: where a venue does not clip, a close waits for the stop to be gone, and twins with it."""
    async with stage() as s:
        s.member.rules.reduce_only = False
        await s.hold()
        s.quote()
        counter, gate = desk_of(s).counter, stopped_disk(s)
        sale, before = idea(s, "out", action=Action.SELL), len(s.said(Decided))
        early = [await counter.take([sale], timeout_s=0.001) for _ in range(2)]
        assert [told.status for [told] in early] == ["pending", "pending"]
        assert s.book.twins == 1
        asked = asyncio.ensure_future(counter.take([sale]))
        await turns()
        gate.set()
        await s.house.quiesce()
        [told] = await asked
        assert (told.status, told.decisions[0].outcome) == ("decided", Outcome.ACT)
        assert len(s.said(Decided)) == before + 1


async def test_nothing_is_taken_while_an_account_does_not_know_its_instruments() -> None:
    """E1: a minute after the start at most; a refusal as unknown would stand for good."""
    async with stage(linked=False) as s:
        counter = desk_of(s).counter
        with pytest.raises(NotReady, match="one: the instruments are not known"):
            await counter.take([idea(s)])
        assert s.said(Decided) == []
        s.clock.set(s.clock.wall() + int(LEARN_S * NS))
        [told] = await counter.take([idea(s)])
        assert Reason.UNKNOWN_SYMBOL in told.decisions[0].reasons


async def test_who_waits_hears_when_the_house_breaks() -> None:
    """I8: nobody waits for an answer that will not come."""
    async with stage() as s:
        desk, gate = desk_of(s), stopped_disk(s)
        asked = asyncio.ensure_future(desk.counter.take([idea(s)]))
        await turns()
        desk.broken(Broken("the disk failed"))
        gate.set()
        with pytest.raises(Broken, match="the disk failed"):
            await asked


async def test_what_became_of_one_can_be_asked_later() -> None:
    """R4: by source and id; nothing is known of what never came."""
    async with stage() as s:
        s.quote()
        counter = desk_of(s).counter
        [told] = await counter.take([idea(s)])
        found = await counter.find("api", "i1")
        assert found is not None
        assert (found.status, found.decisions) == ("decided", told.decisions)
        assert await counter.find("api", "i2") is None
        assert await counter.find("bus", "i1") is None


async def test_an_idea_of_before_yesterday_is_stale() -> None:
    """E1: too old is decided too, and refused."""
    async with stage() as s:
        s.quote()
        [told] = await desk_of(s).counter.take([idea(s, generated_at=s.clock.wall() - 25 * 3600 * NS)])
        assert told.decisions[0].headline is Reason.STALE_RECOMMENDATION


async def test_waiting_leaves_nothing_behind() -> None:
    """I15: answered, timed out or given up, no memory of who asked is kept."""
    async with stage() as s:
        assert isinstance(s.env, FakeEnv)
        s.quote()
        counter, gate = desk_of(s).counter, stopped_disk(s)
        await counter.take([idea(s)], timeout_s=0.001)
        gone = asyncio.ensure_future(counter.take([idea(s, "i2")]))
        await turns()
        gone.cancel()
        await turns()
        gate.set()
        await counter.take([idea(s, "i3")])
        assert counter._waiting == {}


async def test_a_market_event_is_answered_when_every_account_has_it_in_the_journal() -> None:
    """E12, O2: noted by each; the same id again changes its end; one that is over already is refused and changes nothing."""
    async with stage(accounts=(ONE, TWO)) as s:
        counter, now = desk_of(s).counter, s.clock.wall()
        word = MarketEvent(
            ts=now, id="e1", severity=Severity.HIGH, until=now + 3600 * NS, symbols=(AAA,), text="fire", source="ann"
        )
        gate = stopped_disk(s)
        asked = asyncio.ensure_future(counter.happened(word))
        await turns()
        assert not asked.done()
        gate.set()
        answer = await asked
        assert (answer.command_id, answer.refused, answer.accounts) == ("e1", False, ("one", "two"))
        assert [f.account for f in s.said(EventNoted)] == [ONE, TWO]
        assert not (await counter.happened(msgspec.structs.replace(word, until=now + 60 * NS))).refused
        assert s.book.booked.events["e1"].until == now + 60 * NS
        noted = len(s.said(EventNoted))
        assert (await counter.happened(msgspec.structs.replace(word, id="e2", until=now))).refused
        assert len(s.said(EventNoted)) == noted
