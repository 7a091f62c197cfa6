"""Cells that a spreadsheet would run: marked when they are given out, restored when read.

A CSV file has no types: a program that opens it takes a cell that begins like a formula for one,
and a formula can send what stands beside it away. An apostrophe before it makes it text. A cell
that begins with an apostrophe before one of these gets one more, so that reading is the inverse of
giving out, whatever stood in the cell. A plain negative number stays a number; one with a plus does
not, for it is mostly a telephone number, and a spreadsheet would save it without.
"""

from __future__ import annotations

import re

_APOSTROPHE = "'"
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKED = tuple(_APOSTROPHE + each for each in (*_RUNS, _APOSTROPHE))
_PLAIN_NUMBER = re.compile(r"-[0-9]{1,15}([.,][0-9]{1,15})?")


def harmless(text: str) -> str:
    """Return the text as it may stand in a cell of a CSV file."""
    if text.startswith(_APOSTROPHE) or (
        text.startswith(_RUNS) and _PLAIN_NUMBER.fullmatch(text) is None
    ):
        return _APOSTROPHE + text
    return text


def restored(text: str) -> str:
    """Return what was given to `harmless`."""
    return text[1:] if text.startswith(_MARKED) else text
