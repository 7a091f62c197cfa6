"""Working days: tables by country and version, and what "n working days" comes to.

n working days end with the n-th working day after the day of receipt, at 24:00 in the time zone of
the table. What comes in after closing, or on a day that is none, counts as received on the next
working day. Both rules together make a later receipt never due earlier.

A table says for which days it speaks. A date beyond it is refused: a year whose holidays nobody has
entered would give a promise nobody made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from omega_core.canonical import canonical_bytes, digest_hex
from omega_core.errors import ExitCode, OmegaError
from omega_core.limits import CALENDAR_DAYS_LOOKED_AT_MAX
from omega_core.units import US_PER_S

_TABLES = Path(__file__).parent / "calendars"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CalendarError(OmegaError):
    """A date can't be told from this table."""

    exit_code = ExitCode.USAGE
    who_acts = "operator: enter the year's holidays in a new version of the calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One version of the working days of one place."""

    id: str
    version: int
    zone: ZoneInfo
    weekdays: frozenset[int]
    closes: time
    first_day: date
    last_day: date
    holidays: frozenset[date]
    digest: str

    @property
    def name(self) -> str:
        """What a result quotes."""
        return f"{self.id}-{self.version}"

    def is_working(self, day: date) -> bool:
        """Say whether people work on this day; raises CalendarError outside of the table."""
        if not self.first_day <= day <= self.last_day:
            raise CalendarError(f"calendar {self.name} does not speak of {day.isoformat()}")
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def received_on(self, at_unix_us: int) -> date:
        """Return the working day on which something counts as received."""
        local = (_EPOCH + timedelta(microseconds=at_unix_us)).astimezone(self.zone)
        day = local.date()
        if self.is_working(day) and local.time() <= self.closes:
            return day
        return self.working_day_after(day, 1)

    def working_day_after(self, day: date, count: int) -> date:
        """Return the `count`-th working day after a day."""
        for _ in range(CALENDAR_DAYS_LOOKED_AT_MAX):
            day += timedelta(days=1)
            count -= self.is_working(day)
            if count == 0:
                return day
        raise CalendarError(f"calendar {self.name} has hardly any working days")

    def end_of_unix_us(self, day: date) -> int:
        """Return the moment at which a day of this place ends: 24:00, whatever the clocks did."""
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=self.zone)
        return (midnight - _EPOCH) // timedelta(microseconds=1)

    def due_unix_us(self, at_unix_us: int, working_days: int) -> int:
        """Return when so many working days after a receipt have passed."""
        day = self.working_day_after(self.received_on(at_unix_us), working_days)
        return self.end_of_unix_us(day)


@cache
def calendar(name: str) -> Calendar:
    """Return a version of a calendar by its name, such as `fr-1`; raises CalendarError."""
    path = _TABLES / f"{name}.toml"
    if not path.is_file() or path.parent != _TABLES:
        raise CalendarError(f"there is no calendar {name}")
    return calendar_of(tomllib.loads(path.read_text("utf-8")))


def calendar_of(content: Mapping[str, object]) -> Calendar:
    """Return the calendar in the content of a file; raises CalendarError."""
    try:
        return _parsed(dict(content))
    except (KeyError, TypeError, ValueError) as error:
        raise CalendarError(f"not a calendar: {type(error).__name__}") from error


def _parsed(content: dict[str, object]) -> Calendar:
    closes, weekdays, holidays = content["closes"], content["weekdays"], content["holidays"]
    first_day, last_day, version = content["first_day"], content["last_day"], content["version"]
    if not isinstance(weekdays, list) or not isinstance(holidays, list):
        raise TypeError("lists are expected")
    if not (isinstance(first_day, date) and isinstance(last_day, date) and type(version) is int):
        raise TypeError("days and a number are expected")
    return Calendar(
        id=str(content["id"]),
        version=version,
        zone=ZoneInfo(str(content["time_zone"])),
        weekdays=frozenset(weekdays),
        closes=time.fromisoformat(str(closes)),
        first_day=first_day,
        last_day=last_day,
        holidays=frozenset(holidays),
        digest=digest_hex(canonical_bytes(_plain(content))),
    )


def _plain(value: object) -> object:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case date():
            return value.isoformat()
        case _:
            return value


DAY_US = 86_400 * US_PER_S
HOUR_US = 3_600 * US_PER_S
