"""What every reading of a text takes and gives: decisions, a value, and what is amiss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from omega_server.old_files.mapping import DateOrder


class Code(StrEnum):
    """What is the matter with a value, a row or a table; never renamed, pages depend on it."""

    MISSING = "missing"
    MISSING_REQUIRED = "missing_required"
    TEXT_WRONG = "text_wrong"
    TEXT_LONG = "text_long"
    CELL_ERROR = "cell_error"
    REFERENCE_WRONG = "reference_wrong"
    ROUNDED = "rounded"
    PLAN_UNKNOWN = "plan_unknown"
    DATE_WRONG = "date_wrong"
    DATE_AMBIGUOUS = "date_ambiguous"
    DATE_IMPLAUSIBLE = "date_implausible"
    DAY_NUMBER = "day_number"
    DATES_REVERSED = "dates_reversed"
    NUMBER_WRONG = "number_wrong"
    NUMBER_AMBIGUOUS = "number_ambiguous"
    UNIT_ASKED = "unit_asked"
    UNIT_WRONG = "unit_wrong"
    OUT_OF_RANGE = "out_of_range"
    MAC_WRONG = "mac_wrong"
    MAC_GROUP = "mac_group"
    CHOICE_UNKNOWN = "choice_unknown"
    EMAIL_WRONG = "email_wrong"
    PHONE_WRONG = "phone_wrong"
    LEADING_ZERO = "leading_zero"
    PHOTO_WRONG = "photo_wrong"
    NO_HEADER = "no_header"
    COLUMN_UNKNOWN = "column_unknown"
    COLUMN_AMBIGUOUS = "column_ambiguous"
    COLUMN_TWICE = "column_twice"
    COLUMN_UNIT = "column_unit"
    COLUMN_REQUIRED = "column_required"
    SAME_ROW = "same_row"
    OTHER_VALUES = "other_values"
    DEVICE_TWICE = "device_twice"
    IMPORTED = "imported"
    SUBSCRIBER_THERE = "subscriber_there"
    OTHER_PLAN = "other_plan"


@dataclass(frozen=True, slots=True)
class Read:
    """What a text came to; `facts` go into the sentence for people.

    A value without a code is sound, one with it doubtful; a code alone has to be mended.
    """

    value: str | None
    code: Code | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def no_plan(_: str) -> None:
    """Know no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reading depends on besides the text: decisions, the file's own counting, the day."""

    today: date
    day_zero: date | None = None
    date_order: DateOrder | None = None
    decimal_mark: str | None = None
    unit: str | None = None
    is_ours: bool = False
    plan: Callable[[str], str | None] = no_plan
