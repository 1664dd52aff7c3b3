"""Answers to what a client asks on the wire, and the examiner's hand on the venue."""

from __future__ import annotations

from typing import Any

import msgspec

from tradingd.core.types import AccountId, OrderId, Price, Qty, Side, Symbol, VenueOrderId
from tradingd_adapters.sim import render, wire
from tradingd_adapters.sim.exchange import Exchange
from tradingd_adapters.sim.faults import Fault
from tradingd_adapters.sim.session import Session


def answer(
    exchange: Exchange, session: Session, f: wire.New | wire.Cancel | wire.Amend | wire.Ask
) -> wire.Frame | None:
    """Do what a trading frame asks; the direct answer, None where the outcome comes as an update.

    LinkDown: the call failed, the outcome is open.   ValueError: unknown word.
    """
    match f:
        case wire.New():
            session.submit(render.order(session.account.name, f))
        case wire.Cancel():
            session.cancel(OrderId(f.client_id))
        case wire.Amend():
            session.replace(OrderId(f.client_id), f.rev, Qty(f.qty), render.price(f.limit), render.price(f.stop))
        case wire.Ask():
            session.flush()
            return wire.Answer(req=f.req, body=wire.raw(_asked(exchange, session.account.name, f)))
    return None


def _asked(exchange: Exchange, account: AccountId, f: wire.Ask) -> Any:
    match f.what:
        case "order":
            found = exchange.query(account, OrderId(f.client_id))
            return None if found is None else render.order_body(found)
        case "open_orders":
            return [render.order_body(r) for r in exchange.open_orders(account)]
        case "fills":
            return [render.trade(x) for x in exchange.fills(account, f.since, f.n or None)]
        case "positions":
            return render.positions_body(exchange.positions(account))
        case "account":
            return render.account_body(exchange.account(account))
        case "instruments":
            return [render.instrument_body(i) for i in exchange.market.instruments()]
        case "history":
            return [render.candle(b) for b in exchange.history(Symbol(f.symbol), f.n)]
        case _:
            raise ValueError(f"nothing is known about {f.what!r}")


def administer(exchange: Exchange, f: wire.Admin) -> wire.Frame:
    """Do what the examiner says (`wire.Admin`); the answer, Failed 400 for what is not understood."""
    try:
        return wire.Answer(req=f.req, body=wire.raw(_do(exchange, f)))
    except (ValueError, KeyError) as e:
        return wire.Failed(req=f.req, status=400, text=f"{type(e).__name__}: {e}")


def _do(exchange: Exchange, f: wire.Admin) -> Any:
    account, symbol = AccountId(f.account), Symbol(f.symbol)
    match f.op:
        case "dump":
            return dump(exchange, f.n)
        case "advance":
            return exchange.advance_market(f.n)
        case "fault" if f.rate is not None:
            exchange.faults.rates[Fault(f.name)] = f.rate
        case "fault":
            exchange.faults.arm(Fault(f.name), f.n)
        case "silence":
            exchange.faults.silence = bool(f.n)
        case "halt":
            exchange.halt(symbol)
        case "resume":
            exchange.resume(symbol)
        case "drift":
            exchange.drift(account, symbol, Qty(f.qty))
        case "foreign":
            return exchange.foreign(
                account, symbol, Side(f.side), Qty(f.qty), None if f.price is None else Price(f.price)
            )
        case "withdraw":
            exchange.cancel_foreign(account, VenueOrderId(f.name))
        case "disconnect":
            exchange.disconnect(account, f.name or "the venue closed the session")
        case _:
            raise ValueError(f"unknown op {f.op!r}")
    return None


def dump(exchange: Exchange, since: int = 0) -> dict[str, Any]:
    """The venue's truth: its records after the first `since`, and each account's cash, positions and number of fills."""
    return {
        "now": exchange.now,
        "quotes": exchange.quotes,
        "struck": {fault.value: n for fault, n in exchange.faults.struck.items()},
        "accounts": {
            name: {"cash": a.cash, "positions": a.positions, "fills": a.cursor, "epoch": a.epoch}
            for name, a in exchange.floor.accounts.items()
        },
        "records": [msgspec.to_builtins(r) for r in exchange.records[since:]],
    }
