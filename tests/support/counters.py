"""Counter series of simulated TCP flows, whose true rate is known exactly.

A flow's rate is a broken line through (time, rate) points; the octets read by any moment are its
integral, so nothing here rounds but the counter itself. Ticks may be late by a seeded random time,
as those of a real thread are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from omega_core.evidence import FlowCounts
from omega_core.limits import TICK_NS
from omega_core.units import BITS_PER_OCTET, NS_PER_US, US_PER_S

TICK_US = TICK_NS // NS_PER_US


@dataclass(frozen=True)
class Shape:
    """How fast one flow is over time: (microseconds, bit/s) points, straight between them.

    Before the first point and after the last the rate is zero.
    """

    points: tuple[tuple[int, int], ...]

    def octets_by(self, at_us: int) -> int:
        """Return what had arrived by then, cut off to whole octets."""
        twice_bit_us = sum(_twice_area(earlier, later, at_us) for earlier, later in self._lines())
        return twice_bit_us // (2 * BITS_PER_OCTET * US_PER_S)

    def _lines(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        return list(pairwise(self.points))


def steady(rate_bps: int, *, start_us: int = 0, end_us: int) -> Shape:
    """Return a flow at one rate from its first octet on."""
    return Shape(((start_us, rate_bps), (end_us, rate_bps)))


def ramped(rate_bps: int, *, ramp_us: int, start_us: int = 0, end_us: int) -> Shape:
    """Return a flow that doubles ten times until it has its rate, as slow start does."""
    doublings = 10
    climb = tuple(
        (start_us + ramp_us * step // doublings, rate_bps >> (doublings - step))
        for step in range(doublings + 1)
    )
    return Shape((*climb, (end_us, rate_bps)))


def counted(
    shapes: Sequence[Shape],
    *,
    until_us: int,
    late_us: int = 0,
    seed: int = 0,
    tick_us: int = TICK_US,
) -> tuple[FlowCounts, ...]:
    """Return what a receiver that ticks until `until_us` writes down of these flows."""
    random = Random(seed)  # noqa: S311 - jitter of a simulation
    return tuple(
        _counts(flow, shape, until_us=until_us, late_us=late_us, random=random, tick_us=tick_us)
        for flow, shape in enumerate(shapes)
    )


def _counts(
    flow: int, shape: Shape, *, until_us: int, late_us: int, random: Random, tick_us: int
) -> FlowCounts:
    joined_us = shape.points[0][0]
    first_tick_us = (joined_us // tick_us + 1) * tick_us
    ticks = [tick + random.randint(0, late_us) for tick in range(first_tick_us, until_us, tick_us)]
    at_us = (joined_us, *(tick for tick in ticks if tick < until_us), until_us)
    return FlowCounts(flow=flow, at_us=at_us, octets=tuple(map(shape.octets_by, at_us)))


def _twice_area(earlier: tuple[int, int], later: tuple[int, int], at_us: int) -> int:
    """Return twice the area under one line up to a moment, in bit/s times microseconds."""
    (start_us, start_bps), (end_us, end_bps) = earlier, later
    span_us = min(at_us, end_us) - start_us
    if span_us <= 0:
        return 0
    reached_bps = start_bps + (end_bps - start_bps) * span_us // (end_us - start_us)
    return (start_bps + reached_bps) * span_us
