"""Trades and decisions as tables: in all, by what they have in common, the best and the worst, and one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import islice
from pathlib import Path

from tradingd.core.facts import Reason
from tradingd.core.views.reasons import WORDS, sentence
from tradingd.lab.results.figures import DECISIONS, TRADES, Metrics
from tradingd.lab.results.groups import Group
from tradingd.lab.results.page.html import (
    Html,
    join,
    lasted,
    money,
    panel,
    price,
    ratio,
    share,
    table,
    tag,
    toned,
)
from tradingd.lab.results.rows import Decision, Trade, rows

SHOWN = 10  # best and worst
LISTED = 1_000  # trades one by one
LATEST = 200  # decisions one by one
_HEAD = (
    "symbol",
    "side",
    "opened",
    "closed",
    "qty",
    "entry",
    "exit",
    "fees",
    "net",
    "return",
    "held",
    "opened by",
    "closed by",
)
_RIGHT = "    rrrrrrr"


def groups(m: Metrics) -> Html:
    """Trades by what they have in common; micro-trades apart."""
    parts = [_groups("All", {"standard": m.trades, "micro, counted apart": m.micro})]
    for name, found in (("By symbol", m.by_symbol), ("By strategy", m.by_strategy), ("By exit", m.by_exit)):
        if found:
            parts.append(_groups(name, found))
    note = "What one order closed is one trade. Net is after fees; all else is before them."
    return panel("Trades in figures", tag("p", note, class_="dim"), *parts, name="groups")


def _groups(name: str, found: Mapping[str, Group]) -> Html:
    head = (
        name,
        "trades",
        "won",
        "win rate",
        "profit factor",
        "expectancy",
        "avg win",
        "avg loss",
        "realised",
        "net",
        "held",
    )
    body = [
        (
            key, f"{g.trades:,}", f"{g.wins:,}", share(g.win_rate), ratio(g.profit_factor), money(g.expectancy),
            money(g.average_win), money(g.average_loss), toned(g.realised, money(g.realised)), toned(g.net, money(g.net)),
            lasted(g.hold_s),
        )
        for key, g in sorted(found.items(), key=lambda one: -one[1].net)
    ]  # fmt: skip
    return table(head, body, right=" rrrrrrrrrr")


def trades(directory: Path) -> Html:
    """The best, the worst, and all in the order they closed."""

    def all_of_them() -> Iterable[Trade]:
        return rows(directory, TRADES, Trade)

    n = len([1 for _ in all_of_them()])
    if not n:
        return panel("Trades", tag("p", "Nothing was closed.", class_="empty"))
    best, worst = (pick(SHOWN, all_of_them(), key=lambda trade: trade.net) for pick in (nlargest, nsmallest))
    more = f", the first {LISTED:,} of {n:,}; trades.csv has them all" if n > LISTED else ""
    return panel(
        "Trades", tag("h3", "Best"), _trades(best), tag("h3", "Worst"), _trades(worst),
        tag("details", tag("summary", f"All {n:,} in the order they closed{more}"), _trades(list(islice(all_of_them(), LISTED)))),
    )  # fmt: skip


def _trades(found: Sequence[Trade]) -> Html:
    body = [
        (
            t.symbol, t.side, t.opened[:16], t.utc[:16], f"{t.qty:,f}", price(t.entry), price(t.exit),
            money(t.entry_fees + t.exit_fees), toned(t.net, money(t.net)), toned(t.gain, share(t.gain)), lasted(t.hold_s),
            join([Html(""), tag("span", t.strategy.removeprefix("strategy:"), title=t.cause), *_micro(t)]),
            t.reason.removeprefix("strategy:"),
        )
        for t in found
    ]  # fmt: skip
    return table(_HEAD, body, right=_RIGHT)


def _micro(t: Trade) -> list[Html]:
    return [Html(" "), tag("span", "micro", class_="tag")] if t.micro else []


# decisions --------------------------------------------------------------------------------------------------------------


def decisions(directory: Path) -> Html:
    """How they came out, why entries were refused, and the last ones."""
    verdicts: Counter[tuple[str, str, str]] = Counter()
    reasons: Counter[str] = Counter()
    latest: list[Decision] = []
    for found in rows(directory, DECISIONS, Decision):
        verdicts[found.kind, found.source, found.verdict] += 1
        reasons.update(found.reasons.split())
        latest.append(found)
        if len(latest) > 2 * LATEST:
            del latest[:-LATEST]
    if not latest:
        return panel("Decisions", tag("p", "Nothing was decided.", class_="empty"))
    n = sum(verdicts.values())
    latest = latest[-LATEST:]
    return panel(
        "Decisions", _verdicts(verdicts), _reasons(reasons),
        tag("details", tag("summary", f"The last {len(latest):,} of {n:,}; decisions.csv has them all"), _latest(latest)),
    )  # fmt: skip


def _verdicts(found: Counter[tuple[str, str, str]]) -> Html:
    pairs = sorted({(kind, source) for kind, source, _ in found})
    body = [
        (kind, source, f"{found[kind, source, 'act']:,}", f"{found[kind, source, 'skip']:,}") for kind, source in pairs
    ]
    return table(("kind", "source", "acted", "refused"), body, right="  rr")


def _reasons(found: Counter[str]) -> Html:
    if not found:
        return tag("p", "Nothing was refused.", class_="empty")
    most = max(found.values())
    body = [
        (reason.replace("_", " "), _meant(reason), f"{n:,}", _bar(n / most))
        for reason, n in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    ]
    title = tag("h3", "Why refused (a decision may have several reasons)")
    return join([title, table(("reason", "in words", "times", ""), body, right="  r")])


def _meant(reason: str) -> str:
    known = {one.value: one for one in WORDS}
    return sentence(Reason(reason)) if reason in known else ""


def _bar(part: float) -> Html:
    inside = tag("rect", width=f"{part * 100:.1f}%", height="8", class_="bar")
    return tag("svg", inside, width="90", height="8", aria_hidden="true")


def _latest(found: Sequence[Decision]) -> Html:
    body = [
        (
            d.utc[:16], d.id, d.kind, f"{d.action} {d.symbol}", d.source.removeprefix("strategy:"), ratio(d.confidence),
            tag("span", "acted" if d.verdict == "act" else "refused", class_="tag" if d.verdict == "act" else "tag warn"),
            tag("span", d.reasons.replace("_", " ") or d.thesis, class_="long"),
        )
        for d in reversed(found)
    ]  # fmt: skip
    return table(("time, UTC", "id", "kind", "what", "source", "confidence", "verdict", "why"), body, right="     r")
