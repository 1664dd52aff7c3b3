"""Writes docs/guide/why.md from decisions that the core made: `python -m tests.house.why_guide`."""

from pathlib import Path

from tests.core.steps.test_ideas import ROWS, judged
from tradingd.core.facts import Reason
from tradingd.core.views.reasons import WORDS, remedy, sentence
from tradingd.core.views.why import explain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "why.md"
HEAD = """# Why not?

Every recommendation ends in one decision, and a decision that is a refusal says why: what was measured, against what, and what
would have to change. `tradingd why <decision | order | symbol>` tells it in these words; the journal holds the same. A refusal can
have several reasons; the first below that applies is its headline.

Each example is a decision that the core made, in the words it is told in. Exits are asked far less: a pause, a stale price, a
breaker or an empty pool refuses no exit.

The page is written by `python -m tests.house.why_guide`, from the table that also tests each refusal.
"""


def example(reason: Reason) -> list[str]:
    """The decision of the table's row of that reason, without the checks it passed; [] when no entry can meet it."""
    for row in ROWS:
        if row[0] is reason:
            _, decided = judged(*row[1:4])
            lines = explain(decided.decision_id, [decided])
            return [
                line for line in lines if not line.startswith(("    passed", "    FAILED", "    not made", "  checks:"))
            ]
    return []


def section(reason: Reason) -> str:
    told = example(reason)
    shown = ["", "```", *told, "```"] if told else ["", f"To pass: {remedy(reason)}."]
    again = "It may pass later." if reason.transient else "The same request is never taken."
    return "\n".join(
        [f"## {reason.value}", "", f"{sentence(reason)[0].upper()}{sentence(reason)[1:]}. {again}", *shown, ""]
    )


def page() -> str:
    return "\n".join([HEAD, *(section(reason) for reason in Reason if reason in WORDS)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
