"""A line's days in a row: a square each, by what the day's measurements came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from omega_server.pages.charts import svg

_SIDE: Final = 14
_GAP: Final = 3
_ROW_DAYS: Final = 30
_SIGNS: Final = {"pass": "", "fail": "\N{MULTIPLICATION SIGN}", "inconclusive": "?"}


@dataclass(frozen=True, slots=True)
class Day:
    """What a day came to: a verdict, `none` where nothing was measured; `name` is its date."""

    name: str
    verdict: str


def strip(title: str, said: str, days: Sequence[Day]) -> Markup:
    """Return the days, oldest first, thirty in a row; a verdict has a sign besides its colour."""
    pitch = _SIDE + _GAP
    rows = -(-max(1, len(days)) // _ROW_DAYS)
    marks = []
    for place, day in enumerate(days):
        x, y = (place % _ROW_DAYS) * pitch + 1, (place // _ROW_DAYS) * pitch + 1
        square: dict[str, float | str] = {
            "x": x,
            "y": y,
            "width": _SIDE,
            "height": _SIDE,
            "class": f"day {day.verdict}",
        }
        marks.append(f"<g>{svg.mark('title', {}, day.name)}{svg.mark('rect', square)}")
        sign = _SIGNS.get(day.verdict, "")
        if sign:
            marks.append(svg.text(x + _SIDE / 2, y + _SIDE - 3, sign, "middle"))
        marks.append("</g>")
    width = min(len(days) or 1, _ROW_DAYS) * pitch + 2
    return svg.drawing(width, rows * pitch + 2, title, said, marks)
