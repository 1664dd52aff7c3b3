"""An order against a small venue that says everything late, twice, out of order or not at all.

The venue is the truth; what it says lies in a bag of messages that are delivered in any order, any number of times, or dropped.
The daemon's side does what the steps do: judge, fold, ask `Working.step`. At every moment the laws below hold; after a resync
(the venue asked for its fills and its word on the order) both agree.
"""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.orders import AAPL as S
from tests.core.orders import ENTRY as ID
from tests.core.orders import MAIN as A
from tests.core.orders import order
from tradingd.core.book.orders import FINAL, OPEN, Life, What, Working, reserved_qty
from tradingd.core.events import FillSeen
from tradingd.core.facts import (
    AmendRefused,
    CancelIntended,
    CancelRefused,
    Filled,
    OrderAmended,
    OrderMoved,
    ReplaceIntended,
)
from tradingd.core.types import (
    ZERO,
    ExecId,
    Money,
    Price,
    Qty,
    Side,
    VenueOrderId,
)  # fmt: skip

TS: dict[str, Any] = {"ts": 1, "account": A, "order_id": ID}
END = {"cancelled": What.CANCEL, "expired": What.EXPIRE}


class Venue:
    """One order at the venue, by the book: what it has, what it filled, what it said."""

    def __init__(self) -> None:
        self.status = "absent"  # absent, working, filled, cancelled, expired, rejected
        self.qty = ZERO
        self.cum = ZERO
        self.fills: list[FillSeen] = []

    @property
    def may_fill(self) -> Decimal:
        return self.qty - self.cum if self.status == "working" else ZERO

    def fill(self, qty: Decimal) -> FillSeen:
        self.cum += qty
        if self.cum == self.qty:
            self.status = "filled"
        execution = FillSeen(
            ts=1, account=A, order_id=ID, exec_id=ExecId(f"x{len(self.fills)}"), symbol=S, side=Side.BUY, qty=Qty(qty),
            price=Price(Decimal(100 + len(self.fills))), fee=Money(ZERO),
        )  # fmt: skip
        self.fills.append(execution)
        return execution


