"""The two ways to an acceptance profile, and the one form in which a mistake is reported.

    bytes of a TOML file --parse_profile--+
                                          +--> plain JSON --> fields --> relations --> profile
    JSON object --profile_from_content----+                  profile.py   relations.py

A file must besides be *provable* (`provable.py`): its author can still mend it. What was received
was released by somebody else, and what a folder keeps of older versions stays what it was.

Everything that is wrong with a profile is a ProfileError: one sentence with file, line, figure and
remedy. It quotes what stands in the file (its author reads it), shortened and on one line. Where
several things are wrong the one nearest to the top is shown.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from math import isfinite
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omega_acceptance.errors import ProfileError
from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_acceptance.provable import unprovable
from omega_acceptance.relations import Mistake, mistakes
from omega_acceptance.toml_lines import Path, key_lines, line_of
from omega_core.facts import INTEGER_MAX
from omega_core.limits import JSON_DEPTH_MAX, PROFILE_BYTES_MAX

__all__ = ["AcceptanceProfile", "Criterion", "parse_profile", "profile_from_content"]

_QUOTED_MAX = 60
_DOTS_OF_A_LINE_MAX = 200  # a key has at most three, a remark a few more
_UNION_TAGS = {"figure", "share"}
_REMEDY = {
    "missing": "add it; docs/acceptance-profiles.md describes every key",
    "extra_forbidden": "remove it or correct its spelling; nothing unknown is ever ignored",
    "literal_error": "write one of the words it may be",
    "enum": "write one of the words it may be",
    "int_type": "write a whole number, without quotes or decimals",
    "string_type": "write text in quotes",
    "bool_type": "write true or false",
    "date_from_datetime_parsing": "write a day like 2026-11-01, without quotes",
    "value_error": "write a day like 2026-11-01, without quotes",
}


def parse_profile(toml: bytes, source: str, *, superseded: bool = False) -> AcceptanceProfile:
    """Return the profile in these bytes of a TOML file; `source` is what the file is called.

    One that is `superseded` by a newer version need not be provable: records name it for ever.
    Raises ProfileError, and nothing else, whatever the bytes.
    """
    if len(toml) > PROFILE_BYTES_MAX:
        what = f"{len(toml)} bytes are more than the {PROFILE_BYTES_MAX} a profile may have"
        raise _error(source, None, "", what, "is this the right file? one profile is a few KiB")
    _refuse_deep_keys(toml, source)
    try:
        # As TOML 1.0 has it, and as tomllib does when it opens the file itself.
        text = toml.decode("utf-8").replace("\r\n", "\n")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = toml.count(b"\n", 0, error.start) + 1
        raise _error(source, line, "", "not UTF-8 text", "save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise _syntax_error(source, str(error)) from None
    reader = _Reader(source, text)
    return reader.profile(reader.plain(content, ()), provable=not superseded)


def profile_from_content(content: dict[str, Any]) -> AcceptanceProfile:
    """Return the profile of a JSON object, as a Controller sends it beside a grant.

    Raises ProfileError, and nothing else.
    """
    reader = _Reader("the profile that was received", None)
    return reader.profile(reader.plain(content, ()), provable=False)


class _Reader:
    """From plain values to a profile; knows where the values came from."""

    def __init__(self, source: str, text: str | None) -> None:
        self._source = source
        self._text = text

    def profile(self, content: dict[str, Any], *, provable: bool) -> AcceptanceProfile:
        try:
            profile = AcceptanceProfile.model_validate_json(json.dumps(content))
        except ValidationError as error:
            raise self._first([_mistake(each) for each in error.errors()]) from None
        found = [*mistakes(profile)]
        if provable and not found:
            found = [*unprovable(profile)]
        if found:
            raise self._first(found)
        return profile

    def plain(self, value: object, path: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return plain JSON values: a day becomes text; null and times of day have no place."""
        if len(path) > JSON_DEPTH_MAX:
            raise self._first([Mistake(path[:2], "nested too deeply", "take the nesting out")])
        match value:
            case dict():
                return {key: self.plain(each, (*path, key)) for key, each in value.items()}
            case list():
                return [self.plain(each, (*path, index)) for index, each in enumerate(value)]
            case date() if not isinstance(value, datetime):
                return value.isoformat()
            case int() if abs(value) <= INTEGER_MAX:
                return value
            case float() if isfinite(value):
                return value
            case str():
                return value
            case _:
                what = f"{_quoted(value)} has no place in a profile"
                raise self._first([Mistake(path, what, "write a day or a whole number")])

    def _first(self, found: Sequence[Mistake]) -> ProfileError:
        lines = {} if self._text is None else key_lines(self._text)
        numbered = [(line_of(lines, each.path), each) for each in found]
        # What stands in the file comes before what is missing from it: a key that is misspelt is
        # both, and its line is where the author must look.
        line, mistake = min(numbered, key=lambda pair: (pair[0] is None, pair[0]))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        place = _in_words(mistake.path)
        return _error(self._source, line, place, mistake.what + more, mistake.remedy)


def _refuse_deep_keys(toml: bytes, source: str) -> None:
    """Refuse a.b.c... of thousands of parts: tomllib takes space for the square of their number."""
    for number, line in enumerate(toml.split(b"\n"), start=1):
        if line.count(b".") > _DOTS_OF_A_LINE_MAX:
            what = f"{line.count(b'.')} dots on one line"
            raise _error(source, number, "", what, "is this the right file?")


def _error(source: str, line: int | None, place: str, what: str, remedy: str) -> ProfileError:
    return ProfileError(source=source, line=line, place=place, what=what, remedy=remedy)


def _syntax_error(source: str, text: str) -> ProfileError:
    """Return the error of tomllib's message, which ends with (at line 3, column 7)."""
    what, _, place = text.partition(" (at line ")
    digits = place.partition(",")[0]
    line = int(digits) if digits.isdigit() else None
    return _error(source, line, "", f"not TOML: {what}", "correct the line")


def _mistake(error: ErrorDetails) -> Mistake:
    """Return a fault that pydantic found, in our words and with the figure that stood there."""
    kind = error["type"]
    path: Path = tuple(part for part in error["loc"] if part not in _UNION_TAGS)
    if path and path[-1] == "schema" and kind == "literal_error":
        what = f"schema {_quoted(error['input'])} is not known to this program"
        return Mistake(path, what, "schema = 1 is the one it knows; newer files need a newer Omega")
    if kind == "missing":
        what = "the key is missing"
    elif kind == "extra_forbidden":
        what = "the key is unknown"
    else:
        message = error["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        what = f"{_quoted(error['input'])}: {message}"
    return Mistake(path, what, _REMEDY.get(kind, "write a value within its range"))


def _quoted(value: object) -> str:
    big = isinstance(value, int) and abs(value) > INTEGER_MAX  # printing it could take for ever
    plain = isinstance(value, str | int | float)
    text = "a number of many digits" if big else ascii(value if plain else str(value))
    return text if len(text) <= _QUOTED_MAX else f"{text[:_QUOTED_MAX]}..."


def _in_words(path: Path) -> str:
    """Return a path as people write it: criteria[3].limit."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return ascii(words.lstrip("."))[1:-1]
