"""Where the header of a grid is, or that it is a form: grids become tables of headers and rows.

    rows     a line of headers, below titles and logos perhaps, and a sheet on each line under it
    form     a label in one cell and its value in the next; the whole grid is one sheet. Tables
             of one document that are forms are parts of the same form

Labels are told from values by the vocabulary, never by place or colour. In a header of two lines
(a merged cell above several) a blank cell takes the text above it. A grid in which neither is found
has no table, and is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from omega_core.limits import OLD_FILE_FORM_ROWS_MAX, OLD_FILE_HEADER_ROWS_MAX
from omega_server.old_files.grids import FileKind, Grid, GridRow, OldFile, column_letter

_LABELS_MIN = 2  # one word that is known may stand anywhere
_BETWEEN_MAX = 8  # blank cells that a merged label or a merged value leaves before its value

IsLabel = Callable[[str], bool]


class Shape(StrEnum):
    """How sheets stand in a table."""

    ROWS = "rows"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """The texts of one sheet, under their headers, and the place of each as people say it."""

    number: int
    cells: tuple[str, ...]
    places: tuple[str, ...]

    def cell(self, index: int) -> str:
        """Return the text under a header."""
        return self.cells[index] if index < len(self.cells) else ""

    def place(self, index: int) -> str:
        """Return where it stands: `C7`."""
        if index < len(self.places):
            return self.places[index]
        return f"{column_letter(index)}{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Headers and rows; `grid` is the name of the worksheet, or of the first table of a form."""

    grid: str
    shape: Shape
    headers: tuple[str, ...]
    header_row: int
    rows: tuple[TableRow, ...]
    day_zero: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """The tables of a file, and the grids in which none was found."""

    tables: tuple[Table, ...]
    without: tuple[str, ...]


def shaped(file: OldFile, is_label: IsLabel) -> Shaped:
    """Return what stands in a file."""
    is_label = cache(is_label)
    tables: list[Table] = []
    forms: list[Grid] = []
    without: list[str] = []
    for grid in file.grids:
        header = _header(grid, is_label)
        if header is not None:
            tables.append(_of_rows(grid, *header))
        elif len(list(_pairs(grid, is_label))) >= _LABELS_MIN:
            forms.append(grid)
        else:
            without.append(grid.name)
    groups = [forms] if file.kind is FileKind.DOCUMENT else [[form] for form in forms]
    tables += [_of_form(group, is_label) for group in groups if group]
    return Shaped(tables=tuple(tables), without=tuple(without))


def _header(grid: Grid, is_label: IsLabel) -> tuple[int, tuple[str, ...]] | None:
    """Return place and texts of the row with most labels, if it is a header and the grid no form.

    In a form most labels have their value beside them, and labels stand in most rows. In a header
    they stand side by side; or, where it has many words that nobody knows, all in one row.
    """
    labels_most, place = _LABELS_MIN - 1, None
    names: tuple[str, ...] = ()
    for at in range(min(len(grid.rows) - 1, OLD_FILE_HEADER_ROWS_MAX)):
        texts = _with_line_above(grid, at)
        labels = sum(map(is_label, texts))
        if labels > labels_most:
            labels_most, place, names = labels, at, texts
    if place is None:
        return None
    pairs = sum(1 for _ in _pairs_of(GridRow(0, names), is_label))
    if 2 * pairs <= labels_most and labels_most > sum(1 for _ in _pairs(grid, is_label)):
        return place, names
    rows = {row.cells for row in grid.rows[:OLD_FILE_FORM_ROWS_MAX]}
    labels_all = sum(is_label(cell) for cells in rows for cell in cells)
    is_followed_by_values = not any(map(is_label, grid.rows[place + 1].cells))
    if is_followed_by_values and 3 * labels_most > 2 * labels_all:
        return place, names
    return None


def _with_line_above(grid: Grid, place: int) -> tuple[str, ...]:
    """Return the texts of a row; where it is blank those above it, which belong to both lines."""
    row = grid.rows[place]
    above = grid.rows[place - 1] if place else GridRow(0, ())
    if above.number != row.number - 1 or sum(bool(cell.strip()) for cell in above.cells) < 2:
        return row.cells
    columns = range(max(len(row.cells), len(above.cells)))
    return tuple(row.cell(at) if row.cell(at).strip() else above.cell(at) for at in columns)


def _of_rows(grid: Grid, header: int, names: tuple[str, ...]) -> Table:
    row = grid.rows[header]
    rows = tuple(
        TableRow(number=each.number, cells=each.cells, places=())
        for each in grid.rows[header + 1 :]
        if each.cells != row.cells  # a header that is repeated on each printed page
    )
    return Table(
        grid=grid.name,
        shape=Shape.ROWS,
        headers=names,
        header_row=row.number,
        rows=rows,
        day_zero=grid.day_zero,
    )


def _of_form(grids: Sequence[Grid], is_label: IsLabel) -> Table:
    found = [
        (label, value, place if len(grids) == 1 else f"{grid.name}, {place}")
        for grid in grids
        for label, value, place in _pairs(grid, is_label)
    ]
    first = grids[0].rows[0].number
    row = TableRow(
        number=first,
        cells=tuple(value for _, value, _ in found),
        places=tuple(place for _, _, place in found),
    )
    return Table(
        grid=grids[0].name,
        shape=Shape.FORM,
        headers=tuple(label for label, _, _ in found),
        header_row=first,
        rows=(row,),
        day_zero=grids[0].day_zero,
    )


def _pairs(grid: Grid, is_label: IsLabel) -> Iterator[tuple[str, str, str]]:
    for row in grid.rows[:OLD_FILE_FORM_ROWS_MAX]:
        yield from _pairs_of(row, is_label)


def _pairs_of(row: GridRow, is_label: IsLabel) -> Iterator[tuple[str, str, str]]:
    """Yield label, value and the value's place for each pair of a row."""
    for index, cell in enumerate(row.cells):
        if not cell.strip():
            continue
        if is_label(cell):
            at = _value_of(row, index, is_label)
            if at is not None:
                yield cell, row.cells[at], f"{column_letter(at)}{row.number}"
            continue
        label, colon, value = cell.partition(":")
        if colon and value.strip() and is_label(label):
            yield label.strip(), value.strip(), f"{column_letter(index)}{row.number}"


def _value_of(row: GridRow, index: int, is_label: IsLabel) -> int | None:
    """Return where the value of a label stands; None where the next text is a label itself."""
    for at in range(index + 1, min(len(row.cells), index + 1 + _BETWEEN_MAX)):
        if row.cells[at].strip():
            return None if is_label(row.cells[at]) else at
    return None
