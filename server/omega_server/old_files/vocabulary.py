"""Which headers mean which field: `columns.toml`, read once and checked.

Words are compared folded: without accents, capitals, punctuation and space that is too much. A
header may end in a unit, in brackets or not. What is looked up here is never the last word: a
header of two fields has both, and `mapping` asks a person.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field as Bound

from omega_core.models import StrictModel

_COLUMNS = Path(__file__).parent / "columns.toml"
_NUMERO = str.maketrans({"º": "°", "ø": "o", "œ": "oe", "æ": "ae"})
_WORDS = re.compile(r"[^\W_]+")
_IN_BRACKETS = re.compile(r"(.*?)[\s:]*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*:?\s*", re.DOTALL)


class Kind(StrEnum):
    """How the text of a field is read."""

    TEXT = "text"
    REFERENCE = "reference"
    PLAN = "plan"
    DATE = "date"
    NUMBER = "number"
    MAC = "mac"
    CHOICE = "choice"
    EMAIL = "email"
    PHONE = "phone"
    PHOTOS = "photos"


class Field(StrictModel):
    """One entry of `columns.toml`, which says what each of these means."""

    group: str
    kind: Annotated[Kind, Bound(strict=False)] = Kind.TEXT
    headers: Annotated[tuple[str, ...], Bound(strict=False, min_length=1)]
    required: bool = False
    wanted: bool = False
    personal: bool = False
    technology: Annotated[tuple[str, ...], Bound(strict=False)] = ()
    units: Mapping[str, str] = {}
    unit_asked: bool = False
    minimum: str | None = None
    maximum: str | None = None
    choices: Mapping[str, Annotated[tuple[str, ...], Bound(strict=False)]] = {}

    @property
    def own_unit(self) -> str:
        """What numbers of this field are kept in; empty where it has none."""
        return next(iter(self.units), "")

    def factor(self, unit: str) -> Decimal | None:
        """Return what a number in a unit is multiplied by, None for a unit it can't have."""
        for name, factor in self.units.items():
            if unit_form(name) == unit_form(unit):
                return Decimal(factor)
        return None

    def is_wanted(self, technology: str | None) -> bool:
        """Tell whether a complete sheet of a line of this technology has the field."""
        return self.wanted and (not self.technology or technology in self.technology)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a header can mean. `unit` is what it says, None where it says nothing."""

    fields: tuple[str, ...]
    unit: str | None = None


class Vocabulary:
    """Fields in their order, and the words for them."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = MappingProxyType(dict(fields))
        words: dict[str, list[str]] = {}
        for name, field in fields.items():
            for header in dict.fromkeys(map(folded, (name, *field.headers))):
                words.setdefault(header, []).append(name)
        self._words = MappingProxyType({word: tuple(names) for word, names in words.items()})

    def meaning(self, header: str) -> Meaning | None:
        """Return what a header can mean, None where no field is called so."""
        if header in self.fields:
            return Meaning((header,), self.fields[header].own_unit)
        if bracketed := _IN_BRACKETS.fullmatch(header):
            fields = self._words.get(folded(bracketed[1]))
            if fields is not None:
                has_units = any(self.fields[each].units for each in fields)
                return Meaning(fields, bracketed[2] if has_units else None)
        fields = self._words.get(folded(header))
        return self._with_unit_behind(header) or (Meaning(fields) if fields is not None else None)

    def _with_unit_behind(self, header: str) -> Meaning | None:
        """Return the meaning of `Distance km`; a last word that is no unit belongs to the name."""
        name, _, unit = header.rstrip(" :").rpartition(" ")
        fields = self._words.get(folded(name), ())
        if fields and all(self.fields[each].factor(unit) is not None for each in fields):
            return Meaning(fields, unit)
        return None


def folded(text: str) -> str:
    """Return the words of a text as they are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_NUMERO))
    return " ".join(_WORDS.findall("".join(c for c in plain if not unicodedata.combining(c))))


def unit_form(unit: str) -> str:
    """Return a unit as units are compared."""
    return "".join(unit.casefold().split())


@cache
def vocabulary() -> Vocabulary:
    """Return the words that Omega ships."""
    read = tomllib.loads(_COLUMNS.read_text("utf-8"))
    return Vocabulary({name: Field.model_validate(entry) for name, entry in read.items()})
