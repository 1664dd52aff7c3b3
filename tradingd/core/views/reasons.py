"""Every reason for a refusal as a sentence, and what would have to change. Plain words for an operator (E11)."""

from __future__ import annotations

from math import isfinite

from tradingd.core.facts import Check, Reason
from tradingd.core.types import NS

# reason -> (what it means, what would have to change)
WORDS: dict[Reason, tuple[str, str]] = {
    Reason.DUPLICATE: ("this recommendation was seen before", "nothing: each recommendation counts once"),
    Reason.INVALID: ("the request is not well formed", "its source has to send a correct one"),
    Reason.STALE_RECOMMENDATION: ("the recommendation is too old", "a fresh recommendation"),
    Reason.MODE_NOT_ELIGIBLE: (
        "the recommendation is not meant for the mode the daemon runs in",
        "its source has to mark it eligible for this mode",
    ),
    Reason.UNKNOWN_SYMBOL: ("the account's broker does not know this symbol", "a symbol the broker trades"),
    Reason.HALTED: ("trading is halted", "an operator has to lift it: tradingd resume --reason"),
    Reason.LOCKED: ("trading is locked out until a set time", "the lockout has to run out; nobody can lift it before"),
    Reason.REDUCING: (
        "only orders that shrink a position may go",
        "the pause has to be lifted: tradingd resume --reason",
    ),
    Reason.LINK_NOT_READY: (
        "the link to the broker is down or not reconciled yet",
        "the daemon reconnects and reconciles by itself",
    ),
    Reason.ORDER_UNKNOWN: (
        "the outcome of an earlier order of this symbol is not proven",
        "the broker's word on that order; the daemon asks for it by itself, or: tradingd settle ORDER --reason",
    ),
    Reason.DRIFT: (
        "the broker holds another quantity than the book, and no fill explains it",
        "the missing fills, or an operator who accepts it: tradingd adopt --reason",
    ),
    Reason.ACCOUNT_BLOCKED: ("the broker has blocked the account", "the broker has to unblock it"),
    Reason.MARKET_CLOSED: ("the market is closed", "the next session has to open"),
    Reason.OUTSIDE_WINDOW: ("it is outside the trading window", "the next trading window has to open"),
    Reason.CALENDAR_MISSING: ("the session table does not cover this day", "a newer session table"),
    Reason.NOT_TRADABLE: ("the instrument is halted or not tradable", "the venue has to open it again"),
    Reason.NO_PRICE: ("there is no price for the instrument yet", "a first quote"),
    Reason.STALE_PRICE: ("the last price is too old to trade on", "a fresh quote"),
    Reason.LOW_CONFIDENCE: (
        "the confidence is below the tier's bar",
        "a recommendation with more confidence, or another tier",
    ),
    Reason.NO_RANGE: ("the average true range gives no distance for a stop", "enough daily bars with movement in them"),
    Reason.NOTHING_TO_REDUCE: ("there is no position left that this order could shrink", "an open position"),
    Reason.ALREADY_HELD: ("the symbol is held or being entered already", "the position has to be closed first"),
    Reason.NOT_SHORTABLE: ("the instrument cannot be sold short", "a broker that lends it, or a buy"),
    Reason.MICRO_OFF: ("it is an idea for hours, and micro-trading is switched off", "the switch micro.enabled"),
    Reason.MICRO_LIMIT: ("the micro-trades of this session are used up", "the next session, or more of them a day"),
    Reason.DECLINING: (
        "too many of the open positions have lost too much",
        "a recovery of what is held, or fewer positions that lose",
    ),
    Reason.DETERIORATED: (
        "the entry is not what it was when it was decided",
        "a new recommendation: the rest of this one is off",
    ),
    Reason.CALLED_OFF: ("the rest of the entry was called off", "a new recommendation: the rest of this one is off"),
    Reason.CORRELATION: ("it moves too much like what is held already", "less of what it moves with"),
    Reason.EARNINGS: ("earnings are reported within a day", "the report has to be out"),
    Reason.HEAT: ("the risk of all open positions together is at its limit", "open risk has to shrink"),
    Reason.SIZE_ZERO: ("what may be spent is less than one unit", "more capital, or a cheaper instrument"),
    Reason.ACTIVE_POOL_MINIMUM: ("the active pool is below its minimum", "more active capital"),
    Reason.RESERVE_SHORT: ("the money is needed for the reserve", "a larger active pool"),
    Reason.BREAKER_ACTIVE: ("the circuit breaker is open", "its cool-down has to end, or an operator resumes"),
    Reason.TICKER_COOLDOWN: ("this symbol is cooling down after a loss", "its cool-down has to end"),
    Reason.BUYING_POWER: ("the order costs more than the buying power", "more cash, or a smaller order"),
    Reason.POSITION_LIMIT: (
        "the position would be too large a share of the equity",
        "a smaller order, or risk.max_position_pct",
    ),
    Reason.SECTOR_LIMIT: (
        "the sector would be too large a share of the equity",
        "less in that sector, or risk.max_sector_pct",
    ),
    Reason.DAILY_LOSS: ("today's loss is at its limit", "the next session, or risk.max_daily_loss"),
    Reason.DRAWDOWN: ("the loss from the highest equity is at its limit", "a recovery, or risk.max_drawdown"),
    Reason.OPEN_POSITIONS: ("too many positions are open", "a position has to close, or risk.max_open_positions"),
    Reason.OPEN_TRADES: ("too many trades are open", "a trade has to end, or risk.max_open_trades"),
    Reason.WASH_TRADE: (
        "an own order on the other side is resting and could trade with this one",
        "that order has to go first",
    ),
    Reason.PDT: (
        "one more day trade would break the pattern day trader rule",
        "older day trades have to age, or more equity",
    ),
    Reason.MAX_QTY: ("the quantity is above the limit of one order", "a smaller order, or risk.max_order_qty"),
    Reason.MAX_NOTIONAL: ("the amount is above the limit of one order", "a smaller order, or risk.max_order_notional"),
    Reason.PRICE_COLLAR: ("the price is too far from the reference price", "a price closer to the market"),
    Reason.ORDER_RATE: ("too many orders in the last minute", "a minute of quiet"),
    Reason.REPEATED_EXECUTION: ("the same trade was executed too often in a short time", "some time without it"),
    Reason.DUPLICATE_ORDER: ("the same order was sent a moment ago", "some seconds, if it is really meant twice"),
    Reason.REJECT_LOOP: (
        "the venue refused too many orders in a row",
        "an operator has to look: tradingd resume --reason",
    ),
    Reason.LIMIT_MISSING: ("a limit this check needs is not set", "set the limit in the configuration"),
}

