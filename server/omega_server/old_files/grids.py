"""What every kind of old file becomes first: texts in rows, each with its place.

A workbook has a grid for each worksheet, a document one for each table, a CSV file has one. Texts
are as people see them, apart from numbers and dates that the file itself holds as such: those are
`Typed`, in one form, so that nobody has to wonder about their comma or the order of day and month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from omega_core.errors import ExitCode, OmegaError


class UnreadableFileError(OmegaError):
    """A file can't be read as tables; the text says why, and never quotes what stands in it."""

    exit_code = ExitCode.USAGE

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.who_acts = f"back office: {remedy}"


class Typed(str):
    """A number with a decimal point, or an ISO date, that the file held as number or date."""

    __slots__ = ()


class FileKind(StrEnum):
    """What a file is, whatever its name ends in."""

    CSV = "csv"
    WORKBOOK = "xlsx"
    DOCUMENT = "docx"


@dataclass(frozen=True, slots=True)
class GridRow:
    """One row; `number` is the one that people see beside it, a CSV file's line."""

    number: int
    cells: tuple[str, ...]

    def cell(self, index: int) -> str:
        """Return the text of a column, empty beyond the row's end."""
        return self.cells[index] if index < len(self.cells) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The rows of one worksheet or table that hold anything.

    `name` is the worksheet's, or `table 2`, or empty. `day_zero` is the day that the numbers of
    days are counted from, None where the file does not say.
    """

    name: str
    rows: tuple[GridRow, ...]
    day_zero: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFile:
    """A file that was read. `digest` is SHA-256 of its bytes."""

    name: str
    digest: str
    kind: FileKind
    grids: tuple[Grid, ...]


def column_letter(index: int) -> str:
    """Return what people call a column, counted from 0: A ... Z, AA ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
