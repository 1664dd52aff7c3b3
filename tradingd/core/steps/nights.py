"""When time passes for the core although nothing happens: after the last event of a day, and when the day's summary is due.

One rule for everybody who replays, so that the same data closes its days at the same moments (T1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradingd.core.rules import Rules
from tradingd.core.steps.clockwork import main_calendar
from tradingd.core.types import NS

AFTER = 300 * NS  # a silence longer than this is a night
DAY = 86_400 * NS


def moments(last: int, until: int, rules: Iterable[Rules]) -> Iterator[int]:
    """The moments, ns, in a silence from `last` to `until` at which time passes: a while after it began, then each account's
    evening when it falls into it. rules: of the accounts."""
    yield last + AFTER
    for each in rules:
        table = main_calendar(each)
        if table is not None:
            evening = table.moment(table.local_date(last), each.performance.summary_at)
            if last + AFTER < evening < until:
                yield evening
