"""What stands in the way of a new entry at this moment: the other half of "why did nothing happen?" (H3)."""

from __future__ import annotations

from tradingd.core.types import NS
from tradingd.core.views.page import AccountView, SessionView
from tradingd.core.views.reasons import clean, utc


def blocks(key: str, account: AccountView, *, session: SessionView | None = None, now: int | None = None) -> list[str]:
    """What stands in the way of a new entry in the symbol at this moment; one line says so when nothing does."""
    lines = [
        f"{hold.state} since {utc(hold.ts)} by {clean(hold.actor)} ({clean(hold.verb)}: {clean(hold.reason) or 'no reason given'})"
        + ("" if hold.until is None else f", until {utc(hold.until)}")
        for hold in account.holds
        if hold.state != "active"
    ]
    for trip in account.breaker:
        if trip.symbol in {None, key} and (now is None or trip.until >= now):
            what = "circuit breaker" if trip.symbol is None else "cool-down of the symbol"
            lines.append(f"{what} ({trip.kind.replace('_', ' ')}) until {utc(trip.until)}" + left(trip.until, now))
    if not account.broker.up:
        lines.append(f"link to {clean(account.broker.name)} not ready: {clean(account.broker.why) or 'reconnecting'}")
    if account.broker.unknown_orders:
        lines.append(f"{account.broker.unknown_orders} orders with an outcome that is not proven")
    lines += [
        f"position drift: broker holds {p.drift}, book {p.qty}"
        for p in account.positions
        if p.symbol == key and p.drift is not None
    ]
    if session is not None and not session.in_window:
        opens = (
            ""
            if session.next_window is None
            else f", next window {utc(session.next_window)}" + left(session.next_window, now)
        )
        lines.append(("outside the trading window" if session.open else "the market is closed") + opens)
    if not lines and account.state != "active":
        lines.append(f"the account is {account.state}")
    return lines or ["nothing blocks it: no recommendation for it has come (no signal)"]


def left(until: int, now: int | None) -> str:
    """ " (2 h 14 min left)", or nothing when now is not known or it is over."""
    if now is None or until <= now:
        return ""
    minutes = (until - now + 60 * NS - 1) // (60 * NS)
    return f" ({minutes // 60} h {minutes % 60} min left)" if minutes >= 60 else f" ({minutes} min left)"
