"""Which day a bar of days belongs to: its time tells its end, and the midnight that ends a day is the next date already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tradingd.lab.data.kinds import DAY_S, Kind
from tradingd.lab.data.store import Meta
from tradingd.lab.data.times import zone

BEGINNING, END = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bounds(kind: Kind, meta: Meta, since: int, until: int) -> tuple[int, int]:
    """The range of ts, ns, that holds what belongs to since..until (since belongs to it, until does not).

    Of all but bars of days that is the range itself. A bar of days belongs to the day at whose end, or before whose end, it ends;
    days go from midnight to midnight in the zone its source was read in (else UTC): `since` and `until` are taken as what clocks
    there show. So the bar that ends at 2008-10-07T00:00Z belongs to October 6. BEGINNING and END stay what they are.
    """
    if kind.span_s != DAY_S:
        return since, until
    where = meta.origins[-1].reading.tz if meta.origins else ""
    begin, end = (ts if ts in (BEGINNING, END) else _shown_there(ts, where or "UTC") + 1 for ts in (since, until))
    return begin, end


def date_of(kind: Kind, meta: Meta, ts: int) -> str:
    """The ISO date, as `bounds` has it, that a row of that time, ns, belongs to."""
    if kind.span_s != DAY_S:
        return _at(ts).date().isoformat()
    where = meta.origins[-1].reading.tz if meta.origins else ""
    return _at(ts - 1).astimezone(zone(where or "UTC")).date().isoformat()


def _shown_there(ts: int, where: str) -> int:
    """When the clocks at `where` show what those of UTC show at ts."""
    there = _at(ts).replace(tzinfo=zone(where))
    return (there - _EPOCH) // timedelta(microseconds=1) * 1_000 + ts % 1_000


def _at(ts: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ts // 1_000)
