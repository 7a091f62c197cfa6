"""CSV as people have it: some encoding, some separator, perhaps a title above the header.

    encoding    a byte order mark says it; else UTF-8 if it is that throughout, else CP1252
    separator   what `sep=` on the first line says; else the one that cuts most rows, most alike

An apostrophe before a character that a spreadsheet would take for a formula is ours, from an
export (`separated_out`), and is taken away again.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from omega_server.old_files.grids import Grid, UnreadableFileError
from omega_server.old_files.harmless import restored
from omega_server.old_files.row_limits import RowCounter

_SEPARATORS = ";\t,|"
_SAMPLE_ROWS = 100
_SAVE_AS_UTF8 = "save it as CSV in UTF-8"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_separated(data: bytes) -> tuple[Grid, ...]:
    """Return the one grid of a CSV file; raises UnreadableFileError for what is no text."""
    text = _text(data)
    separator, text, lines_before = _separator(text)
    rows = (
        (number + lines_before, [restored(cell) for cell in cells])
        for number, cells in _records(text, separator)
    )
    return (RowCounter().grid("", rows),)


def _text(data: bytes) -> str:
    text = _decoded(data)
    if "\0" in text:
        raise UnreadableFileError("no text, and no kind of file that is known", _SAVE_AS_UTF8)
    return text


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(data, "cp1252")


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"not text in {encoding.upper()}", _SAVE_AS_UTF8) from error


def _separator(text: str) -> tuple[str, str, int]:
    """Return the separator, the text to read, and how many lines stood before it."""
    first, _, rest = text.partition("\n")
    said = first.strip().removeprefix('"').removesuffix('"')
    if said.lower().startswith("sep=") and len(said) == len("sep=") + 1:
        return said[-1], rest, 1
    if first.strip("\r").lower() == "sep=\t":
        return "\t", rest, 1
    return max(_SEPARATORS, key=lambda each: _cut(text, each)), text, 0


def _cut(text: str, separator: str) -> tuple[int, int]:
    """Return how many rows a separator cuts, and how much alike: rows of one width by its cuts.

    A comma in addresses cuts many rows, but not the header.
    """
    try:
        records = [cells for _, cells in islice(_records(text, separator), _SAMPLE_ROWS)]
    except UnreadableFileError:  # quotation marks are amiss: which separator, can be seen anyway
        records = [line.split(separator) for line in islice(StringIO(text), _SAMPLE_ROWS)]
    widths = Counter(map(len, records))
    cut = sum(rows for width, rows in widths.items() if width > 1)
    return cut, max((rows * (width - 1) for width, rows in widths.items()), default=0)


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of the line it begins on."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFileError(
            f"the record that begins on line {begins} does not end properly",
            "look for a quotation mark that is not closed, or not doubled",
        ) from error
