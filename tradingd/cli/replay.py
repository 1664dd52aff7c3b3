"""The replay verb: what would have been decided under another configuration. It reads files alone and never writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Json
from tradingd.cli.show import money, say, say_json, table, when
from tradingd.core.types import NS
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.lab.whatif import Differs, Outcome, WhatIf
    from tradingd.shell.ticks.read import Life

DAY_NS = 86_400 * NS
_KINDS = {
    "absent": "would not have been made", "new": "would have been made", "verdict": "would have ended otherwise",
    "size": "would have had another size", "levels": "would have had another stop or target",
}  # fmt: skip


def replay(
    state: Annotated[
        Path, typer.Argument(metavar="STATE_DIR", help="State directory of a daemon or demo that kept a tape.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another value, as the configuration writes it."),
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Show decisions from that UTC day on.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Replay to the end of that UTC day.")] = None,
    as_json: Json = False,
) -> None:
    """What-if: recorded inputs under another configuration, and the decisions that differ. The newest run, or all since --from."""
    from tradingd.cli.tapes import Tapes

    flags = flags_of(settings or [])
    since = 0 if begin is None else day_ns("--from", begin)
    before = None if end is None else day_ns("--to", end) + DAY_NS
    if before is not None and before <= since:
        raise CliError("--to is before --from", Exit.USAGE)
    tapes = Tapes(state)
    every = tapes.lives()
    found = []
    for life, after in zip(every, [*(life.began.ts for life in every[1:]), None], strict=True):
        wanted = after is None if begin is None else after is None or after > since
        if wanted and (before is None or life.began.ts < before):
            found.append((life, *tapes.what_if(life, flags, begin=since, before=before)))
    if not found:
        raise CliError("no tape of these days is kept", Exit.NOT_FOUND)
    if as_json:
        say_json([_object(life, answer, gap) for life, answer, gap in found])
        return
    for life, answer, gap in found:
        _show(life, answer, gap)


def flags_of(settings: Sequence[str]) -> dict[str, Any]:
    """--set KEY=VALUE as the configuration takes them; what they name is judged there. CliError 2."""
    from tradingd.config.sources import scalar

    if not settings:
        raise CliError("say what would be different: --set tier.name=aggressive", Exit.USAGE)
    flags: dict[str, Any] = {}
    for each in settings:
        key, equals, value = each.partition("=")
        if not equals or not all(key.split(".")):
            raise CliError(f"--set {each!r}: write KEY=VALUE, like tier.name=aggressive", Exit.USAGE)
        flags[key.strip()] = scalar(value.strip())
    return flags


def day_ns(option: str, day: str) -> int:
    """Where a UTC day begins, ns. CliError 2."""
    try:
        return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) * NS
    except ValueError:
        raise CliError(f"{option} {day!r}: write a date like 2026-11-20", Exit.USAGE) from None


def _object(life: Life, answer: WhatIf, gap: str) -> dict[str, object]:
    return {
        "life": life.number, "began": life.began.ts, "entries": answer.entries, "until": gap, "differs": answer.differs,
        "outcomes": answer.outcomes(), "fills_stood_in": answer.stood_in,
    }  # fmt: skip


def _show(life: Life, answer: WhatIf, gap: str) -> None:
    say(f"run of {when(life.began.ts)}: {len(answer.differs)} decisions differ; {answer.entries:,} entries replayed")
    if gap:
        say(f"  the tape can be followed to here only: {clean(gap)}")
    for each in answer.differs:
        _tell(each)
    rows = [(o.account, o.decisions_was, o.decisions_would, *_amounts(o)) for o in answer.outcomes()]
    say()
    say(
        table(("account", "decisions", "would be", "equity", "would be", "realised", "would be"), rows, right=" rrrrrr")
    )
    if answer.stood_in:
        say(
            f"{answer.stood_in} fills of orders that were never sent are assumed at the recorded touch: docs/guide/replay.md"
        )


def _amounts(o: Outcome) -> tuple[str, ...]:
    return money(o.equity_was), money(o.equity_would), money(str(o.realised_was)), money(str(o.realised_would))


def _tell(each: Differs) -> None:
    say()
    say(f"{when(each.ts)}  {clean(each.account)}  {clean(each.symbol)}: {_KINDS[each.kind]}")
    for name, chain in (("as it was", each.why_was), ("as it would be", each.why_would)):
        say(f"  {name}:{'' if chain else ' nothing was decided'}")
        for line in chain:
            say(f"    {line}")
