"""What was run, how it ended, and the figures in short."""

from __future__ import annotations

from tradingd.lab.results.figures import Fall, Metrics, Span
from tradingd.lab.results.page.html import Html, facts, join, money, panel, price, ratio, share, tag, text, toned
from tradingd.lab.results.result import Result


def banner(result: Result) -> Html:
    """In red when the run did not come to its end."""
    if result.state == "complete":
        return Html("")
    why = (
        "it was killed, or is still running: what stands here is what it had written"
        if result.state == "running"
        else result.why or "no reason was given"
    )
    return tag("p", tag("b", "This run did not come to its end: "), why, class_="broken", role="alert")


def title(result: Result) -> str:
    return f"{result.kind}: {', '.join(result.strategies) or 'no strategy'}, {result.begin} to {result.end}"


def header(result: Result) -> Html:
    return tag(
        "header", tag("h1", title(result)),
        tag("p", f"{result.data}; {money(result.capital)} {result.currency}, tier {result.tier}", class_="dim"),
    )  # fmt: skip


def tiles(result: Result, m: Metrics) -> Html:
    """The figures that are asked for first."""
    found = [
        ("total return", toned(m.total_return, share(m.total_return)), _equity(result, m)),
        ("annual return", toned(m.annual_return, share(m.annual_return)), f"volatility {share(m.volatility)}"),
        ("largest drawdown", share(m.max_drawdown.share), _fall(m.max_drawdown)),
        ("Sharpe", ratio(m.sharpe), f"Sortino {ratio(m.sortino)}, Calmar {ratio(m.calmar)}"),
        (
            "win rate",
            share(m.trades.win_rate),
            f"{m.trades.trades:,} trades, profit factor {ratio(m.trades.profit_factor)}",
        ),
        ("expectancy", money(m.trades.expectancy), f"{result.currency} a trade, before fees"),
        (
            "exposure",
            share(m.exposure),
            f"of the time; at closes {share(m.gross_mean)} of equity, at most {share(m.gross_max)}",
        ),
        ("fees", money(m.fees), f"{m.fills:,} fills, turnover {ratio(m.turnover)} a year"),
    ]
    cards = [
        tag("div", tag("h2", name), tag("p", value, class_="big"), tag("p", small, class_="dim"))
        for name, value, small in found
    ]
    return tag("section", *cards, class_="tiles", data_panel="figures")


def _equity(result: Result, m: Metrics) -> str:
    return (
        f"{money(m.equity)} {result.currency}, {money(m.reserve)} of it reserve"
        if m.equity is not None
        else "no session closed"
    )


def _fall(fall: Fall) -> str:
    if not fall.share:
        return "none"
    end = f"over on {fall.over}" if fall.over else "not over"
    return f"from {fall.top or 'the start'} to {fall.bottom}, {end}, {fall.sessions:,} sessions"


def spans(m: Metrics) -> Html:
    pairs = [
        ("best day", m.best_day),
        ("worst day", m.worst_day),
        ("best month", m.best_month),
        ("worst month", m.worst_month),
    ]
    return panel("Best and worst", facts((name, _span(span)) for name, span in pairs), class_="half")


def _span(span: Span | None) -> Html:
    return text("\u2013") if span is None else join([text(f"{span.name}  "), toned(span.gained, share(span.gained))])


def costs(result: Result, m: Metrics) -> Html:
    before, after = m.trades.realised + m.micro.realised, m.trades.net + m.micro.net
    return panel(
        "Money and costs",
        facts((
            ("realised, before fees", toned(before, money(before))),
            ("realised, after fees", toned(after, money(after))),
            ("fees of all fills", money(m.fees)), ("dividends", money(m.dividends)),
            ("interest", money(m.interest)), ("borrowed shares", money(-m.borrow)),
            ("held at the end", ", ".join(f"{one.qty} {one.symbol} from {price(one.entry)}" for one in result.held) or "nothing"),
        )),
        class_="half",
    )  # fmt: skip


def notes(result: Result) -> Html:
    """What was missing or left out."""
    if not result.notes:
        return Html("")
    return panel("Notes on the data and the run", tag("ul", *(tag("li", note) for note in result.notes)), name="notes")


def run(result: Result) -> Html:
    """What is needed to run it again, and to trust it."""
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in result.counts.items())
    return panel(
        "The run",
        facts((
            ("state", f"{result.state}{': ' if result.why else ''}{result.why}"), ("data", result.data),
            ("from, to", f"{result.begin} to {result.end}"), ("capital", f"{money(result.capital)} {result.currency}"),
            ("tier at the start", result.tier), ("strategies", ", ".join(result.strategies) or "none"),
            ("configuration", tag("code", result.config_hash)), ("build", tag("code", result.build)),
            ("journal", join([text(f"{result.journal.records:,} facts "), tag("code", result.journal.head or "no head")])),
            ("counts", counts or "none"), ("a year", f"{result.sessions_a_year} sessions"),
        )),
        class_="run",
    )  # fmt: skip
