"""Writes tradingd/data/sessions_<key>.csv from exchange-calendars; run by a developer, the output is committed.

    python tools/export_sessions.py [XNYS]

Columns date,open_utc,close_utc, times as ISO minutes in UTC. The range is fixed here, not counted from today, so that the
same release of exchange-calendars always writes the same bytes. Move LAST on when the exchange has published further years.
"""

from __future__ import annotations

import sys
from pathlib import Path

import exchange_calendars

FIRST = "1999-01-04"
LAST = "2028-12-31"
DATA = Path(__file__).resolve().parent.parent / "tradingd" / "data"


def rows(key: str) -> list[str]:
    """The table's lines without the header, oldest first."""
    schedule = exchange_calendars.get_calendar(key, start=FIRST, end=LAST).schedule
    if schedule["break_start"].notna().any():
        raise SystemExit(f"{key} has breaks inside a session: the table cannot hold them")
    return [
        f"{day:%Y-%m-%d},{opens:%Y-%m-%dT%H:%MZ},{closes:%Y-%m-%dT%H:%MZ}"
        for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    ]


def main(key: str = "XNYS") -> None:
    lines = ["date,open_utc,close_utc", *rows(key)]
    DATA.mkdir(exist_ok=True)
    path = DATA / f"sessions_{key}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    print(f"{path.name}: {len(lines) - 1} sessions, {lines[1][:10]} to {lines[-1][:10]}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
