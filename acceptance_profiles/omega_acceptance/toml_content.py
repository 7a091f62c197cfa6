"""From a TOML file, or from JSON, to a strict model; and the one form in which a mistake is told.

Acceptance profiles and regulators' rules are files that people write. Whatever is wrong with one is
one sentence with file, line, figure and remedy. It quotes what stands in the file (its author reads
it), shortened and on one line. Where several things are wrong the one nearest to the top is shown.
A `Form` says what a kind of file holds; types and ranges stand in its model, how fields must fit
each other in its `mistakes`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any, Generic

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omega_acceptance.errors import ContentMistakeError
from omega_acceptance.toml_lines import Path, key_lines, line_of
from omega_core.facts import INTEGER_MAX
from omega_core.limits import JSON_DEPTH_MAX
from omega_core.models import ModelT

_QUOTED_MAX = 60
_DOTS_OF_A_LINE_MAX = 200  # a key has at most three, a remark a few more
_UNION_TAGS = {"figure", "share"}
_REMEDY = {
    "extra_forbidden": "remove it or correct its spelling; nothing unknown is ever ignored",
    "literal_error": "write one of the words it may be",
    "enum": "write one of the words it may be",
    "int_type": "write a whole number, without quotes or decimals",
    "string_type": "write text in quotes",
    "bool_type": "write true or false",
    "date_from_datetime_parsing": "write a day like 2026-11-01, without quotes",
    "value_error": "write a day like 2026-11-01, without quotes",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that can't be meant, where it stands, and what to do about it."""

    path: Path
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[ModelT]):
    """A kind of file: what it is called, what it holds, what is checked, and how it is refused.

    `mistakes` yields what can't be meant in a model whose fields are each in order.
    """

    noun: str
    model: type[ModelT]
    mistakes: Callable[[ModelT], Iterable[Mistake]]
    error: type[ContentMistakeError]
    bytes_max: int
    described_in: str

    def refused(
        self, source: str, line: int | None, place: str, what: str, remedy: str
    ) -> ContentMistakeError:
        """Return the error that says so."""
        return self.error(source=source, line=line, place=place, what=what, remedy=remedy)


def parse_toml(form: Form[ModelT], toml: bytes, source: str) -> ModelT:
    """Return what stands in these bytes of a TOML file; `source` is what the file is called.

    Raises the form's error, and nothing else, whatever the bytes.
    """
    if len(toml) > form.bytes_max:
        what = f"{len(toml)} bytes are more than the {form.bytes_max} a {form.noun} may have"
        remedy = f"is this the right file? one {form.noun} is a few KiB"
        raise form.refused(source, None, "", what, remedy)
    _refuse_deep_keys(form, toml, source)
    try:
        # As TOML 1.0 has it, and as tomllib does when it opens the file itself.
        text = toml.decode("utf-8").replace("\r\n", "\n")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = toml.count(b"\n", 0, error.start) + 1
        raise form.refused(source, line, "", "not UTF-8 text", "save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise _syntax_error(form, source, str(error)) from None
    reader = _Reader(form, source, text)
    return reader.model(reader.plain(content, ()))


def read_content(form: Form[ModelT], content: dict[str, Any]) -> ModelT:
    """Return what a JSON object holds that came from elsewhere; raises the form's error only."""
    reader = _Reader(form, f"the {form.noun} that was received", None)
    return reader.model(reader.plain(content, ()))


class _Reader(Generic[ModelT]):
    """From plain values to a model; knows where the values came from."""

    def __init__(self, form: Form[ModelT], source: str, text: str | None) -> None:
        self._form = form
        self._source = source
        self._text = text

    def model(self, content: dict[str, Any]) -> ModelT:
        try:
            model = self._form.model.model_validate_json(json.dumps(content))
        except ValidationError as error:
            found = [_mistake(each, self._form.described_in) for each in error.errors()]
            raise self._first(found) from None
        if found := [*self._form.mistakes(model)]:
            raise self._first(found)
        return model

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
                what = f"{_quoted(value)} has no place in a {self._form.noun}"
                raise self._first([Mistake(path, what, "write a day or a whole number")])

    def _first(self, found: Sequence[Mistake]) -> ContentMistakeError:
        lines = {} if self._text is None else key_lines(self._text)
        numbered = [(line_of(lines, each.path), each) for each in found]
        # What stands in the file comes before what is missing from it: a key that is misspelt is
        # both, and its line is where the author must look.
        line, mistake = min(numbered, key=lambda pair: (pair[0] is None, pair[0]))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        place = _in_words(mistake.path)
        what = mistake.what + more
        return self._form.refused(self._source, line, place, what, mistake.remedy)


def _refuse_deep_keys(form: Form[ModelT], toml: bytes, source: str) -> None:
    """Refuse a.b.c... of thousands of parts: tomllib takes space for the square of their number."""
    for number, line in enumerate(toml.split(b"\n"), start=1):
        if line.count(b".") > _DOTS_OF_A_LINE_MAX:
            what = f"{line.count(b'.')} dots on one line"
            raise form.refused(source, number, "", what, "is this the right file?")


def _syntax_error(form: Form[ModelT], source: str, text: str) -> ContentMistakeError:
    """Return the error of tomllib's message, which ends with (at line 3, column 7)."""
    what, _, place = text.partition(" (at line ")
    digits = place.partition(",")[0]
    line = int(digits) if digits.isdigit() else None
    return form.refused(source, line, "", f"not TOML: {what}", "correct the line")


def _mistake(error: ErrorDetails, described_in: str) -> Mistake:
    """Return a fault that pydantic found, in our words and with the figure that stood there."""
    kind = error["type"]
    path: Path = tuple(part for part in error["loc"] if part not in _UNION_TAGS)
    if path and path[-1] == "schema" and kind == "literal_error":
        what = f"schema {_quoted(error['input'])} is not known to this program"
        return Mistake(path, what, "schema = 1 is the one it knows; newer files need a newer Omega")
    if kind == "missing":
        remedy = f"add it; {described_in} describes every key"
        return Mistake(path, "the key is missing", remedy)
    if kind == "extra_forbidden":
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
