from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.facts import INTEGER_MAX
from support.json_values import JSON_VALUES


@given(JSON_VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    written = canonical_bytes(value)
    assert parse_plain(written) == value
    assert canonical_bytes(parse_plain(written)) == written


@given(JSON_VALUES)
def test_layout_and_escapes_do_not_change_the_value(value: object) -> None:
    spread = json.dumps(value, indent=3, ensure_ascii=True).encode()
    assert canonical_bytes(parse_plain(spread)) == canonical_bytes(value)


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
