"""Days at the line: which day a moment belongs to, and when a day begins.

Moments are microseconds of UTC and never jump; days are those of the line's time zone, 23 or 25
hours long where clocks change. The zone is handed in: reading the machine's files is not done here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo

from omega_core.units import US_PER_S


def day_at(unix_us: int, zone: tzinfo) -> date:
    """Return the day at the line on which a moment falls."""
    return datetime.fromtimestamp(unix_us // US_PER_S, UTC).astimezone(zone).date()


def begin_of(day: date, zone: tzinfo) -> int:
    """Return when a day begins at the line, in us of UTC."""
    return int(datetime.combine(day, time(), zone).timestamp()) * US_PER_S
