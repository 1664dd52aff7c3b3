"""What the account was worth, how far below its best, and how much of it was at work: a chart each, and the months as a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tradingd.lab.results.figures import grown, months
from tradingd.lab.results.page.html import Html, join, money, panel, share, table, tag
from tradingd.lab.results.page.svg import area, chart, line, scale, thin
from tradingd.lab.results.rows import Day

STEPS = (0.0, 0.01, 0.03, 0.06)  # how strongly a month is coloured


def equity(days: Sequence[Day], currency: str) -> Html:
    """With the reserve in it."""
    values, reserves = [day.equity for day in days], [float(day.reserve) for day in days]
    capital = float(days[0].capital)
    scaled, at = scale([*values, capital], 260), thin(values)
    spread = scale([*reserves, 0.0], 70, zero=True)
    dates = [day.date for day in days]
    whole = chart(
        f"Equity, {currency}", scaled,
        [area(values, at, scaled, "equity", base=scaled.low), line([capital] * len(values), [0, len(values) - 1], scaled, "base"),
         line(values, at, scaled, "equity")],
        dates, said=_round, tips=[(i, f"{dates[i]}   equity {money(values[i])}   reserve {money(reserves[i])}") for i in at],
    )  # fmt: skip
    kept = thin(reserves)
    aside = chart(
        f"Reserve, {currency} (part of the equity)", spread,
        [area(reserves, kept, spread, "reserve"), line(reserves, kept, spread, "reserve")],
        dates, said=_round, tips=[(i, f"{dates[i]}   {money(reserves[i])}") for i in kept],
    )  # fmt: skip
    return panel("Equity", whole, aside)


def drawdown(days: Sequence[Day]) -> Html:
    values = [-day.drawdown for day in days]
    scaled, at, dates = scale([*values, 0.0], 130, zero=True), thin(values), [day.date for day in days]
    drawn = [area(values, at, scaled, "fall"), line(values, at, scaled, "fall")]
    tips = [(i, f"{dates[i]}   {share(values[i])}") for i in at]
    return panel("Drawdown", chart("Below the highest close, %", scaled, drawn, dates, said=_percent, tips=tips))


def exposure(days: Sequence[Day]) -> Html:
    """Gross and net, shares of the equity at the closes."""
    gross = [day.gross / day.equity if day.equity > 0 else 0.0 for day in days]
    net = [day.net / day.equity if day.equity > 0 else 0.0 for day in days]
    scaled, at, dates = scale([*gross, *net, 0.0], 130, zero=True), thin(gross), [day.date for day in days]
    drawn = [area(gross, at, scaled, "gross"), line(gross, at, scaled, "gross"), line(net, at, scaled, "net")]
    tips = [(i, f"{dates[i]}   gross {share(gross[i])}   net {share(net[i])}") for i in at]
    name = "Held at the close, % of equity: gross, and net (dashed)"
    return panel("Exposure", chart(name, scaled, drawn, dates, said=_percent, tips=tips))


def monthly(days: Sequence[Day]) -> Html:
    """Year by month, and the year in all."""
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    body = []
    for year, spans in groupby(months(days), key=lambda span: span.name[:4]):
        gained = {int(span.name[5:7]): span.gained for span in spans}
        body.append(
            [year, *(_cell(gained.get(month)) for month in range(1, 13)), _cell(grown(gained.values())[-1] - 1.0)]
        )
    return panel("Returns by month", table(["", *names, "year"], body, right=" " + "r" * 13, class_="months"))


def _cell(gained: float | None) -> Html:
    if gained is None:
        return Html("")
    level = len([step for step in STEPS if abs(gained) > step])
    tone = "" if not level else f"{'up' if gained > 0 else 'down'} l{level}"
    return tag("span", share(gained), class_=f"month {tone}".strip())


def _round(value: float) -> str:
    return money(value).removesuffix(".00") if abs(value) >= 1 or not value else money(value)


def _percent(value: float) -> str:
    return share(value).replace(".00", "")


def all_of_them(days: Sequence[Day], currency: str) -> Html:
    """Every chart of the days; words instead when no session closed."""
    if not days:
        return panel("Equity", tag("p", "No session closed: there is no curve.", class_="empty"))
    return join([equity(days, currency), drawdown(days), monthly(days), exposure(days)])
