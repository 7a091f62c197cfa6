from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.facts import INTEGER_MAX
from support.json_values import JSON_VALUES

_ANY_VALUES = st.recursive(
    JSON_VALUES | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)
"""Also what JSON can't hold, and keys of every script, which two orders sort in two ways."""


@given(JSON_VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    written = canonical_bytes(value)
    assert parse_plain(written) == value
    assert canonical_bytes(parse_plain(written)) == written


@given(JSON_VALUES)
def test_layout_and_escapes_do_not_change_the_value(value: object) -> None:
    spread = json.dumps(value, indent=3, ensure_ascii=True).encode()
    assert canonical_bytes(parse_plain(spread)) == canonical_bytes(value)


@given(_ANY_VALUES)
def test_every_value_is_written_as_the_reference_writes_it(value: Any) -> None:  # noqa: ANN401
    try:
        expected = rfc8785.dumps(value)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            canonical_bytes(value)
    else:
        assert canonical_bytes(value) == expected


@given(st.lists(st.integers(-(2**54), 2**54) | st.none() | st.lists(st.integers())))
def test_an_integer_out_of_range_is_found_wherever_it_stands(value: list[object]) -> None:
    data = json.dumps({"a": value}).encode()
    if all(abs(number) <= INTEGER_MAX for number in _integers_in(value)):
        assert parse_plain(data) == {"a": value}
    else:
        with pytest.raises(NotPlainJsonError):
            parse_plain(data)


def _integers_in(value: object) -> list[int]:
    """Return every integer, one by one: the definition."""
    if isinstance(value, list):
        return [number for each in value for number in _integers_in(each)]
    return [value] if isinstance(value, int) else []


@given(st.binary())
def test_any_bytes_are_a_value_or_not_plain_json(data: bytes) -> None:
    with contextlib.suppress(NotPlainJsonError):
        parse_plain(data)


@given(st.text(alphabet='{}[]",:0123456789.eE+-\\u \x00ntruefalsl\ud800é', max_size=40))
def test_near_json_is_a_value_or_not_plain_json(text: str) -> None:
    with contextlib.suppress(NotPlainJsonError):
        parse_plain(text.encode("utf-8", "surrogatepass"))


@given(st.integers())
def test_integers_are_exact_or_refused(number: int) -> None:
    data = str(number).encode()
    if abs(number) <= INTEGER_MAX:
        assert parse_plain(data) == number
    else:
        with pytest.raises(NotPlainJsonError):
            parse_plain(data)
