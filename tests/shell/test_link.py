"""The link of one account: up, lost, again; how often it knocks, and what it says on the way down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest

from tests.fakes.broker import REFUSED
from tests.shell.stage import AAA, BBB, ONE, TWO, Stage, stage
from tradingd.core.events import Bar, Event, FillSeen, InstrumentStatus, Quote, Split, Verb
from tradingd.core.facts import Alerted, Filled, LinkChanged, SplitApplied
from tradingd.core.types import NS, Instrument, Leg, Qty, Symbol, TradingState
from tradingd.ports import LinkDown
from tradingd.shell import link
from tradingd.shell.link import HISTORY_BARS, Link


class Half:
    """Chance that always draws the same. x: 0 is the shortest pause, 1 the longest."""

    def __init__(self, x: float) -> None:
        self.x = x

    def random(self) -> float:
        return self.x

    def token(self, nbytes: int) -> str:
        return "0" * 2 * nbytes


@asynccontextmanager
async def running(s: Stage, *, chance: float = 1.0) -> AsyncIterator[Link]:
    """The link's own task, and the engine's."""
    s.env.rng = Half(chance)
    async with anyio.create_task_group() as group:
        group.start_soon(s.house.engine.run)
        for member in s.house.members.values():
            group.start_soon(member.link.run)
        await s.wait(0.0)
        yield s.member.link
        group.cancel_scope.cancel()


def knocks(s: Stage) -> int:
    return s.broker.count("connect")


async def test_a_session_opens_learns_and_is_ready() -> None:
    """B1: connected, instruments and daily bars learned, reconciled, and only then up."""
    async with stage(linked=False) as s, running(s):
        assert s.book.booked.link_up
        assert set(s.book.markets) == {"AAA", "BBB"}
        assert s.book.markets[AAA].atr is not None
        assert ("history", "AAA") in s.broker.calls
        assert HISTORY_BARS == 120
        assert s.member.dispatch.up


async def test_a_lost_link_is_told_and_comes_back() -> None:
    """D1, B1: entries off at once, reconnect after a pause, resync, then up again; a page when something is held."""
    async with stage() as s:
        await s.hold()
        async with running(s):
            await s.wait(1)
            s.broker.hang_up("maintenance")
            await s.wait(0.0)
            assert not s.member.dispatch.up
            assert not s.book.booked.link_up
            assert s.book.booked.link_why == "maintenance"
            (alert,) = [a for a in s.said(Alerted) if isinstance(a, Alerted) and a.code == "broker_disconnected"]
            assert alert.level == "page"
            await s.wait(1)
            assert s.book.booked.link_up
            assert s.member.link.losses == {"fake": 1}
            assert [f.up for f in s.said(LinkChanged) if isinstance(f, LinkChanged)][-2:] == [False, True]


async def test_the_pause_doubles_up_to_half_a_minute() -> None:
    """D1: 0.1, 0.2, 0.4 ... 25.6, 30, 30 seconds at the most, however long the venue is away."""
    async with stage(linked=False) as s:
        s.broker.script["connect"].extend(["down"] * 1_000)
        async with running(s, chance=1.0):
            seen = []
            for _ in range(12):
                before, began = knocks(s), s.clock.wall()
                while knocks(s) == before:
                    due = s.clock.next_wake()
                    assert due is not None
                    await s.wait((due - s.clock.wall()) / NS)
                seen.append(round((s.clock.wall() - began) / NS, 6))
        assert seen == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]


async def test_chance_halves_the_pause_at_the_most() -> None:
    """D1: jitter, so that a thousand clients do not come back in one moment."""
    async with stage(linked=False) as s:
        s.broker.script["connect"].extend(["down"] * 1_000)
        async with running(s, chance=0.0):
            assert s.clock.next_wake() == s.clock.wall() + round(0.05 * NS)


async def test_refused_logins_are_not_hammered() -> None:
    """D7: three attempts, then never more than one in five minutes, whatever chance says."""
    for chance in (0.0, 1.0):
        async with stage(linked=False) as s:
            s.broker.script["connect"].extend([REFUSED] * 1_000)
            async with running(s, chance=chance):
                await s.wait(299)
                assert knocks(s) == 3
                await s.wait(3_600)
                assert 3 + 3_600 // 450 <= knocks(s) <= 3 + 3_600 // 300 + 1
                assert s.book.booked.link_up is False


async def test_a_refusal_that_ends_is_forgotten() -> None:
    """D7: once a login worked, a lost link is a lost link again."""
    async with stage(linked=False) as s:
        s.broker.script["connect"].extend([REFUSED] * 3)
        async with running(s):
            await s.wait(500)
            assert s.book.booked.link_up
            s.broker.hang_up("cable")
            await s.wait(60)
            assert s.book.booked.link_up


async def test_a_flapping_link_backs_off_and_a_steady_one_starts_afresh() -> None:
    """D15: a session that ends at once is no success; fifty of them in ten minutes would be a login storm."""
    async with stage(linked=False) as s, running(s, chance=1.0):
        for _ in range(600):
            s.broker.hang_up("flap")
            await s.wait(1)
        flaps = knocks(s)
        assert flaps < 40
        await s.wait(120)
        before = knocks(s)
        s.broker.hang_up("once")
        await s.wait(0.2)
        assert knocks(s) == before + 1


async def test_a_session_that_somebody_took_is_taken_back_once_in_ten_minutes() -> None:
    """D6, H4: two daemons would kick each other out for ever; each time the account goes REDUCING and somebody is paged."""
    async with stage(linked=False) as s, running(s, chance=1.0):
        for times, pause, symbol in ((1, 0.1, AAA), (2, 600, BBB), (3, 600, AAA)):
            order_id = await s.decide(symbol)
            logins = knocks(s)
            s.broker.kick()
            await s.wait(0.0)
            assert s.book.state() is TradingState.REDUCING
            assert [a.level for a in s.book.booked.alerts if a.code == "second_daemon"] == ["page"] * times
            await s.wait(pause * 0.97)
            assert knocks(s) == logins
            await s.wait(18)
            assert knocks(s) == logins + 1
            assert s.book.booked.link_up
            assert s.broker.orders[order_id].status == "cancelled", "an entry under a hold is taken back"
            s.house.offer(s.command(Verb.RESUME, f"again{times}"))
            await s.house.quiesce()


@pytest.mark.parametrize("step", ["connect", "instruments", "history", "open_orders", "close"])
async def test_a_step_that_never_ends_ends_the_session(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """D14, T_resync: half a minute, then the session is closed and another begins; an account never waits for ever."""
    monkeypatch.setattr(link, "STEP_S", 0.01)
    monkeypatch.setattr(link, "CLOSE_S", 0.01)
    async with stage(linked=False) as s:
        works = getattr(s.broker, step)
        asked = 0

        async def hangs(*arguments: object) -> object:
            nonlocal asked
            asked += 1
            return await (works(*arguments) if asked > 1 else asyncio.get_running_loop().create_future())

        setattr(s.broker, step, hangs)
        async with running(s):
            if step == "close":
                s.broker.hang_up("cable")
            await s.wait(0.0)
            assert not s.book.booked.link_up
            await asyncio.sleep(0.03)
            await s.wait(1)
            assert s.book.booked.link_up
            assert s.broker.count("connect") == 2 - (step == "connect")


async def test_a_step_that_hangs_again_while_it_is_ended_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """D14: an adapter that takes leave of a half-open connection may wait for the same silence again."""
    monkeypatch.setattr(link, "STEP_S", 0.01)
    silence = asyncio.get_running_loop().create_future()

    async def step() -> None:
        try:
            await asyncio.shield(silence)
        finally:
            await asyncio.shield(silence)

    asked = asyncio.create_task(link.within("the login", step()))
    done, _ = await asyncio.wait({asked}, timeout=5)
    silence.set_result(None)
    assert done, "an account never waits for ever"
    with pytest.raises(LinkDown, match="the login took more than"):
        await asked


async def test_a_close_that_fails_is_no_fault() -> None:
    """D2, I8: the session is gone already; the account goes on."""
    async with stage() as s, running(s):
        s.broker.script["close"].append("down")
        s.broker.hang_up("half open")
        await s.wait(1)
        assert s.book.booked.link_up


async def test_one_accounts_link_does_not_touch_the_other() -> None:
    """B1, B4, H12: two accounts in one house; one cannot log in, the other trades."""
    async with stage(accounts=(ONE, TWO), linked=False) as s:
        s.brokers[ONE].script["connect"].extend([REFUSED, "down"] * 500)
        async with running(s):
            await s.wait(2)
            one, two = (s.house.members[a].book.booked for a in (ONE, TWO))
            assert (one.link_up, two.link_up) == (False, True)
            s.quote()
            s.idea()
            await s.house.quiesce()
            assert (s.brokers[ONE].count("submit"), s.brokers[TWO].count("submit")) == (0, 1)
            assert one.recent[-1].headline is not None
            s.brokers[TWO].hang_up("cable")
            await s.wait(1)
            assert two.link_up


async def test_bars_are_learned_once() -> None:
    """E4: a reconnect brings the same history again; the range is not learned twice from it."""
    async with stage() as s:
        before = (len(s.book.markets[AAA].bars), s.book.markets[AAA].atr)
        await s.member.link.lost("cable")
        await s.member.link.open()
        await s.house.quiesce()
        assert (len(s.book.markets[AAA].bars), s.book.markets[AAA].atr) == before


async def test_the_operators_word_on_an_instrument_counts() -> None:
    """H6: tick, lot and the like are corrected before anything is watched."""
    async with stage(linked=False) as s:
        link = s.member.link
        link._instrument = lambda raw: type(raw)(symbol=raw.symbol, sector="corrected")
        await link.open()
        assert s.book.markets[Symbol("AAA")].instrument.sector == "corrected"
        assert s.member.rules.instruments[AAA].sector == "corrected"


async def test_nothing_leaves_between_the_connect_and_the_reconciliation() -> None:
    """I4, G11: the venue's stop filled while the link was down; a flatten during the warm-up must not sell a second time."""
    async with stage() as s:
        await s.hold()
        stop = s.order(Leg.PROTECT).order.order_id
        await s.member.link.lost("cable")
        s.broker.fill(stop)
        history = s.broker.history

        async def slow(symbol: Symbol, bars: int) -> Sequence[Bar]:
            s.house.offer(s.command(Verb.FLATTEN, "f"))
            await s.house.quiesce()
            return await history(symbol, bars)

        s.broker.history = slow  # type: ignore[method-assign]
        sent = s.broker.count("submit")
        await s.member.link.open()
        await s.house.quiesce()
        assert s.broker.count("submit") == sent
        assert s.book.qty(AAA) == 0
        assert s.book.booked.link_up


