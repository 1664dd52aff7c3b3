"""Words for people: a plan, a summary."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.sim.campaign import Summary
from tests.sim.plan import Plan


def plan_text(plan: Plan) -> str:
    when = datetime.fromtimestamp(plan.start / 1e9, UTC).isoformat(timespec="seconds")
    lines = [
        f"world {plan.seed}: venue {plan.personality}, {plan.symbols} symbols every {plan.quote_s} s, from {when}",
        f"strategies {', '.join(plan.minds)}; faults until {plan.calm} s of {plan.seconds} s",
    ]
    if plan.rooms:
        lines.append(f"with {', '.join(plan.rooms)}")
    for fault in plan.faults:
        parts = [f"{fault.at:8.3f}  {fault.kind}"]
        parts += [
            f"{name} {value:g}"
            for name, value in (("for", fault.for_s), ("value", fault.value), ("n", fault.n))
            if value
        ]
        lines.append(" ".join([*parts, fault.target]).rstrip())
    return "\n".join(lines)


def summary_text(summary: Summary) -> str:
    lines = [
        f"{summary.seeds} worlds, {summary.run_twice} of them run twice, {summary.kills} kills, {summary.seconds:.0f} s"
    ]
    lines.append(
        f"{summary.seeds_per_hour:,.0f} seeds/h, {summary.seeds_per_hour_per_core:,.0f} seeds/h per core of CPU time"
    )
    for title in ("faults", "points", "sometimes", "met"):
        table = getattr(summary, title)
        lines.append(f"{title}: " + ", ".join(f"{key} {n:,}" for key, n in table.items()))
    lines += [f"FAILED {failure['seed']}: {failure['what']}" for failure in summary.failures]
    lines.append(
        f"{len(summary.failures)} worlds broke a promise" if summary.failures else "every promise held in every world"
    )
    return "\n".join(lines)