class OrderAndVenue(RuleBasedStateMachine):
    @initialize(qty=st.integers(1, 40))
    def intend(self, qty: int) -> None:
        self.w = Working.of(order(qty=qty), 1)
        self.venue = Venue()
        self.air: list[tuple[str, Any]] = []  # what the venue said and nobody has heard yet
        self.wire: list[tuple[str, Any]] = [("new", self.w.order.qty)]  # what we asked, in order: one connection
        self.was_final = False
        self.impossible: list[str] = []

    # the venue -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.wire)
    @rule(mood=st.integers(0, 7))
    def hears(self, mood: int) -> None:
        """The venue takes the next thing we asked and answers it; now and then it refuses."""
        refuse = mood == 7
        kind, asked = self.wire.pop(0)
        venue = self.venue
        if kind == "new":
            venue.status, venue.qty = ("rejected", ZERO) if refuse else ("working", asked)
            self.air.append((venue.status, venue.cum))
        elif venue.status in ("absent", "rejected"):
            self.air.append((f"{kind}_refused", asked))
        elif kind == "cancel":
            ended = venue.status == "working" and not refuse
            if ended:
                venue.status = "cancelled"
            self.air.append(("cancelled", venue.cum) if ended else ("cancel_refused", None))
        else:
            rev, qty = asked
            taken = venue.status == "working" and qty > venue.cum and not refuse
            if taken:
                venue.qty = qty
            self.air.append(("amended", (rev, qty)) if taken else ("amend_refused", asked))

    @precondition(lambda self: self.venue.may_fill > 0)
    @rule(data=st.data())
    def fills(self, data: st.DataObject) -> None:
        qty = data.draw(st.integers(1, int(self.venue.may_fill)))
        self.air.append(("fill", self.venue.fill(Decimal(qty))))

    @precondition(lambda self: self.venue.status == "working")
    @rule()
    def expires(self) -> None:
        self.venue.status = "expired"
        self.air.append(("expired", self.venue.cum))

    # what we ask ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.w.life in OPEN)
    @rule()
    def cancel(self) -> None:
        self.w.cancel_intended(CancelIntended(**TS, why="test"))
        self.wire.append(("cancel", None))

    @precondition(lambda self: self.w.life in OPEN and len(self.w.pending) < 3)
    @rule(qty=st.integers(1, 60))
    def amend(self, qty: int) -> None:
        rev = self.w.next_rev()
        self.w.replace_intended(ReplaceIntended(**TS, rev=rev, qty=Qty(Decimal(qty))))
        self.wire.append(("amend", (rev, Decimal(qty))))

    @precondition(lambda self: self.w.life in (Life.INTENDED, Life.LIVE, Life.PARTIAL))
    @rule()
    def lose(self) -> None:
        """No answer in time, or the link is gone."""
        self._move(What.LOSE)

    # what we hear --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.air)
    @rule(data=st.data(), again=st.booleans())
    def hear(self, data: st.DataObject, again: bool) -> None:
        """Any message of the bag; it may come again later."""
        i = data.draw(st.integers(0, len(self.air) - 1))
        message = self.air[i] if again else self.air.pop(i)
        self._take(*message)

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        self.air.pop(data.draw(st.integers(0, len(self.air) - 1)))

    @precondition(lambda self: not self.air)
    @rule()
    def resync(self) -> None:
        """Ask for all fills, then for the venue's word on the order: afterwards both agree."""
        for execution in self.venue.fills:
            self._take("fill", execution)
        if self.venue.status != "absent":
            self._take(self.venue.status, self.venue.cum)
        assert self.w.cum_qty == self.venue.cum
        if self.venue.status in ("cancelled", "expired", "filled", "rejected") and not self.wire and not self.w.pending:
            assert self.w.life in FINAL
            assert reserved_qty(self.w) == 0

    @precondition(lambda self: self.w.exec_ids or self.w.pending)
    @rule()
    def restart(self) -> None:
        """J1: the snapshot holds everything that matters."""
        self.w = msgspec.json.decode(msgspec.json.encode(self.w), type=Working)

    def _take(self, kind: str, what: Any) -> None:
        w = self.w
        match kind:
            case "working":
                self._move(What.ACCEPT, venue_id="v1")
            case "rejected":
                self._move(What.REJECT)
            case "filled":
                pass  # the fills say it
            case "cancelled" | "expired":
                self._move(END[kind], cum=what)
            case "fill":
                judged = w.judge(what)
                if judged.kind:
                    self.impossible.append(judged.kind)
                if judged.book:
                    w.filled(
                        Filled(
                            **TS, exec_id=what.exec_id, symbol=S, side=what.side, qty=what.qty, price=what.price, fee=what.fee,
                            realised=Money(ZERO),
                        )
                    )  # fmt: skip
                    self._move(w.fill_word())
            case "amended":
                w.amended(OrderAmended(**TS, rev=what[0], qty=Qty(what[1])))
                self._settle()
            case "amend_refused":
                w.amend_refused(AmendRefused(**TS, rev=what[0], code="no"))
                self._settle()
            case _:
                w.cancel_refused(CancelRefused(**TS, code="no"))

    def _settle(self) -> None:
        """The last fill may have come before the answer to an amend."""
        if self.w.life is Life.PARTIAL and self.w.fill_word() is What.FILL_ALL:
            self._move(What.FILL_ALL)

    def _move(self, what: What, *, venue_id: str = "", cum: Decimal | None = None) -> None:
        to = self.w.step(what)
        if to is None:
            self.impossible.append(f"{what} while {self.w.life}")
            return
        self.w.move(
            OrderMoved(
                **TS, frm=self.w.life.value, to=to.value, venue_order_id=VenueOrderId(venue_id) if venue_id else None,
                cum_qty=None if cum is None else Qty(cum),
            )
        )  # fmt: skip

    # laws ----------------------------------------------------------------------------------------------------------------

    @invariant()
    def exposure_is_never_under_counted(self) -> None:
        """A10, A14-A16, I6: booked and reserved cover what the venue filled and may still fill."""
        on_the_way = max([asked for kind, asked in self.wire if kind == "new"], default=ZERO)
        assert self.w.cum_qty + reserved_qty(self.w) >= self.venue.cum + self.venue.may_fill
        assert self.w.cum_qty + reserved_qty(self.w) >= on_the_way

    @invariant()
    def no_fill_is_booked_twice_or_invented(self) -> None:
        """A6, I4: the sum of the executions heard, each once."""
        known = [f for f in self.venue.fills if f.exec_id in self.w.exec_ids]
        assert len(known) == len(self.w.exec_ids)
        assert self.w.cum_qty == sum(f.qty for f in known)
        assert self.w.notional == sum(f.qty * f.price for f in known)

    @invariant()
    def final_stays_final(self) -> None:
        """O3: a finished order never works again."""
        assert not (self.was_final and self.w.life in OPEN)
        self.was_final = self.w.life in FINAL

    @invariant()
    def nothing_left_is_never_negative(self) -> None:
        """A14: no negative leaves, whatever overtook what."""
        assert self.w.leaves() >= 0
        assert reserved_qty(self.w) >= 0

    @invariant()
    def an_honest_venue_raises_no_alarm(self) -> None:
        """A14, A16: late, repeated and reordered messages are normal traffic, not anomalies."""
        assert self.impossible == []


OrderAndVenue.TestCase.settings = settings(max_examples=300, stateful_step_count=40)
TestOrderAndVenue = OrderAndVenue.TestCase


@given(st.lists(st.sampled_from(What), max_size=30), st.booleans())
def test_no_words_in_any_order_reopen_an_order(words: list[What], accepted: bool) -> None:
    """O3, A13: for a venue that says anything at all; and `never` is not said of an order that was there."""
    w = Working.of(order(qty=5), 1)
    w.venue_order_id = VenueOrderId("v1") if accepted else None
    was_final = False
    for word in words:
        to = w.step(word)
        if to is not None:
            w.move(OrderMoved(**TS, frm=w.life.value, to=to.value))
        assert not (was_final and w.life in OPEN)
        assert not (accepted and w.life is Life.NEVER)
        was_final = w.life in FINAL
