"""Bins that values are counted in: eight an octave, so each is some nine per cent wide.

One scale serves a delay of a microsecond and a rate of ten gigabits. A share of which more is
better (reachable, TCP efficiency) is counted by what it lacks: that is where lines differ.
"""

from __future__ import annotations

from math import floor, log2
from typing import Final

from omega_core.metrics import METRICS, Better
from omega_core.units import PPM

PER_OCTAVE: Final = 8
ZERO: Final = -1
"""The bin of nothing at all: no loss, nothing lacking."""


def bin_of(value: int) -> int:
    """Return the bin of a value; raises ValueError below 0."""
    if value < 0:
        raise ValueError("a measured value is not negative")
    return ZERO if value == 0 else floor(PER_OCTAVE * log2(value))


def edges_of(number: int) -> tuple[float, float]:
    """Return from where to below where a bin reaches."""
    if number == ZERO:
        return 0.0, 1.0
    return 2.0 ** (number / PER_OCTAVE), 2.0 ** ((number + 1) / PER_OCTAVE)


def is_complement(metric: str) -> bool:
    """Say whether a metric is counted by what it lacks."""
    quantity = METRICS[metric]
    return quantity.unit == "ppm" and quantity.better is Better.HIGHER


def counted(metric: str, value: int) -> int:
    """Return what is counted of a metric's value."""
    return max(0, PPM - value) if is_complement(metric) else value
