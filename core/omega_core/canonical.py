"""JSON in the one form that Omega writes, and a reader that refuses what others let pass.

Writers emit RFC 8785 canonical JSON, so the same content always has the same digest. Readers take
the bytes as they are and never write them again; they refuse what two programs could read in two
ways: duplicate keys, non-finite numbers, numbers no JSON reader holds exactly, text that is not
UTF-8, and nesting that would exhaust a parser.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import rfc8785

from omega_core.facts import INTEGER_MAX
from omega_core.limits import JSON_DEPTH_MAX

_CONTAINERS = {dict, list}
_LARGEST = b"%d" % INTEGER_MAX
_ZEROS = b"0" * len(_LARGEST)
_EACH_DIGIT_0 = bytes.maketrans(b"123456789", b"0" * 9)
_WRITTEN_ALIKE = {*_CONTAINERS, str, int, bool, type(None)}


class NotPlainJsonError(ValueError):
    """The bytes are not JSON that every reader understands alike. Never quotes them."""


def canonical_bytes(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the RFC 8785 form; raises ValueError for what JSON can't hold exactly."""
    if not _is_written_alike(value):
        return rfc8785.dumps(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def digest_hex(data: bytes) -> str:
    """Return SHA-256 of exactly these bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def parse_plain(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value; raises NotPlainJsonError and nothing else, whatever the bytes."""
    try:
        value = _READER.decode(data.decode("utf-8"))
        # An escape may name half a surrogate pair, no character. One octet is found faster.
        if b"\\" in data and b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        _refuse_deep_and_large(value, data)
    except NotPlainJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotPlainJsonError(f"not JSON: {type(error).__name__}") from None
    return value


@dataclass(slots=True)
class _Contents:
    """What stands in a value, however deep: types, integers, keys, and how deep it is nested.

    Below the greatest depth that is allowed nothing is looked at.
    """

    types: set[type] = field(default_factory=set)
    integers: list[int] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    depth: int = 0

    @property
    def is_deep(self) -> bool:
        return self.depth > JSON_DEPTH_MAX

    @property
    def has_large(self) -> bool:
        """Whether an integer is 2^53 or larger, or minus that."""
        numbers = self.integers
        return bool(numbers) and (max(numbers) > INTEGER_MAX or min(numbers) < -INTEGER_MAX)


def _contents(value: object) -> _Contents:
    """Look through a value, level by level."""
    found = _Contents()
    level: list[Any] = [[value]]
    while level and not found.is_deep:
        deeper: list[Any] = []
        for container in level:
            inner = container
            if type(container) is dict:
                inner = container.values()
                found.keys += container
            types = set(map(type, inner))
            found.types |= types
            if int in types:
                is_all = len(types) == 1
                found.integers += inner if is_all else (x for x in inner if type(x) is int)
            if not types.isdisjoint(_CONTAINERS):
                deeper += [each for each in inner if type(each) in _CONTAINERS]
        found.depth += bool(deeper)
        level = deeper
    return found


def _is_written_alike(value: object) -> bool:
    """Say whether the standard library writes a value in the RFC 8785 form.

    Keys in ASCII have one order, whether by characters or, as the RFC has it, by UTF-16.
    """
    found = _contents(value)
    return (
        found.types <= _WRITTEN_ALIKE
        and not found.is_deep
        and not found.has_large
        and all(type(key) is str and key.isascii() for key in found.keys)
    )


def _refuse_deep_and_large(value: object, data: bytes) -> None:
    if _is_deep(value):
        raise NotPlainJsonError(f"nested deeper than {JSON_DEPTH_MAX}")
    # Only where such digits stand somewhere, if only in a text, all integers are looked at.
    if _shows_large(data) and _contents(value).has_large:
        raise NotPlainJsonError("an integer is 2^53 or larger")


def _shows_large(data: bytes) -> bool:
    """Say whether somewhere in a text there are digits of 2^53 or more."""
    as_zeros = data.translate(_EACH_DIGIT_0)
    at = as_zeros.find(_ZEROS)
    while at >= 0:
        end = at + len(_ZEROS)
        if data[at:end] > _LARGEST or as_zeros.startswith(b"0", end):
            return True
        at = as_zeros.find(_ZEROS, end)
    return False


def _is_deep(value: object) -> bool:
    """Say whether containers are nested deeper than is allowed; below that nothing is looked at."""
    level: list[Any] = [[value]]
    for _ in range(JSON_DEPTH_MAX + 1):
        deeper: list[Any] = []
        for container in level:
            inner = container.values() if type(container) is dict else container
            if not _CONTAINERS.isdisjoint(map(type, inner)):
                deeper += [each for each in inner if type(each) in _CONTAINERS]
        level = deeper
    return bool(level)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotPlainJsonError("a key stands twice in one object")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise NotPlainJsonError("a number is not finite")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise NotPlainJsonError("a number is not finite")
    return number


_READER = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_finite_float,
)
