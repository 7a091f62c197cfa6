from __future__ import annotations

import io

import pytest

from omega_agent.tables import coloured, table, wants_colour


def test_columns_are_aligned() -> None:
    rows = [("quantity", "value"), ("délai", "9 ms"), ("débit", "94.1 Mbit/s")]
    assert table(rows, right=frozenset({1})) == [
        "quantity        value",
        "délai            9 ms",
        "débit     94.1 Mbit/s",
    ]


def test_no_blanks_at_the_end_of_a_line() -> None:
    assert table([("a", ""), ("bbb", "c")]) == ["a", "bbb  c"]


def test_no_rows_are_no_lines() -> None:
    assert table([]) == []


@pytest.mark.parametrize(
    ("first", "cells"),
    [
        pytest.param("é", 1, id="one character"),
        pytest.param("e\u0301", 1, id="a letter and its accent"),
        pytest.param("\u8868", 2, id="a wide character"),
    ],
)
def test_aligned_by_what_the_eye_sees(first: str, cells: int) -> None:
    lines = table([(first, "|"), ("abc", "|")])
    assert lines == [f"{first}{' ' * (5 - cells)}|", "abc  |"]


def test_colour_is_never_there_unless_wanted() -> None:
    assert coloured("✓ kept", "✓", colour=False) == "✓ kept"
    assert coloured("✗ open", "✗", colour=True) == "\x1b[31m✗ open\x1b[0m"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        pytest.param(Terminal(), {}, True, id="a terminal"),
        pytest.param(io.StringIO(), {}, False, id="a pipe"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="somebody said no"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="a terminal that can't"),
    ],
)
def test_colour_is_for_terminals(
    stream: io.StringIO, environ: dict[str, str], *, wanted: bool
) -> None:
    assert wants_colour(stream, environ) is wanted
