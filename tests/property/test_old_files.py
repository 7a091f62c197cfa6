"""Whatever stands in a cell: it is harmless outside, comes back as it was, and nothing breaks."""

from __future__ import annotations

import contextlib
import csv
from datetime import date
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from omega_server.old_files.asked import Asked
from omega_server.old_files.grids import UnreadableFileError
from omega_server.old_files.harmless import harmless, restored
from omega_server.old_files.mapping import OwnMapping, is_known, parse_mapping
from omega_server.old_files.reading import read_file
from omega_server.old_files.separated_out import separated
from omega_server.old_files.shapes import shaped
from omega_server.old_files.values import read_value
from omega_server.old_files.vocabulary import vocabulary
from omega_server.old_files.workbook_out import workbook

WORDS = vocabulary()
TODAY = date(2026, 11, 23)
LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Co", "Cn"), max_codepoint=0x1FFFF)
CELLS = st.one_of(
    st.text(LETTERS, max_size=12),
    st.text("=+-@'\",;0123456789.E \u00a0", max_size=8),
    st.sampled_from(["=1+1", "'=1", "''", "-67.5", "+33", "@x", "\u202ea", "=cmd|' /C calc'!A0"]),
)
RUNS = ("=", "+", "@", "\t", "\r", "\uff1d")


@given(st.text(max_size=20))
def test_reading_is_the_inverse_of_giving_out(text: str) -> None:
    assert restored(harmless(text)) == text
    assert not harmless(text).startswith(RUNS)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_csv_file_comes_back_as_it_was(rows: list[list[str]]) -> None:
    data = separated(("a", "b", "c"), rows)
    for cells in csv.reader(StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"):
        assert not any(cell.startswith(RUNS) for cell in cells)
    grid = read_file("f", data).grids[0]
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [[row.cell(at) for at in range(3)] for row in grid.rows[1:]] == [
        _without_blank_end(row) for row in kept
    ]


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=3))
def test_a_workbook_comes_back_as_it_was(rows: list[list[str]]) -> None:
    grid = read_file("f", workbook(("a", "b", "c"), rows)).grids[0]
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [[row.cell(at) for at in range(3)] for row in grid.rows[1:]] == [
        _without_blank_end(row) for row in kept
    ]


@given(st.sampled_from(sorted(WORDS.fields)), CELLS | st.dates().map(str), st.booleans())
def test_the_form_that_is_kept_reads_as_itself(name: str, text: str, is_ours: bool) -> None:  # noqa: FBT001 - as hypothesis gives it
    field = WORDS.fields[name]
    first = read_value(text, field, Asked(today=TODAY, is_ours=is_ours, plan=str))
    if first is None or first.value is None:
        return
    again = read_value(first.value, field, Asked(today=TODAY, is_ours=True, plan=str))
    assert again is not None
    assert again.value == first.value
    assert again.code is None or again.code == first.code


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_sentence(data: bytes) -> None:
    with contextlib.suppress(UnreadableFileError):
        shaped(read_file("f", data), lambda text: is_known(text, WORDS, OwnMapping()))


@given(st.text(max_size=60))
def test_any_header_is_taken(text: str) -> None:
    is_known(text, WORDS, OwnMapping())


def _without_blank_end(row: list[str]) -> list[str]:
    end = max((at + 1 for at, cell in enumerate(row) if cell.strip()), default=0)
    return row[:end] + [""] * (len(row) - end)


def test_an_empty_mapping_is_one() -> None:
    assert parse_mapping(b"", "f", WORDS) == OwnMapping()
