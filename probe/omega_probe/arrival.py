"""When a datagram arrived, on the monotonic clock, whatever the wall clock does meanwhile.

Theory of operation. The kernel's receive time is on the wall clock (`SO_TIMESTAMPNS`); a packet's
age by it is subtracted from the monotonic time of reading. Two things guard that against a step of
the wall clock between arrival and reading. The offset between the clocks is compared with what it
was before the wait: if it has moved, the kernel's time is not used. And a datagram can't be older
than the moment the socket was last found empty. Then the time of reading is taken, which is late
by the interpreter's delay but never by the step.
"""

from __future__ import annotations

from typing import Final

from omega_core.clock import Clock
from omega_core.sockets.datagrams import Datagram, arrival_monotonic_ns
from omega_core.units import NS_PER_US

STEP_NS: Final = 200 * NS_PER_US  # a disciplined clock slews 10 us in 20 ms


class ArrivalClock:
    """Dates the datagrams of one socket; `kernel` counts those dated by the kernel's time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = self._wall_offset_ns()
        self._empty_ns = clock.monotonic_ns()
        self.kernel = 0
        self.dated = 0

    def found_empty(self) -> None:
        """Note that nothing is waiting in the socket now; call it before each wait."""
        self._empty_ns = self._clock.monotonic_ns()
        self._offset_ns = self._wall_offset_ns()

    def arrival_ns(self, datagram: Datagram) -> int:
        """Return the monotonic time at which the datagram reached the host."""
        self.dated += 1
        stepped = abs(self._wall_offset_ns() - self._offset_ns) > STEP_NS
        now_ns = self._clock.monotonic_ns()
        if stepped or datagram.received_unix_ns is None:
            return now_ns
        arrived_ns = arrival_monotonic_ns(datagram, self._clock)
        if arrived_ns < self._empty_ns:
            return now_ns
        self.kernel += 1
        return arrived_ns

    def _wall_offset_ns(self) -> int:
        return self._clock.unix_us() * NS_PER_US - self._clock.monotonic_ns()
