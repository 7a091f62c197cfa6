"""JSON in the one form that Omega writes, and a reader that refuses what others let pass.

Writers emit RFC 8785 canonical JSON, so the same content always has the same digest. Readers take
the bytes as they are and never write them again; they refuse what two programs could read in two
ways: duplicate keys, non-finite numbers, numbers no JSON reader holds exactly, text that is not
UTF-8, and nesting that would exhaust a parser.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NoReturn

import rfc8785

from omega_core.facts import INTEGER_MAX
from omega_core.limits import JSON_DEPTH_MAX


class NotPlainJsonError(ValueError):
    """The bytes are not JSON that every reader understands alike. Never quotes them."""


def canonical_bytes(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the RFC 8785 form; raises ValueError for what JSON can't hold exactly."""
    return rfc8785.dumps(value)


def digest_hex(data: bytes) -> str:
    """Return SHA-256 of exactly these bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def parse_plain(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value; raises NotPlainJsonError and nothing else, whatever the bytes."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_refuse_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_bounded_integer,
            parse_float=_finite_float,
        )
        if b"\\u" in data:  # an escape may name half a surrogate pair, which is no character
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        _refuse_deep(value)
    except NotPlainJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotPlainJsonError(f"not JSON: {type(error).__name__}") from None
    return value


def _refuse_deep(value: object, depth: int = 1) -> None:
    """Walk the containers only: what a record holds most of is numbers."""
    if depth > JSON_DEPTH_MAX:
        raise NotPlainJsonError(f"nested deeper than {JSON_DEPTH_MAX}")
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, Iterable) and not isinstance(inner, str):
        for each in inner:
            if isinstance(each, dict | list):
                _refuse_deep(each, depth + 1)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotPlainJsonError("a key stands twice in one object")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise NotPlainJsonError("a number is not finite")


def _bounded_integer(digits: str) -> int:
    if len(digits) > 17 or abs(number := int(digits)) > INTEGER_MAX:
        raise NotPlainJsonError("an integer is 2^53 or larger")
    return number


def _finite_float(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise NotPlainJsonError("a number is not finite")
    return number
