"""What a browser sends of a form."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_server.pages.forms import FIELDS_MAX, VALUE_CHARS_MAX, fields_of
from omega_server.refusals import Code, RefusalError

VALUES = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=50)


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=8), VALUES, max_size=20))
def test_what_was_typed_is_read(typed: dict[str, str]) -> None:
    found = fields_of(urlencode(typed).encode())
    assert found == {name: text.strip() for name, text in typed.items() if text.strip()}


def test_line_ends_of_browsers_are_as_everywhere() -> None:
    assert fields_of(b"text=one%0D%0Atwo%0D%0A") == {"text": "one\ntwo"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a=%FF%FE", id="no text"),
        pytest.param("a=\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), id="not encoded"),
        pytest.param(b"a=%00", id="an end in the middle"),
        pytest.param(b"&".join([b"a=1"] * (FIELDS_MAX + 1)), id="too many fields"),
        pytest.param(b"a=" + b"x" * (VALUE_CHARS_MAX + 1), id="too long"),
    ],
)
def test_what_no_form_of_ours_sends_is_refused(body: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        fields_of(body)
    assert refused.value.code == Code.SCHEMA_INVALID


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused(body: bytes) -> None:
    codes = []
    try:
        fields_of(body)
    except RefusalError as error:
        codes.append(error.code)
    assert codes in ([], [Code.SCHEMA_INVALID])
