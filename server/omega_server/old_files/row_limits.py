"""One place where rows become a grid: blank ones go, and whatever is too much is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from omega_core.limits import (
    OLD_FILE_BLANK_ROWS_MAX,
    OLD_FILE_CELL_CHARS_MAX,
    OLD_FILE_COLUMNS_MAX,
    OLD_FILE_ROWS_MAX,
)
from omega_server.old_files.grids import Grid, GridRow, UnreadableFileError, column_letter

_SPLIT = "split it into several files"


class RowCounter:
    """Counts the rows of one file over all its grids."""

    def __init__(self) -> None:
        self._rows = 0

    def grid(
        self,
        name: str,
        rows: Iterable[tuple[int, Sequence[str]]],
        day_zero: date | None = None,
    ) -> Grid:
        """Return the rows that hold anything, without what is blank at their ends.

        Raises UnreadableFileError beyond a limit, and has then read no further.
        """
        kept: list[GridRow] = []
        blank = 0
        for number, cells in rows:
            filled = _filled(cells, number)
            if not filled:
                blank += 1
                if blank > OLD_FILE_BLANK_ROWS_MAX:
                    break
                continue
            blank = 0
            self._rows += 1
            if self._rows > OLD_FILE_ROWS_MAX:
                raise UnreadableFileError(f"more than {OLD_FILE_ROWS_MAX} rows", _SPLIT)
            kept.append(GridRow(number, filled))
        return Grid(name=name, rows=tuple(kept), day_zero=day_zero)


def _filled(cells: Sequence[str], number: int) -> tuple[str, ...]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    if end > OLD_FILE_COLUMNS_MAX:
        raise UnreadableFileError(
            f"row {number} has more than {OLD_FILE_COLUMNS_MAX} columns",
            "leave out the columns that are not of a sheet",
        )
    for index in range(end):
        if len(cells[index]) > OLD_FILE_CELL_CHARS_MAX:
            raise UnreadableFileError(
                f"row {number}, column {column_letter(index)} is longer than "
                f"{OLD_FILE_CELL_CHARS_MAX} characters",
                "shorten it; in a CSV file look for a quotation mark that is never closed",
            )
    return tuple(cells[:end])
