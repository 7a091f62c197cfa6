"""Dates as people write them: 04/03/2019, 4 mars 2019, 2019-03-04, and the day numbers of Excel.

Two numbers that could both be the month are asked about unless a person has said their order.
Years of two digits are those of the hundred years that end today. A day number counts from the day
that the workbook says; a CSV file does not say it, and the usual one is taken only as doubtful.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from omega_server.old_files.asked import Asked, Code, Read
from omega_server.old_files.mapping import DateOrder
from omega_server.old_files.vocabulary import Field, folded

PLAUSIBLE_FROM = date(1990, 1, 1)
"""No line that is still in use was installed before."""

_USUAL_DAY_ZERO = date(1899, 12, 30)
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ][0-9:.]+Z?)?")
_NUMBERS = re.compile(
    r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})"
    r"(?: [0-9]{1,2}[:h][0-9]{2}(?::[0-9]{2})?)?"
)
_DAY_NUMBER = re.compile(r"([0-9]{5})(?:[.,][0-9]+)?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:er|st|nd|rd|th)? ([a-z]+) ([0-9]{4}|[0-9]{2})")
_MONTH_DAY = re.compile(r"([a-z]+) ([0-9]{1,2})(?:st|nd|rd|th)? ([0-9]{4})")
_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "janvier janv jan january",
            "fevrier fevr fev february feb",
            "mars mar march",
            "avril avr april apr",
            "mai may",
            "juin jun june",
            "juillet juil july jul",
            "aout aou august aug",
            "septembre sept sep september",
            "octobre oct october",
            "novembre nov november",
            "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}


def read_date(text: str, _: Field, asked: Asked) -> Read:
    """Return the day as an ISO date."""
    if number := _DAY_NUMBER.fullmatch(text):
        return _of_number(int(number[1]), asked)
    day = _in_numbers(text, asked) or _in_words(text, asked)
    if day is None:
        return Read(None, Code.DATE_WRONG)
    return day if isinstance(day, Read) else _plausible(day, asked)


def _of_number(number: int, asked: Asked) -> Read:
    read = _plausible((asked.day_zero or _USUAL_DAY_ZERO) + timedelta(days=number), asked)
    if asked.day_zero is None and read.code is None:
        return Read(read.value, Code.DAY_NUMBER)
    return read


def _in_numbers(text: str, asked: Asked) -> date | Read | None:
    if iso := _ISO.fullmatch(text):
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    numbers = _NUMBERS.fullmatch(text)
    if numbers is None:
        return None
    first, second = int(numbers[1]), int(numbers[3])
    year = _year(numbers[4], asked)
    day_first, month_first = _day(year, second, first), _day(year, first, second)
    if asked.date_order is not None:
        return day_first if asked.date_order is DateOrder.DAY_FIRST else month_first
    if day_first is not None and month_first is not None and day_first != month_first:
        facts = {"one": day_first.isoformat(), "other": month_first.isoformat()}
        return Read(None, Code.DATE_AMBIGUOUS, facts)
    return day_first or month_first


def _in_words(text: str, asked: Asked) -> date | None:
    words = folded(text)
    if named := _DAY_MONTH.fullmatch(words):
        day, month, year = named.groups()
    elif named := _MONTH_DAY.fullmatch(words):
        month, day, year = named.groups()
    else:
        return None
    return _day(_year(year, asked), _MONTHS.get(month, 0), int(day))


def _year(text: str, asked: Asked) -> int:
    if len(text) == len("2019"):
        return int(text)
    century = asked.today.year - asked.today.year % 100
    year = century + int(text)
    return year if year <= asked.today.year else year - 100


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plausible(day: date, asked: Asked) -> Read:
    if PLAUSIBLE_FROM <= day <= asked.today:
        return Read(day.isoformat())
    facts = {"low": PLAUSIBLE_FROM.isoformat(), "high": asked.today.isoformat()}
    return Read(day.isoformat(), Code.DATE_IMPLAUSIBLE, facts)
