"""Forms: what a browser sends of one, within bounds, and what it is shown again with its faults.

A form that is refused comes back as it was filled in, each fault beside its field: nobody types
anything twice. What is sent is `application/x-www-form-urlencoded`; files have a way of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from omega_server.refusals import Code, RefusalError

FIELDS_MAX: Final = 200  # the technical file is the largest, with some ninety
VALUE_CHARS_MAX: Final = 20_000
_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is shown: `id` tells it from others of the page."""

    id: str
    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


async def sent(request: Request) -> dict[str, str]:
    """Return the fields of a form, without space around them; those left empty are left out.

    Raises RefusalError `schema_invalid`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise RefusalError(Code.SCHEMA_INVALID, f"a form is sent as {_TYPE}")
    return fields_of(await request.body())


def fields_of(body: bytes) -> dict[str, str]:
    """Return the fields in a form's body; of a name that comes twice the last one counts.

    Raises RefusalError `schema_invalid` where it is no text, or is more than any form has.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), max_num_fields=FIELDS_MAX, errors="strict", encoding="utf-8"
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise RefusalError(Code.SCHEMA_INVALID, "this form can't be read") from error
    found = {name: _text(value) for name, value in pairs}
    if any(len(value) > VALUE_CHARS_MAX or "\0" in value for value in found.values()):
        raise RefusalError(Code.SCHEMA_INVALID, "a field of the form is too long, or is no text")
    return {name: value for name, value in found.items() if value}


def _text(value: str) -> str:
    """Return a value with the line ends of everybody else: browsers send CR LF."""
    return value.replace("\r\n", "\n").strip()