async def test_a_time_from_the_future_is_not_believed() -> None:
    """E8 of RELIABILITY, B7: such a quote would end cool-downs and blind the stop: it is thrown away."""
    async with stage() as s:
        link = s.member.link
        link.real_time = True
        ahead = s.clock.wall() + 3600 * NS
        link.sink(Quote(AAA, 99.0, 99.1, ahead))
        link.sink(InstrumentStatus(ts=ahead, symbol=AAA, tradable=False, why="test"))
        await s.house.settle()
        assert link.from_the_future == 2
        assert s.book.now <= s.clock.wall()
        assert AAA in s.book.booked.untradable


async def test_a_fill_that_comes_before_the_instruments_waits_for_them() -> None:
    """I4, A6: right after a restart the stream may speak before anything is known of its symbol; the fill must be booked, once."""
    async with stage() as s:
        await s.hold()
        stop = s.order(Leg.PROTECT).order.order_id
        await s.member.link.lost("restart")
        s.member.rules.instruments.clear()
        s.book.markets.clear()
        instruments = s.broker.instruments

        async def late() -> Sequence[Instrument]:
            s.broker.fill(stop)
            await s.house.quiesce()
            return await instruments()

        s.broker.instruments = late  # type: ignore[method-assign]
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.qty(AAA) == 0
        assert not [a for a in s.book.booked.alerts if a.code == "fill_of_unknown_symbol"]


