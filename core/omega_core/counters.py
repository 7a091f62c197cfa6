"""Cumulative counters of a run's flows, built tick by tick at the receiver.

Theory of operation. A flow knows how many octets its application has read, and when it last read
some. At each tick that pair is offered here; it is kept when the count has moved. So an entry is a
moment at which octets really arrived, not one at which somebody looked: on a slow line, where
packets come further apart than ticks, a rate between two entries is exact to the packet. While a
flow stands still no entry is made; the line from the entry before a stall to the one after it is
also the best guess of what arrived behind a gap in the flow's sequence in between.
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

    def add(self, at_ns: int, octets: int) -> None:
        """Take the counter as it stood at a moment; nothing happens when it has not moved.

        When the series is full the last entry is moved on, so the end of a run is never lost.
        """
        at_us = self._offset_us(at_ns)
        if octets <= self.octets or at_us < self.at_us:
            return
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
