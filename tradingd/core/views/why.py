"""Why: the chain behind an order, a decision or a symbol, told from facts. The answer to "why did nothing happen?" (E11, H3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from tradingd.core.facts import (
    Anomaly,
    CancelIntended,
    Decided,
    Fact,
    Filled,
    Kind,
    OrderIntended,
    OrderMoved,
    Outcome,
    ReserveMoved,
    StopSet,
    TrancheJudged,
)
from tradingd.core.types import Order, OrderId
from tradingd.core.views.blocks import blocks
from tradingd.core.views.page import AccountView, SessionView
from tradingd.core.views.parts import judged, planned
from tradingd.core.views.reasons import clean, measure, remedy, sentence, utc

_LAST = 5  # decisions told of a symbol
# a step of the sizer -> in words, and whether it is money (else a share of the active pool)
_STEPS = {
    "new_sector_bonus": ("bonus for a sector not held yet", False),
    "max_position": ("the tier's ceiling of a position", False),
    "micro_cap": ("the ceiling of a micro-trade", False),
    "correlation": ("moves with what is held", False),
    "earnings": ("earnings are near", False),
    "absolute_cap": ("the most one position may cost", True),
    "sector": ("room left in the sector", True),
    "position_limit": ("what the gate lets a position be", True),
}


def needles(key: str, facts: Sequence[Fact] = ()) -> list[bytes]:
    """What to look for in the journal's bytes. With the facts found by a first look, the wider second look: the whole life
    of the symbol and the reserve, since an entry's exit is another decision. Every needle is a superset: `explain` picks."""
    if facts:
        wider: dict[bytes, None] = {}
        for decided in _subjects(key, facts):
            wider[b'"symbol":' + msgspec.json.encode(decided.symbol)] = None
            wider[b".%d." % decided.seq] = None  # in the ids of its orders
        return [*wider, b'"fact":"ReserveMoved"'] if wider else []
    parts = key.rsplit(".", 2)
    if len(parts) == 3 and parts[1].isdigit():  # an order: <account>.<decision seq>.<leg>
        return [f'"{parts[0]}.{parts[1]}.'.encode(), f'"d{parts[1]}"'.encode()]
    if key[:1] == "d" and key[1:].isdigit():
        return [f'"{key}"'.encode(), f".{key[1:]}.".encode()]
    return [msgspec.json.encode(key)]


def explain(
    key: str,
    facts: Sequence[Fact],
    account: AccountView | None = None,
    *,
    session: SessionView | None = None,
    now: int | None = None,
) -> list[str]:
    """The chain in words, one line each; empty when the facts hold nothing about the key.

    key: an order id, a decision id ("d12"), the id of a recommendation or command, or a symbol.   facts: in journal order.
    account, session, now: what the running daemon says at this moment, to tell what blocks a symbol now.
    """
    subjects = _subjects(key, facts)
    if subjects:
        lines: list[str] = []
        for decided in subjects:
            lines += [*([""] if lines else []), *_decision(decided, facts)]
        return lines
    decisions = [f for f in facts if isinstance(f, Decided) and f.symbol == key]
    if not decisions and (account is None or not _known(key, account)):
        return []
    return _symbol(key, decisions, account, session, now)


def _subjects(key: str, facts: Sequence[Fact]) -> list[Decided]:
    """The decisions a key stands for: by its own id, one of its orders, or its cause."""
    owner: dict[tuple[str, str], None] = {}
    for fact in facts:
        if isinstance(fact, OrderIntended) and fact.order.order_id == key:
            owner[fact.account, fact.order.decision_id] = None
    return [
        fact
        for fact in facts
        if isinstance(fact, Decided)
        and (key in {fact.decision_id, fact.cause} or key in fact.orders or (fact.account, fact.decision_id) in owner)
    ]


def _decision(decided: Decided, facts: Sequence[Fact]) -> list[str]:
    acted = decided.outcome is Outcome.ACT
    outcome = "acted" if acted else "REFUSED"
    size = f" {decided.qty}" if decided.qty is not None and acted else ""
    micro = "micro-trade, " if decided.micro else ""
    what = f"{micro}{decided.kind.value} {decided.side.value}{size} {clean(decided.symbol)}: {outcome}"
    lines = [
        f"{decided.decision_id}  {utc(decided.ts)}  {decided.account}  {what}",
        f"  because of {clean(decided.source)} ({clean(decided.cause)})" + _confidence(decided),
    ]
    if decided.thesis:
        lines.append(f"  thesis: {clean(decided.thesis)}")
    lines.append(_moment(decided))
    if acted:
        lines += [*_checks(decided), *_steps(decided), *_sizing(decided), *planned(decided)]
        return [*lines, *_orders(decided, facts), *_after(decided, facts)]
    return [*lines, *_refusal(decided), *_checks(decided), *_steps(decided), *_after(decided, facts)]