async def test_a_first_print_waits_until_the_history_is_known() -> None:
    """F4: a bad print in the moment between login and the daily bars would be believed, and the true price after it not."""
    async with stage(linked=False) as s:
        asked = s.broker.history

        async def slowly(symbol: Symbol, n: int) -> Sequence[Bar]:
            s.broker.say(Quote(symbol, 50.0, 50.02, s.clock.wall() + 1))
            return await asked(symbol, n)

        s.broker.history = slowly  # type: ignore[method-assign]
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.markets[AAA].bars
        assert s.book.markets[AAA].mid == 0
        s.broker.say(Quote(AAA, 100.0, 100.02, s.clock.wall() + 2))
        await s.house.quiesce()
        assert s.book.markets[AAA].mid == pytest.approx(100.01)


async def test_a_split_told_at_login_waits_for_the_fills_before_it() -> None:
    """F9: with 10 held and sold unseen, two for one of what is left is nothing, not minus ten."""
    async with stage() as s:
        await s.hold()
        held = s.book.qty(AAA)
        stop = s.order(Leg.PROTECT).order.order_id
        s.broker.hang_up("gone")
        await s.member.link.lost("gone")
        s.broker.fill(stop, told=False)
        await s.house.quiesce()
        assert s.book.qty(AAA) == held
        s.clock.set(s.clock.wall() + NS)
        split = Split(ts=s.clock.wall(), symbol=AAA, ratio=2.0, action_id="two for one")
        learn = s.member.link.learn

        async def told_meanwhile() -> None:
            s.broker.say(split)
            await learn()

        s.member.link.learn = told_meanwhile  # type: ignore[method-assign]
        await s.member.link.open()
        await s.house.quiesce()
        assert [type(fact).__name__ for fact in s.durable if isinstance(fact, Filled | SplitApplied)][-1] != "Filled"
        assert s.book.qty(AAA) == 0
        assert not s.book.booked.drift


