"""Orders made by hand, for the rooms below the gate that makes them otherwise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradingd.core.types import (
    AccountId,
    DecisionId,
    Leg,
    Order,
    OrderId,
    OrderType,
    Price,
    Qty,
    Side,
    Symbol,
    Tif,
)  # fmt: skip

MAIN, ENTRY, AAPL = AccountId("main"), OrderId("main.1.e"), Symbol("AAPL")


def order(side: Side = Side.BUY, qty: str | int = "10", limit: str | None = None, **more: Any) -> Order:
    """An entry of AAPL on account main for the day, unless `more` says otherwise; at the market without a limit."""
    plain: dict[str, Any] = {
        "account": MAIN,
        "order_id": ENTRY,
        "decision_id": DecisionId("d1"),
        "symbol": AAPL,
        "leg": Leg.ENTRY,
    }
    return Order(
        side=side, qty=Qty(Decimal(qty)), type=OrderType.LIMIT if limit else OrderType.MARKET, tif=Tif.DAY,
        limit=Price(Decimal(limit)) if limit else None, **{**plain, **more},
    )  # fmt: skip
