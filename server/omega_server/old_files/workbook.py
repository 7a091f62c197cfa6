"""Worksheets of an .xlsx file, by openpyxl: the values that were shown when it was saved.

Rows are streamed, so a large sheet is never held as cells. Hidden sheets are read like others:
that nobody sees them does not make them untrue. A formula that no program has ever computed has no
value, and its cell is empty.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

import openpyxl

from omega_core.limits import OLD_FILE_COLUMNS_MAX, OLD_FILE_GRIDS_MAX
from omega_server.old_files.grids import Grid, Typed, UnreadableFileError
from omega_server.old_files.row_limits import RowCounter

_EXACT_INTEGERS = 10**15  # a workbook keeps fifteen digits of a number, and zeros after them


def read_workbook(data: bytes) -> tuple[Grid, ...]:
    """Return a grid for each worksheet that holds anything; raises UnreadableFileError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and menus that it does not carry over
            return tuple(_grids(data))
    except UnreadableFileError:
        raise
    except Exception as error:
        raise UnreadableFileError(
            f"a damaged workbook ({type(error).__name__})", "open it in Excel and save it again"
        ) from error


def _grids(data: bytes) -> Iterator[Grid]:
    book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        if len(book.worksheets) > OLD_FILE_GRIDS_MAX:
            raise UnreadableFileError(
                f"more than {OLD_FILE_GRIDS_MAX} worksheets", "split it into several files"
            )
        counter = RowCounter()
        for sheet in book.worksheets:
            grid = counter.grid(sheet.title, _rows(sheet), book.epoch.date())
            if grid.rows:
                yield grid
    finally:
        book.close()


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[str]]]:  # noqa: ANN401 - it has no types
    sheet.reset_dimensions()  # what a sheet says of its own size is a claim
    rows = sheet.iter_rows(max_col=OLD_FILE_COLUMNS_MAX + 1, values_only=True)
    for number, values in enumerate(rows, start=1):
        yield number, [_text(value) for value in values]


def _text(value: object) -> str:
    """Return the one text of a value that openpyxl can give."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case int() | float():
            return _number(value)
        case datetime() if value.time() == time():
            return Typed(value.date().isoformat())
        case datetime() | date() | time():
            return Typed(value.isoformat())
        case timedelta():
            return Typed(str(value))
        case _:
            return str(value)


def _number(value: float) -> str:
    """Return a number that is exact; one that Excel has rounded in the form that shows it."""
    if abs(value) >= _EXACT_INTEGERS:
        return f"{value:.6E}"
    if value == int(value):
        return Typed(int(value))
    return Typed(repr(value)) if "e" not in repr(value) else Typed(f"{value:.15f}".rstrip("0"))
