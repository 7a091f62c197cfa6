"""Headers become fields; what nobody can know is asked, and answered in a person's own mapping.

    # mapping.toml
    date_order = "day-first"          how 03/04/2019 is read; "month-first" is the other way
    decimal_mark = ","                how 1,234 is read

    [columns]
    "Réf." = "subscriber_ref"         a header and its field
    "Couleur du câble" = ""           left out, and no longer listed

    [units]
    "Fréquence" = "MHz"               where neither header nor cell says it

    [plans]
    "Fibre 300 Méga" = "FTTH-300-100"

The answer of a person stands above every word that Omega knows.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from omega_core.errors import UsageError
from omega_core.limits import OLD_FILE_MAPPING_BYTES_MAX
from omega_core.models import StrictModel, first_fault
from omega_server.old_files.vocabulary import Meaning, Vocabulary, folded

IGNORED = frozenset({"omega_sheet", "import_source", "import_problems"})
"""Columns of our own exports that tell, and are not read back."""


class DateOrder(StrEnum):
    """Which number of a date comes first, where both readings are dates."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMapping:
    """What a person has decided about a kind of file; headers and plans are folded."""

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    date_order: DateOrder | None = None
    decimal_mark: str | None = None


class _File(StrictModel):
    columns: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    plans: Mapping[str, str] = {}
    date_order: Annotated[DateOrder | None, Field(strict=False)] = None
    decimal_mark: Literal[",", "."] | None = None


class Why(StrEnum):
    """Why a column is asked about, or listed."""

    UNKNOWN = "column_unknown"
    AMBIGUOUS = "column_ambiguous"
    TWICE = "column_twice"
    UNIT = "column_unit"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read. `unit` is what the header or a person said.

    `is_ours` of a column that is called as exports call it: numbers are then in our own form.
    """

    index: int
    header: str
    field: str
    unit: str | None
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A column that a person is told about. `fields` are those that it could be."""

    why: Why
    index: int
    header: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a table's columns are, and what is to be asked about them."""

    read: tuple[Column, ...]
    questions: tuple[Question, ...]


def parse_mapping(content: bytes, source: str, words: Vocabulary) -> OwnMapping:
    """Return a person's own mapping; raises UsageError, with the place, for any other content."""
    if len(content) > OLD_FILE_MAPPING_BYTES_MAX:
        raise UsageError(f"{source}: larger than {OLD_FILE_MAPPING_BYTES_MAX} bytes")
    try:
        read = _File.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{source}: {error}") from None
    except ValidationError as error:
        raise UsageError(f"{source}: {first_fault(error, _File)}") from None
    for header, name in read.columns.items():
        if name and name not in words.fields:
            raise UsageError(f"{source}: [columns] {header!r}: there is no field {name!r}")
    return OwnMapping(
        columns=_by_folded(read.columns),
        units=_by_folded(read.units),
        plans=_by_folded(read.plans),
        date_order=read.date_order,
        decimal_mark=read.decimal_mark,
    )


def is_known(header: str, words: Vocabulary, own: OwnMapping) -> bool:
    """Tell whether a text is a header that anybody has a field for, or has decided about."""
    return (
        header in IGNORED
        or folded(header) in own.columns
        or (bool(folded(header)) and words.meaning(header) is not None)
    )


def columns_of(headers: Sequence[str], words: Vocabulary, own: OwnMapping) -> Columns:
    """Return which columns are read, and what is to be asked; blank headers are passed over."""
    read: list[Column] = []
    questions: list[Question] = []
    for index, header in enumerate(headers):
        if not header.strip() or header in IGNORED or own.columns.get(folded(header)) == "":
            continue
        found = _column(index, header, words, own)
        if isinstance(found, Column):
            read.append(found)
        else:
            questions.append(found)
    twice = _twice(read)
    return Columns(
        read=tuple(column for column in read if column.field not in twice),
        questions=(
            *questions,
            *(
                Question(Why.TWICE, column.index, column.header, (column.field,))
                for column in read
                if column.field in twice
            ),
        ),
    )


def _column(index: int, header: str, words: Vocabulary, own: OwnMapping) -> Column | Question:
    meaning = words.meaning(header)
    if decided := own.columns.get(folded(header)):
        meaning = Meaning((decided,), meaning.unit if meaning is not None else None)
    if meaning is None:
        return Question(Why.UNKNOWN, index, header)
    if len(meaning.fields) > 1:
        return Question(Why.AMBIGUOUS, index, header, meaning.fields)
    name = meaning.fields[0]
    unit = own.units.get(folded(header), meaning.unit)
    if unit and words.fields[name].factor(unit) is None:
        return Question(Why.UNIT, index, header, (name,))
    return Column(index, header, name, unit or None, is_ours=header == name)


def _twice(columns: Sequence[Column]) -> frozenset[str]:
    counts = Counter(column.field for column in columns)
    return frozenset(name for name, count in counts.items() if count > 1)


def _by_folded(said: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({folded(name): value for name, value in said.items()})


def mapping_to_fill(questions: Iterable[Question]) -> str:
    """Return a mapping with a line for each question, to be completed by a person."""
    asked = {folded(question.header): question for question in questions}
    lines = ['# Take away the # of a line once it says what is right; a field of "" is left out.']
    for title, whys in (("[columns]", {*Why} - {Why.UNIT}), ("[units]", {Why.UNIT})):
        lines += ["", title]
        lines += [_line(each) for each in asked.values() if each.why in whys]
    return "\n".join(lines) + "\n"


def _line(question: Question) -> str:
    header = json.dumps(" ".join(question.header.split()), ensure_ascii=False)
    names = [""] if question.why is Why.UNIT else question.fields or ("",)
    first, others = names[0], "".join(f" or {name}" for name in names[1:])
    return f"# {header} = {json.dumps(first)}" + (f"  #{others}" if others else "")