def _confidence(decided: Decided) -> str:
    return "" if decided.confidence is None else f", confidence {decided.confidence:.2f}"


def _moment(decided: Decided) -> str:
    pools = decided.pools
    breaker = clean(decided.breaker) or "closed"
    rules = f"{decided.state.value}, tier {decided.tier.value}, breaker {breaker}, heat {decided.heat * 100:.2f} %"
    money = (
        f"equity {pools.equity:,.2f} (active {pools.active:,.2f}, reserve {pools.reserve:,.2f}), cash {pools.cash:,.2f}"
    )
    return f"  at that moment: {rules}, {money}"


def _refusal(decided: Decided) -> list[str]:
    lines = []
    for reason in decided.reasons:
        numbers = [measure(check).partition(" ")[2].strip() for check in decided.checks if check.reason is reason]
        detail = f" [{'; '.join(numbers)}]" if numbers else ""
        lines += [
            f"  refused: {sentence(reason)} ({reason.value}){detail}",
            f"    would have to change: {remedy(reason)}",
        ]
    return lines


def _checks(decided: Decided) -> list[str]:
    if not decided.checks:
        return []
    return ["  checks:", *(f"    {measure(check)}" for check in decided.checks)]


def _steps(decided: Decided) -> list[str]:
    """From the raw allocation to the order: what enlarged it and what cut it."""
    lines = []
    for name, before, after in decided.adjustments:
        words, in_money = _STEPS.get(name, (clean(name).replace("_", " "), before > 1))
        a, b = (f"{x:,.2f}" if in_money else f"{x * 100:.2f} %" for x in (before, after))
        lines.append(f"    {words}: {a} -> {b}")
    return ["  from the raw allocation to the order:", *lines] if lines else []


def _sizing(decided: Decided) -> list[str]:
    if decided.qty is None:
        return []
    notional = "" if decided.notional is None else f" = {decided.notional:,.2f}"
    price = "" if decided.ref_price is None else f" at about {decided.ref_price:g}"
    lines = [f"  size: {decided.qty}{price}{notional}"]
    if decided.stop is not None:
        atr = "" if decided.atr is None else f", average true range {decided.atr:.4g}"
        target = "" if decided.target is None else f", target {decided.target}"
        lines.append(f"  planned: stop {decided.stop}{target}{atr}")
    return lines


def _orders(decided: Decided, facts: Sequence[Fact]) -> list[str]:
    """The life of each of the decision's orders, in journal order."""
    ids = _order_ids(decided, facts)
    lines = []
    for fact in facts:
        if fact.account != decided.account:
            continue
        match fact:
            case OrderIntended(order=order) if order.order_id in ids:
                lines.append(f"  {utc(fact.ts)}  order {order.order_id}: {_sent(order)}, to be sent")
            case OrderMoved(order_id=order_id) if order_id in ids:
                why = f" ({clean(fact.why)})" if fact.why else ""
                venue = f", venue id {clean(fact.venue_order_id)}" if fact.venue_order_id else ""
                lines.append(f"  {utc(fact.ts)}  order {order_id}: {fact.frm} -> {fact.to}{why}{venue}")
            case CancelIntended(order_id=order_id) if order_id in ids:
                lines.append(f"  {utc(fact.ts)}  order {order_id}: cancel asked ({clean(fact.why)})")
            case Filled(order_id=order_id) if order_id in ids:
                lines.append(f"  {utc(fact.ts)}  order {order_id}: {_fill(fact)}")
            case TrancheJudged(decision_id=decision_id) if decision_id == decided.decision_id:
                lines += judged(decided, fact)
            case Anomaly(subject=subject) if subject in ids:
                lines.append(f"  {utc(fact.ts)}  order {subject}: ANOMALY {clean(fact.kind)}: {clean(fact.detail)}")
            case _:
                pass
    return lines


def _sent(order: Order) -> str:
    limit = "" if order.limit is None else f" limit {order.limit}"
    stop = "" if order.stop is None else f" stop {order.stop}"
    return f"{order.type.value} {order.side.value} {order.qty}{limit}{stop}"