_SHARE_NAMES = ("share", "_pct", "ratio", "loss", "drawdown", "heat", "collar", "allocation")


def sentence(reason: Reason) -> str:
    """What the reason means, without its numbers."""
    return WORDS[reason][0]


def remedy(reason: Reason) -> str:
    """What would have to change for the same request to pass."""
    return WORDS[reason][1]


def clean(text: str) -> str:
    """Text from outside on one line, without control characters and terminal escapes (J13)."""
    return "".join(c if c.isprintable() else " " for c in text)


def utc(ts: int) -> str:
    """ns since the epoch as "2008-10-06 14:35:00Z", without the machine's libraries so that it is the same everywhere."""
    days, second = divmod(ts // NS, 86400)
    z = days + 719468  # civil-from-days: eras of 400 years that begin on 1 March
    era, doe = divmod(z, 146097)
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    day, month = doy - (153 * mp + 2) // 5 + 1, mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (1 if month <= 2 else 0)
    return f"{year:04d}-{month:02d}-{day:02d} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def number(value: float | str | None, name: str = "") -> str:
    """A measured value in words: shares as per cent, the rest plainly; text from outside is cleaned."""
    if value is None:
        return "not known"
    if isinstance(value, str):
        return clean(value)
    if not isfinite(value):
        return "not a number"
    if any(word in name for word in _SHARE_NAMES) and abs(value) <= 10:
        return f"{value * 100:.2f} %"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"


def measure(check: Check) -> str:
    """One check in words: how it came out, the value against the limit, and its note."""
    mark = {True: "passed", False: "FAILED", None: "not made"}[check.ok]
    numbers = "" if check.value is None and check.limit is None else number(check.value, check.name)
    limit = "" if check.limit is None else f" against {number(check.limit, check.name)}"
    note = f" ({clean(check.note)})" if check.note else ""
    return f"{mark:8} {clean(check.name).replace('_', ' ')}: {numbers}{limit}".rstrip(": ") + note
