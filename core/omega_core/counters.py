"""Cumulative counters of a run's flows, built tick by tick at the receiver.

Theory of operation. A flow knows how many octets its application has read, and when it last read
some. At each tick that pair is offered here. An entry is a moment at which octets really arrived,
not one at which somebody looked: on a slow line, where packets come nearly as far apart as ticks, a
rate between two entries is exact to the packet. Of a flow that has not moved since the tick before,
the tick itself is an entry: the counter is flat while nothing comes.

    octets          o---                 o  an entry where octets moved
               o---'                     -  the counter between entries
       o--x---'                          x  an entry of a tick without any
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from omega_core.evidence import FlowCounts
from omega_core.limits import TICKS_MAX
from omega_core.units import NS_PER_US

ENTRIES_MAX = TICKS_MAX + 4  # what `FlowCounts` holds: the join, every tick, the end


def octets_by(at_us: int, times_us: Sequence[int], octets: Sequence[int]) -> int:
    """Return a counter's value at a moment, on the straight line between its entries.

    0 before the first entry; the last value after the last one.
    """
    after = bisect_right(times_us, at_us)
    if after == 0:
        return 0
    if after == len(times_us):
        return octets[-1]
    earlier_us, later_us = times_us[after - 1], times_us[after]
    earlier, later = octets[after - 1], octets[after]
    return earlier + (later - earlier) * (at_us - earlier_us) // (later_us - earlier_us)


def octets_along(
    grid_us: Sequence[int], times_us: Sequence[int], octets: Sequence[int]
) -> list[int]:
    """Return a counter's values at ascending moments: as `octets_by` each, in one walk."""
    found: list[int] = []
    after, entries = 0, len(times_us)
    for at_us in grid_us:
        while after < entries and times_us[after] <= at_us:
            after += 1
        if after == 0:
            found.append(0)
        elif after == entries:
            found.append(octets[-1])
        else:
            earlier_us, earlier = times_us[after - 1], octets[after - 1]
            gained, span_us = octets[after] - earlier, times_us[after] - earlier_us
            found.append(earlier + gained * (at_us - earlier_us) // span_us)
    return found


class FlowSeries:
    """The counter of one flow. Times are nanoseconds of any one clock; `epoch_ns` is its zero."""

    def __init__(self, flow: int, *, epoch_ns: int, joined_ns: int) -> None:
        self.flow = flow
        self._epoch_ns = epoch_ns
        self._at_us = [self._offset_us(joined_ns)]
        self._octets = [0]

    @property
    def octets(self) -> int:
        """Octets at the last entry."""
        return self._octets[-1]

    @property
    def at_us(self) -> int:
        """When the last entry was made, since the epoch."""
        return self._at_us[-1]

    @property
    def joined_us(self) -> int:
        """When the flow joined, since the epoch."""
        return self._at_us[0]

    def octets_at(self, at_us: int) -> int:
        """Return the octets by a moment, interpolated."""
        return octets_by(at_us, self._at_us, self._octets)

    def add(self, at_ns: int, octets: int, *, now_ns: int) -> None:
        """Take the counter at a tick: `octets`, of which the last moved at `at_ns`.

        When the series is full the last entry is moved on, so the end of a run is never lost.
        """
        if octets > self.octets:
            self._enter(self._offset_us(at_ns), octets)
        else:
            self._enter(self._offset_us(now_ns), self.octets)

    def close(self, at_ns: int, octets: int) -> None:
        """Take the counter for the last time: it is not known to have been flat since."""
        if octets > self.octets:
            self._enter(self._offset_us(at_ns), octets)

    def _enter(self, at_us: int, octets: int) -> None:
        at_us = max(at_us, self.at_us)
        if len(self._at_us) < ENTRIES_MAX:
            self._at_us.append(at_us)
            self._octets.append(octets)
        else:
            self._at_us[-1], self._octets[-1] = at_us, octets

    def counts(self) -> FlowCounts:
        """Return the series for the record."""
        return FlowCounts(flow=self.flow, at_us=tuple(self._at_us), octets=tuple(self._octets))

    def _offset_us(self, at_ns: int) -> int:
        return max(at_ns - self._epoch_ns, 0) // NS_PER_US
