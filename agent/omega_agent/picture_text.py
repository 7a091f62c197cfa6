"""A session as a few lines of blocks for a terminal: rates and delay over one time axis.

    TCP down  ▁▅█████▇                         19.3 Mbit/s
    TCP up                 ▂▆███               4.9 Mbit/s
    delay     ▁▁▁▁▃▅▇█▂    ▄▆███               495 ms

A column is a span of time; its block is the mean of a rate in it, or the largest delay, as a part
of the row's own largest, which stands at the end. A column without a measurement is blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omega_acceptance.figures import figure
from omega_agent.tables import table
from omega_agent.texts import Speaker
from omega_core.evidence import Evidence
from omega_core.metrics import Unit
from omega_core.picture.series import RATES, Kind, Series, series_of
from omega_core.picture.words import words_in
from omega_core.units import US_PER_S

COLUMNS: Final = 50
BLOCKS: Final = "▁▂▃▄▅▆▇█"


def text_of(evidence: Evidence, speaker: Speaker) -> list[str]:
    """Return the picture, a line each; nothing where nothing was measured over time."""
    series = series_of(evidence)
    latest_us = max((point.at_us for each in series for point in each.points), default=0)
    if not latest_us:
        return []
    names = words_in(speaker.language).names
    of_rate = [
        (names[kind], [each for each in series if each.kind is kind])
        for kind in (Kind.LOAD_DOWN, Kind.LOAD_UP, Kind.RATE_DOWN, Kind.RATE_UP)
    ]
    delays = [each for each in series if each.kind not in RATES]
    rows: list[tuple[str, str, str]] = []
    for name, those in of_rate:
        rows += _row(name, those, latest_us, "bps", speaker)
    rows += _row(speaker.say("plot_delay_row"), delays, latest_us, "us", speaker)
    seconds = f"{-(-latest_us // US_PER_S)} s"
    rows.append(("", f"0{seconds:>{COLUMNS - 1}}", ""))
    return table(rows)


def _row(
    name: str, series: Sequence[Series], latest_us: int, unit: Unit, speaker: Speaker
) -> list[tuple[str, str, str]]:
    """Return a row in a list, or none for what was not measured."""
    found: list[list[int]] = [[] for _ in range(COLUMNS)]
    for each in series:
        for point in each.points:
            found[min(point.at_us * COLUMNS // latest_us, COLUMNS - 1)].append(point.value)
    columns = [_column(values, unit) if values else None for values in found]
    known = [value for value in columns if value is not None]
    if not known:
        return []
    most = max(1, *known)
    drawn = "".join(" " if value is None else _block(value, most) for value in columns)
    return [(name, drawn, figure(max(known), unit, speaker.language))]


def _column(values: Sequence[int], unit: Unit) -> int:
    """Return what a column shows: a rate's single ticks say nothing, a delay's peaks do."""
    return sum(values) // len(values) if unit == "bps" else max(values)


def _block(value: int, most: int) -> str:
    return BLOCKS[min(value * len(BLOCKS) // most, len(BLOCKS) - 1)]
