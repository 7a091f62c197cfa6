"""Sheets given out as a workbook: every cell is text, so nothing is run, rounded or turned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell


def workbook(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return an .xlsx file with one worksheet."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("sheets")
    sheet.freeze_panes = "A2"
    for row in (header, *rows):
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, value=text or None)
            cell.number_format = "@"
            if text:
                cell.data_type = "s"  # also where it begins like a formula
            cells.append(cell)
        sheet.append(cells)
    written = BytesIO()
    book.save(written)
    return written.getvalue()
