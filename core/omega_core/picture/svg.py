"""A session as an SVG: rate over time above, delay over time below, one time axis for both.

Theory of operation. A pure function from evidence to text. The two panels share the time axis, so
that what the load does to the delay stands below the load. Lines are told apart by colour and by
dash (the colours are Okabe's and Ito's, which everybody can tell apart). There is no script, no
style sheet, no image and no font beyond a generic family: it may be opened and sent anywhere. What
is written in it is escaped, whoever it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from omega_core.evidence import Evidence
from omega_core.picture.series import RATES, Kind, Series, series_of
from omega_core.picture.words import Language, Words, words_in
from omega_core.units import PPM, US_PER_MS, US_PER_S

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT = 76, WIDTH - 20
_TICKS_MAX = 8
_TEXT, _GRID = "#222222", "#dddddd"


class _Look(NamedTuple):
    """How a line is drawn: two never share colour and dash within a panel."""

    colour: str
    dash: str


LOOKS: Final[dict[Kind, _Look]] = {
    Kind.RATE_DOWN: _Look("#0072b2", ""),
    Kind.RATE_UP: _Look("#d55e00", "7 3"),
    Kind.LOAD_DOWN: _Look("#56b4e9", "1 2"),
    Kind.LOAD_UP: _Look("#e69f00", "9 2 2 2"),
    Kind.IDLE: _Look("#009e73", "2 2"),
    Kind.WORKING_DOWN: _Look("#0072b2", ""),
    Kind.WORKING_UP: _Look("#d55e00", "7 3"),
}


class _Panel(NamedTuple):
    """A panel's place, its largest value, and how many base units its axis counts as one."""

    top: int
    bottom: int
    most: int
    step: int
    unit: int

    def y(self, value: int) -> float:
        """Return where a value stands."""
        return self.bottom - (self.bottom - self.top) * value / self.most


class _Time(NamedTuple):
    """The axis that both panels share."""

    most_us: int
    step_us: int

    def x(self, at_us: int) -> float:
        """Return where a time stands."""
        return LEFT + (RIGHT - LEFT) * at_us / self.most_us


def svg_of(evidence: Evidence, *, subtitle: str, language: Language) -> str:
    """Return the picture of a session; `subtitle` says which."""
    words = words_in(language)
    series = series_of(evidence)
    rates = [each for each in series if each.kind in RATES]
    delays = [each for each in series if each.kind not in RATES]
    latest_us = max((point.at_us for each in series for point in each.points), default=US_PER_S)
    time = _Time(*_axis(latest_us, US_PER_S))
    above = _Panel(86, 300, *_axis(_most(rates), PPM), PPM)
    below = _Panel(344, 540, *_axis(_most(delays), US_PER_MS), US_PER_MS)
    title, about = _clean(words.title), _clean(words.about)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" xml:lang="{language}" font-family="sans-serif" font-size="13" '
        f'fill="{_TEXT}" role="img">',
        f"<title>{title}</title>",
        f"<desc>{about}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 26, words.title, size=18),
        _text(LEFT, 46, subtitle),
        *_frame(above, time, words.rate, language),
        *_frame(below, time, words.delay, language),
        *_times(time, below.bottom, words.time, language),
        *_legend(rates, above.top - 10, words),
        *_legend(delays, below.top - 10, words),
        *(_line(each, above if each.kind in RATES else below, time) for each in series),
    ]
    if not series:
        lines.append(_text((LEFT + RIGHT) // 2, 200, words.nothing, anchor="middle"))
    return "\n".join([*lines, "</svg>", ""])


def _axis(most: int, unit: int) -> tuple[int, int]:
    """Return where an axis ends and the step of its ticks: 1, 2 or 5 of a power of ten."""
    most = max(most, unit // 10, 1)
    step, digits = 1, (1, 2, 5)
    power = 0
    while step * _TICKS_MAX < most:
        power += 1
        step = digits[power % 3] * 10 ** (power // 3)
    return -(-most // step) * step, step


def _most(series: Sequence[Series]) -> int:
    return max((point.value for each in series for point in each.points), default=0)


def _frame(panel: _Panel, time: _Time, label: str, language: Language) -> Iterator[str]:
    for value in range(0, panel.most + 1, panel.step):
        y = panel.y(value)
        yield f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="{_GRID}"/>'
        yield _text(LEFT - 8, y + 4, _number(value, panel.unit, language), anchor="end")
    for at_us in range(0, time.most_us + 1, time.step_us):
        x = time.x(at_us)
        yield f'<path d="M{x:.1f} {panel.top}V{panel.bottom}" stroke="{_GRID}"/>'
    yield (f'<path d="M{LEFT} {panel.top}V{panel.bottom}H{RIGHT}" fill="none" stroke="{_TEXT}"/>')
    middle = (panel.top + panel.bottom) // 2
    yield (
        f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">'
        f"{_clean(label)}</text>"
    )


def _times(time: _Time, bottom: int, label: str, language: Language) -> Iterator[str]:
    for at_us in range(0, time.most_us + 1, time.step_us):
        yield _text(time.x(at_us), bottom + 18, _number(at_us, US_PER_S, language), anchor="middle")
    yield _text((LEFT + RIGHT) // 2, bottom + 40, label, anchor="middle")


def _legend(series: Sequence[Series], y: int, words: Words) -> Iterator[str]:
    x = LEFT + 12
    for kind in dict.fromkeys(each.kind for each in series):
        look, name = LOOKS[kind], words.names[kind]
        yield f'<path d="M{x} {y - 4}h34" {_stroke(look)}/>'
        yield _text(x + 42, y, name)
        x += 62 + 8 * len(name)


def _line(series: Series, panel: _Panel, time: _Time) -> str:
    """Return a series as one path, a stretch of one point as a dot."""
    parts: list[str] = []
    for stretch in series.stretches:
        places = [f"{time.x(point.at_us):.1f} {panel.y(point.value):.1f}" for point in stretch]
        parts.append("M" + "L".join(places) + ("h0.1" if len(places) == 1 else ""))
    return f'<path class="{series.kind}" d="{"".join(parts)}" {_stroke(LOOKS[series.kind])}/>'


def _stroke(look: _Look) -> str:
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    return (
        f'fill="none" stroke="{look.colour}" stroke-width="1.6" stroke-linecap="round" '
        f'stroke-linejoin="round"{dash}'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int | None = None) -> str:
    large = "" if size is None else f' font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{large}>{_clean(text)}</text>'


def _clean(text: str) -> str:
    """Return the text as XML may hold it: escaped, and without what no XML can say."""
    return escape("".join(each if each.isprintable() else " " for each in text))


def _number(value: int, unit: int, language: Language) -> str:
    """Return a multiple of the axis' unit with as many decimals as it has."""
    whole, rest = divmod(value, unit)
    text = f"{whole}.{rest:0{len(str(unit)) - 1}}".rstrip("0").rstrip(".") if rest else f"{whole}"
    return text.replace(".", ",") if language == "fr" else text
