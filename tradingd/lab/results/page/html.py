"""Text, numbers and tables as HTML. Whatever comes from data is escaped here, at one door; only `Html` passes as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from tradingd.core.views.reasons import clean


class Html(str):
    """Markup of ours."""

    __slots__ = ()


def text(value: object) -> Html:
    """Anything as text on one line; markup stays markup, nothing is ""."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(clean(str(value))))


def join(parts: Iterable[Html], between: str = "") -> Html:
    return Html(between.join(parts))


def tag(name: str, *inside: object, **attributes: str) -> Html:
    """An element. class_ is its class; other underscores become hyphens."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items() if value
    )
    return Html(f"<{name}{said}>{''.join(map(text, inside))}</{name}>")


def table(head: Sequence[str], body: Iterable[Sequence[object]], *, right: str = "", class_: str = "") -> Html:
    """right: one letter a column, "r" for numbers."""

    def row(kind: str, cells: Sequence[object]) -> Html:
        return tag(
            "tr", *(tag(kind, cell, class_="n" if right[i : i + 1] == "r" else "") for i, cell in enumerate(cells))
        )

    inside = tag(
        "table", tag("thead", row("th", head)), tag("tbody", *(row("td", cells) for cells in body)), class_=class_
    )
    return tag("div", inside, class_="scroll", tabindex="0")


def panel(title: str, *inside: object, class_: str = "", name: str = "") -> Html:
    return tag("section", tag("h2", title), *inside, class_=f"panel {class_}".strip(), data_panel=name or title)


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Names and values."""
    return tag("dl", *(join([tag("dt", name), tag("dd", value)]) for name, value in pairs))


# numbers ----------------------------------------------------------------------------------------------------------------


def minus(said: str) -> str:
    """A real minus; none before what was rounded to nothing."""
    if not said.strip("-0.,%\u00a0"):
        return said.lstrip("-")
    return said.replace("-", "\u2212")


def money(value: Decimal | float | None) -> str:
    return "\u2013" if value is None else minus(f"{value:,.2f}")


def share(value: float | None) -> str:
    """0.1 as 10.00 %."""
    return "\u2013" if value is None else minus(f"{value * 100:.2f}\u00a0%")


def ratio(value: float | None) -> str:
    return "\u2013" if value is None else minus(f"{value:.2f}")


def price(value: float | Decimal) -> str:
    """Cents, and more digits where the price is small."""
    size = abs(float(value))
    return minus(f"{value:,.2f}" if size >= 10 or not size else f"{value:,.4f}")


def lasted(seconds: float | None) -> str:
    """How long, coarse: 12 min, 3.5 h, 9.2 d."""
    if seconds is None:
        return "\u2013"
    for unit, width in (("d", 86_400.0), ("h", 3_600.0)):
        if seconds >= width:
            return f"{seconds / width:.1f} {unit}"
    return f"{seconds / 60:.0f} min"


def toned(value: Decimal | float | None, said: str) -> Html:
    """Green above nothing, red below."""
    tone = "" if not value else "good" if value > 0 else "bad"
    return tag("span", said, class_=tone)
