"""Aligned columns and colour for stdout: readable in a terminal, in a pipe and in a document.

Colour never carries meaning alone: each outcome has its word and its sign. It is used on a terminal
only, and not where NO_COLOR is set.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from omega_core.verdict import Outcome, Verdict

_RESET = "\x1b[0m"
_GREEN, _RED, _YELLOW = "\x1b[32m", "\x1b[31m", "\x1b[33m"
_GAP = "  "

SIGN: Final[Mapping[Outcome | Verdict, str]] = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.INCONCLUSIVE: "?",
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.INVALID: "!",
}
_COLOUR: Final[Mapping[str, str]] = {"✓": _GREEN, "✗": _RED, "?": _YELLOW, "!": _YELLOW}


def table(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Return rows as lines of aligned columns; the columns of `right` end together."""
    cells = [tuple(row) for row in rows]
    if not cells:
        return []
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        _GAP.join(
            _padded(cell, width, to_the_right=index in right)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def coloured(line: str, sign: str, *, colour: bool) -> str:
    """Return the line in the colour of its sign, where colour is wanted."""
    return f"{_COLOUR[sign]}{line}{_RESET}" if colour else line


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether a stream should get colour: a terminal, and nobody said no."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _padded(text: str, width: int, *, to_the_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if to_the_right else text + blanks


def _width(text: str) -> int:
    """Return how many cells of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