async def test_a_split_has_its_place_by_the_clock_of_the_venue() -> None:
    """F9, E8: our clock is a hundred seconds behind: what the venue says is of the future, and its order stays its order."""
    async with stage() as s:
        await s.hold()
        stop = s.order(Leg.PROTECT).order.order_id
        await s.member.link.lost("gone")
        s.broker.fill(stop, told=False)
        ours = s.clock.wall()
        s.member.link.real_time = True
        asked = s.broker.fills

        async def by_its_clock(after: int) -> list[FillSeen]:
            return [msgspec.structs.replace(fill, ts=ours + 100 * NS) for fill in await asked(after)]

        s.broker.fills = by_its_clock  # type: ignore[method-assign]
        learn = s.member.link.learn

        async def told_meanwhile() -> None:
            s.broker.say(Split(ts=ours + 101 * NS, symbol=AAA, ratio=3.0, action_id="three for one"))
            await learn()

        s.member.link.learn = told_meanwhile  # type: ignore[method-assign]
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.qty(AAA) == 0
        assert not s.book.booked.drift


async def test_a_split_of_before_does_not_multiply_what_the_stream_tells_again() -> None:
    """F9: a venue that tells its splits and all fills anew at login: what was bought after the split is what it is."""
    async with stage() as s:
        order_id = await s.decide()
        await s.member.link.lost("gone")
        bought = s.broker.fill(order_id, told=False)
        split = Split(ts=bought.ts - NS, symbol=AAA, ratio=3.0, action_id="three for one")
        connect = s.broker.connect

        async def told_at_login(sink: Callable[[Event], None]) -> None:
            await connect(sink)
            s.broker.say(split)
            s.broker.say(bought)

        s.broker.connect = told_at_login  # type: ignore[method-assign]
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.qty(AAA) == bought.qty
        assert not s.book.booked.drift


async def test_positions_asked_for_before_a_split_are_not_compared_after_it() -> None:
    """F9, B6: a split between the venue's answer and its arrival is no drift."""
    async with stage() as s:
        await s.hold()
        held = s.book.qty(AAA)
        asked = s.broker.positions
        split = Split(ts=s.clock.wall(), symbol=AAA, ratio=2.0, action_id="two for one")

        async def told_meanwhile() -> object:
            report = await asked()
            if s.broker.held[AAA] == held:
                s.broker.held[AAA] = Qty(2 * held)
                s.broker.say(split)
            return report

        s.broker.positions = told_meanwhile  # type: ignore[method-assign,assignment]
        await s.member.reconciler.positions()
        await s.house.quiesce()
        assert s.book.qty(AAA) == 2 * held
        assert [alert.code for alert in s.book.booked.alerts if alert.code == "position_drift"] == []


async def test_a_split_heard_by_a_session_that_broke_is_known_to_the_next() -> None:
    """F9, I4: told again only after positions were asked for, it is no drift until then, and counts once."""
    async with stage() as s:
        await s.hold()
        held = s.book.qty(AAA)
        await s.member.link.lost("gone")
        split = Split(ts=s.clock.wall(), symbol=AAA, ratio=2.0, action_id="two for one")
        fetch = s.broker.fills

        async def breaks(_since: int) -> list[FillSeen]:
            s.broker.held[AAA] = Qty(2 * held)
            s.broker.say(split)
            raise LinkDown("the line went dead")

        s.broker.fills = breaks  # type: ignore[method-assign,assignment]
        with pytest.raises(LinkDown):
            await s.member.link.open()
        await s.member.link.lost("the line went dead")
        s.broker.fills = fetch  # type: ignore[method-assign]
        await s.member.link.open()
        s.broker.say(split)
        await s.house.quiesce()
        assert s.book.qty(AAA) == 2 * held
        assert [alert.code for alert in s.book.booked.alerts if alert.code == "position_drift"] == []


@pytest.mark.parametrize("call", ["open_orders", "account"])
async def test_a_split_told_late_in_a_resync_is_not_left_lying(call: str) -> None:
    """F9: after the fills were fetched, and after positions were compared."""
    async with stage() as s:
        await s.hold()
        held = s.book.qty(AAA)
        await s.member.link.lost("gone")
        split = Split(ts=s.clock.wall(), symbol=AAA, ratio=2.0, action_id="two for one")
        asked = getattr(s.broker, call)

        async def told_meanwhile() -> object:
            s.broker.held[AAA] = Qty(2 * held)
            s.broker.say(split)
            return await asked()

        setattr(s.broker, call, told_meanwhile)
        await s.member.link.open()
        await s.house.quiesce()
        assert s.book.qty(AAA) == 2 * held
        assert not s.book.booked.drift
