"""Numbers as people write them, with their unit: `-67 dBm`, `12,5`, `1 234.5 kbit/s`.

A number with one mark and exactly three digits behind it can be read in two ways (1,234), and is
asked about unless a person has said which mark is the decimal one; a number that the file holds as
such has no such mark. A unit that neither cell, header nor person says is the field's own, but for
fields where none is usual.
"""

from __future__ import annotations

import re
from decimal import Decimal

from omega_server.old_files.asked import Asked, Code, Read
from omega_server.old_files.grids import Typed
from omega_server.old_files.vocabulary import Field

_NUMBER = re.compile(r"([+-]?)([0-9][0-9.,' ]*)(.*)", re.DOTALL)
_OURS = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_PLAIN = re.compile(r"([0-9]{1,18})(?:([.,])([0-9]{1,18}))?")
_GROUPED = re.compile(
    r"[0-9]{1,3}(?P<group>[ '.,])[0-9]{3}(?:(?P=group)[0-9]{3})*(?:([.,])[0-9]+)?"
)
_GROUP_DIGITS = 3


class _AmbiguousError(ValueError):
    """Two numbers are written like this."""


def read_number(text: str, field: Field, asked: Asked) -> Read:
    """Return the number in the field's own unit."""
    if asked.is_ours and _OURS.fullmatch(text):
        return _in_range(Decimal(text), field)
    taken = _NUMBER.fullmatch(text.replace("\u2212", "-"))
    if taken is None:
        return Read(None, Code.NUMBER_WRONG)
    sign, digits, unit = taken[1], taken[2].rstrip(), taken[3].strip()
    try:
        number = _value(digits, asked, is_typed=isinstance(text, Typed))
    except _AmbiguousError:
        return Read(None, Code.NUMBER_AMBIGUOUS)
    except ValueError:
        return Read(None, Code.NUMBER_WRONG)
    factor = _factor(unit, field, asked)
    if isinstance(factor, Code):
        return Read(None, factor, {"units": ", ".join(field.units)})
    return _in_range((-number if sign == "-" else number) * factor, field)


def _value(digits: str, asked: Asked, *, is_typed: bool) -> Decimal:
    """Return the number; raises ValueError, _AmbiguousError where it is one of two."""
    if plain := _PLAIN.fullmatch(digits):
        whole, mark, rest = plain[1], plain[2] or "", plain[3] or ""
        if len(rest) != _GROUP_DIGITS or is_typed or len(whole) > _GROUP_DIGITS or whole == "0":
            return Decimal(f"{whole}.{rest or 0}")
        if asked.decimal_mark is None:
            raise _AmbiguousError
        return Decimal(f"{whole}.{rest}" if mark == asked.decimal_mark else whole + rest)
    grouped = _GROUPED.fullmatch(digits)
    if grouped is None or grouped[2] == grouped["group"]:
        raise ValueError
    if grouped[2] is not None and asked.decimal_mark not in {None, grouped[2]}:
        raise ValueError
    if grouped[2] is None and grouped["group"] == asked.decimal_mark:
        raise ValueError
    bare = digits.replace(grouped["group"], "")
    return Decimal(bare.replace(grouped[2], ".") if grouped[2] else bare)


def _factor(unit: str, field: Field, asked: Asked) -> Decimal | Code:
    if unit:
        return field.factor(unit) or Code.UNIT_WRONG
    if asked.unit is not None:
        return field.factor(asked.unit) or Code.UNIT_WRONG
    if field.unit_asked:
        return Code.UNIT_ASKED
    return Decimal(1)


def _in_range(number: Decimal, field: Field) -> Read:
    value = f"{number.normalize() if number else Decimal(0):f}"
    if _OURS.fullmatch(value) is None:
        return Read(None, Code.NUMBER_WRONG)
    is_low = field.minimum is not None and number < Decimal(field.minimum)
    is_high = field.maximum is not None and number > Decimal(field.maximum)
    if not is_low and not is_high:
        return Read(value)
    bounds = {"low": field.minimum or "", "high": field.maximum or "", "unit": field.own_unit}
    return Read(value, Code.OUT_OF_RANGE, bounds)