def _order_ids(decided: Decided, facts: Sequence[Fact]) -> frozenset[OrderId]:
    """Its own orders, protective ones too: those are made after the decision and name it."""
    made = (
        f.order.order_id
        for f in facts
        if isinstance(f, OrderIntended) and f.account == decided.account and f.order.decision_id == decided.decision_id
    )
    return frozenset((*decided.orders, *made))


def _fill(fact: Filled) -> str:
    realised = f", realised {fact.realised}" if fact.realised else ""
    return f"filled {fact.side.value} {fact.qty} at {fact.price}, fee {fact.fee}{realised}"


def _after(decided: Decided, facts: Sequence[Fact]) -> list[str]:
    """What came of an entry until its position was flat: stops, exits, realised profit, the reserve's part."""
    if decided.kind is not Kind.ENTRY or decided.outcome is not Outcome.ACT:
        return _reserve(
            decided, facts, [f for f in facts if isinstance(f, Filled) and f.order_id in _order_ids(decided, facts)]
        )
    own, held, lines = _order_ids(decided, facts), Decimal(0), []
    fills: list[Filled] = []
    began = False
    for fact in facts:
        if fact.account != decided.account or fact.ts < decided.ts:
            continue
        match fact:
            case StopSet(symbol=symbol) if symbol == decided.symbol:
                lines.append(f"  {utc(fact.ts)}  stop {fact.stop}, target {fact.target} ({clean(fact.why)})")
            case Decided(symbol=symbol, kind=Kind.EXIT) if symbol == decided.symbol and began:
                lines.append(f"  {utc(fact.ts)}  exit {fact.decision_id} by {clean(fact.source)}: {_came_out(fact)}")
            case Filled(symbol=symbol) if symbol == decided.symbol and (began or fact.order_id in own):
                began, held = True, held + fact.side.sign * fact.qty
                fills.append(fact)
                if fact.order_id not in own:
                    lines.append(f"  {utc(fact.ts)}  order {fact.order_id}: {_fill(fact)}")
                if held == 0:
                    return [*lines, *_summary(decided, fills), *_reserve(decided, facts, fills)]
            case _:
                pass
    return [
        *lines,
        *([f"  still open: {held} {clean(decided.symbol)}"] if began else []),
        *_reserve(decided, facts, fills),
    ]


def _came_out(fact: Decided) -> str:
    return (
        "acted"
        if fact.outcome is Outcome.ACT
        else f"refused, {sentence(fact.headline)}"
        if fact.headline
        else "refused"
    )


def _summary(decided: Decided, fills: Sequence[Filled]) -> list[str]:
    realised, fees = Decimal(0), Decimal(0)
    for fill in fills:
        realised, fees = realised + fill.realised, fees + fill.fee
    return [f"  {utc(fills[-1].ts)}  flat again: realised {realised}, fees {fees}, net {realised - fees}"]


def _reserve(decided: Decided, facts: Sequence[Fact], fills: Sequence[Filled]) -> list[str]:
    ids = {fill.exec_id for fill in fills}
    return [
        f"  {utc(fact.ts)}  reserve {fact.kind.value} {fact.amount}, balance {fact.balance}"
        for fact in facts
        if isinstance(fact, ReserveMoved)
        and fact.account == decided.account
        and fact.reference
        and fact.reference in ids
    ]


# a symbol -------------------------------------------------------------------------------------------------------------


def _known(key: str, account: AccountView) -> bool:
    return any(p.symbol == key for p in account.positions) or any(o.symbol == key for o in account.orders)


def _symbol(
    key: str, decisions: Sequence[Decided], account: AccountView | None, session: SessionView | None, now: int | None
) -> list[str]:
    lines = [f"{clean(key)}: {len(decisions)} decisions"]
    lines += [
        f"  {utc(d.ts)}  {d.decision_id}  {d.kind.value} {d.side.value} by {clean(d.source)}: {_headline(d)}"
        for d in reversed(decisions[-_LAST:])
    ]
    if account is not None:
        for position in account.positions:
            if position.symbol == key:
                levels = f", stop {position.stop}, target {position.target}" if position.stop else ""
                lines.append(f"  held: {position.qty} at {position.avg_price}{levels}")
        lines += ["  now:", *(f"    {line}" for line in blocks(key, account, session=session, now=now))]
    return lines


def _headline(decided: Decided) -> str:
    if decided.outcome is Outcome.ACT:
        return f"acted, {decided.qty}" if decided.qty is not None else "acted"
    more = f" and {len(decided.reasons) - 1} more" if len(decided.reasons) > 1 else ""
    return f"refused, {sentence(decided.headline)}{more}" if decided.headline else "refused"
