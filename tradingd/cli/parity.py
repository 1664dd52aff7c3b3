"""The parity verb: the tape stepped again must give the journal's facts, byte for byte. It reads files alone and never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradingd.cli.exits import CliError, Exit
from tradingd.cli.options import Dir, Json
from tradingd.cli.replay import DAY_NS, day_ns
from tradingd.cli.show import complain, say, say_json, when
from tradingd.cli.where import state_dir
from tradingd.core.views.reasons import clean

if TYPE_CHECKING:
    from tradingd.lab.parity import Difference, Verdict
    from tradingd.shell.ticks.read import Life

EQUAL, DIFFERS, CANNOT = 0, 1, 2


def parity(
    directory: Dir = None,
    day: Annotated[
        str | None,
        typer.Option("--day", metavar="DATE", help="The runs of that UTC day, up to its end; else the newest run."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay what the tape recorded and compare it with the journal. Ends with 0 equal, 1 different, 2 cannot run."""
    from tradingd.cli.tapes import Tapes
    from tradingd.shell.identity import build_hash

    end = None if day is None else day_ns("--day", day) + DAY_NS
    try:
        tapes = Tapes(state_dir(directory))
        chosen = _of_day(tapes.lives(), end)
        found = [(life, tapes.parity(life, before=end)) for life in chosen]
    except CliError as error:
        complain(f"Error: {error}")
        raise typer.Exit(CANNOT) from None
    build = build_hash()
    if as_json:
        say_json([_object(life, verdict, build) for life, verdict in found])
    else:
        for life, verdict in found:
            _show(life, verdict, same_build=life.began.build == build)
    raise typer.Exit(EQUAL if all(verdict.equal for _, verdict in found) else DIFFERS)


def _object(life: Life, verdict: Verdict, build: str) -> dict[str, object]:
    same = life.began.build == build
    return {"life": life.number, "began": life.began.ts, "equal": verdict.equal, "same_build": same, "verdict": verdict}


def _of_day(lives: list[Life], end: int | None) -> list[Life]:
    """The newest, or those that began before the day's end and were followed by no other before the day began."""
    if end is None:
        return lives[-1:]
    followed = [*(life.began.ts for life in lives[1:]), end]
    found = [life for life, after in zip(lives, followed, strict=True) if life.began.ts < end and after > end - DAY_NS]
    if not found:
        raise CliError("no tape of that day is kept", Exit.NOT_FOUND)
    return found


def _show(life: Life, verdict: Verdict, *, same_build: bool) -> None:
    records = max(0, verdict.last - verdict.first + 1)
    what = f"{verdict.events:,} events, {verdict.quotes:,} of them quotes, {records:,} records ({verdict.first} to {verdict.last})"
    say(f"run of {when(life.began.ts)}: {'EQUAL' if verdict.equal else 'DIFFERENT'}; {what}")
    if not same_build:
        say("  it was recorded by another build of tradingd: a difference may be this one's")
    if verdict.until:
        say(f"  compared to {clean(verdict.until)}")
    if verdict.undurable:
        say("  the tape goes on where the journal ends: the process was killed there, or runs")
    if verdict.untaped:
        say(
            f"  {verdict.untaped} records of the last moment are not on the tape: the process was killed there, or runs"
        )
    if verdict.difference is not None:
        _tell(verdict.difference)


def _tell(difference: Difference) -> None:
    say(
        f"  first difference: record {difference.seq}, by event {difference.number} ({clean(difference.event) or 'none'})"
    )
    for name, fact, chain in (
        ("the journal", difference.journaled, difference.why_journaled),
        ("the replay", difference.replayed, difference.why_replayed),
    ):
        say(f"  {name}: {clean(fact) or 'nothing'}")
        for line in chain:
            say(f"    {line}")
