"""Tables of a .docx file, by python-docx; tables inside of cells are tables of their own.

A cell that spans several columns or rows is one cell, at its first place; the others are empty.
Text outside of tables is not read: nobody can tell what it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import docx

from omega_core.limits import OLD_FILE_COLUMNS_MAX, OLD_FILE_GRIDS_MAX
from omega_server.old_files.grids import Grid, UnreadableFileError
from omega_server.old_files.row_limits import RowCounter

if TYPE_CHECKING:
    from docx.table import Table, _Cell, _Row

_NESTED_MAX = 4  # a table for the layout, one for a section, one in it, and one to spare


def read_document(data: bytes) -> tuple[Grid, ...]:
    """Return a grid for each table that holds anything; raises UnreadableFileError."""
    try:
        return tuple(_grids(data))
    except UnreadableFileError:
        raise
    except Exception as error:
        raise UnreadableFileError(
            f"a damaged document ({type(error).__name__})", "open it in Word and save it again"
        ) from error


def _grids(data: bytes) -> Iterator[Grid]:
    counter = RowCounter()
    tables = _all(docx.Document(BytesIO(data)).tables, depth=1)
    for number, table in enumerate(tables, start=1):
        if number > OLD_FILE_GRIDS_MAX:
            raise UnreadableFileError(
                f"more than {OLD_FILE_GRIDS_MAX} tables", "split it into several files"
            )
        grid = counter.grid(f"table {number}", enumerate(_texts(table), start=1))
        if grid.rows:
            yield grid


def _all(tables: Sequence[Table], depth: int) -> Iterator[Table]:
    """Yield tables with those in their cells, in the order of the text."""
    for table in tables:
        yield table
        if depth < _NESTED_MAX:
            for row in _rows(table):
                for cell in filter(None, row):
                    yield from _all(cell.tables, depth + 1)


def _texts(table: Table) -> Iterator[list[str]]:
    for row in _rows(table):
        yield ["" if cell is None else cell.text for cell in row]


def _rows(table: Table) -> Iterator[list[_Cell | None]]:
    """Yield the cells of each row, None where one of them goes on."""
    seen = set()  # python-docx gives a merged cell again at each place that it covers
    for number, row in enumerate(table.rows, start=1):
        _check_width(row, number)
        cells: list[_Cell | None] = [None] * row.grid_cols_before
        for cell in row.cells:
            element = cell._tc  # noqa: SLF001 - the only name of a cell that stays the same
            cells.append(None if element in seen else cell)
            seen.add(element)
        yield cells


def _check_width(row: _Row, number: int) -> None:
    """Refuse a row before it is unfolded: a cell says itself how many columns it spans."""
    spans = sum(cell.grid_span for cell in row._tr.tc_lst)  # noqa: SLF001 - as `row.cells` counts
    if row.grid_cols_before + spans > OLD_FILE_COLUMNS_MAX:
        raise UnreadableFileError(
            f"row {number} of a table has more than {OLD_FILE_COLUMNS_MAX} columns",
            "leave out the columns that are not of a sheet",
        )
