"""How a metric is spread over lines: bars by value, and where the promise stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from omega_server.pages.charts import svg

_WIDTH: Final = 640
_HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 616, 16, 204


@dataclass(frozen=True, slots=True)
class Bar:
    """So many lines have a value from `low` to below `high`, in the unit that is drawn."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is drawn; `promise` is the plan's limit, `is_least` whether more is better."""

    title: str
    said: str
    unit: str
    bars: Sequence[Bar]
    promise: float | None = None
    is_least: bool = True


def drawn(spread: Spread) -> Markup:
    """Return the bars; those wholly on the wrong side of the promise have another look."""
    values = [edge for bar in spread.bars for edge in (bar.low, bar.high)]
    values += [] if spread.promise is None else [spread.promise]
    across = svg.ticks(min(values, default=0.0), max(values, default=1.0), 6)
    upward = svg.ticks(0, max((bar.count for bar in spread.bars), default=1), 4)

    def x(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (value - across[0]) / (across[-1] - across[0])

    def y(lines: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * lines / upward[-1]

    marks = []
    for each in upward:
        marks.append(svg.line(_LEFT, y(each), _RIGHT, y(each), "grid"))
        marks.append(svg.text(_LEFT - 6, y(each) + 4, f"{each:g}", "end"))
    for bar in spread.bars:
        shape = {
            "x": x(bar.low) + 0.5,
            "y": y(bar.count),
            "width": max(1.0, x(bar.high) - x(bar.low) - 1),
            "height": _BOTTOM - y(bar.count),
            "class": "bar short" if _is_short(bar, spread) else "bar",
        }
        marks.append(svg.mark("rect", shape))
    marks.append(svg.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis"))
    marks += [svg.text(x(each), _BOTTOM + 16, f"{each:g}", "middle") for each in across]
    marks.append(svg.text(_RIGHT, _HEIGHT - 4, spread.unit, "end"))
    if spread.promise is not None:
        marks.append(svg.line(x(spread.promise), _TOP, x(spread.promise), _BOTTOM, "promise"))
    return svg.drawing(_WIDTH, _HEIGHT, spread.title, spread.said, marks)


def _is_short(bar: Bar, spread: Spread) -> bool:
    if spread.promise is None:
        return False
    return bar.high <= spread.promise if spread.is_least else bar.low >= spread.promise
