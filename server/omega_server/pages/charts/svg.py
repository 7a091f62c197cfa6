"""The few marks that charts are made of, escaped whoever wrote what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import count
from math import ceil, floor, log10
from typing import Final

from markupsafe import Markup

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_numbers = count(1)


def drawing(width: int, height: int, title: str, said: str, marks: Iterable[str]) -> Markup:
    """Return a drawing; `said` is what somebody hears who does not see it."""
    number = next(_numbers)
    names = f"chart-{number}-title chart-{number}-said"
    head = (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' role="img" aria-labelledby="{names}">'
        f'<title id="chart-{number}-title">{escape(title)}</title>'
        f'<desc id="chart-{number}-said">{escape(said)}</desc>'
    )
    return Markup(head + "".join(marks) + "</svg>")  # noqa: S704 - each part is escaped


def mark(name: str, attributes: Mapping[str, float | str], text: str | None = None) -> str:
    """Return one element; numbers are written with a tenth of a unit."""
    said = " ".join(f'{key}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name} {said}/>" if text is None else f"<{name} {said}>{escape(text)}</{name}>"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return mark("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def text(x: float, y: float, said: str, anchor: str = "start") -> str:
    """Return a text."""
    return mark("text", {"x": x, "y": y, "text-anchor": anchor}, said)


def ticks(least: float, most: float, wanted: int = 5) -> list[float]:
    """Return round values from the last one below `least` to the first one above `most`."""
    # A span of nothing is as wide as the figures are large, or steps would be lost in rounding.
    span = max(most - least, 1e-6 * max(abs(least), abs(most), 1.0))
    rough = span / max(1, wanted)
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * 0.999)
    first, last = floor(least / step), ceil(most / step)
    return [each * step for each in range(first, max(last, first + 1) + 1)]


def _value(value: float | str) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
