"""When a datagram left or arrived, on the monotonic clock, whatever the wall clock does meanwhile.

Theory of operation. The kernel's times are on the wall clock. How far that is from the monotonic
clock is read anew for each of them: wall between two readings of the other, again if something came
between these, so that a program put to sleep there does not falsify a delay; the closest pair says
how wrong it can be. Two things guard against a step of the wall clock between the event and its
reading. The distance is compared with what it was before the wait: if it has moved, the kernel's
time is not used. And a datagram can't be older than the moment the socket was last found empty, nor
have left before it was handed over. Then the time of reading is taken (of an arrival), or that of
handing over (of a departure): wrong by the interpreter's delay, never by the step.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from omega_core.clock import Clock
from omega_core.sockets.datagrams import Datagram
from omega_core.units import NS_PER_US

STEP_NS: Final = 200 * NS_PER_US  # a disciplined clock slews 10 us in 20 ms
_CLOSE_NS: Final = 5 * NS_PER_US  # between two readings: nothing came between
_TRIES: Final = 4
_CUT_OFF_NS: Final = NS_PER_US  # the clock tells whole microseconds: the kernel's time looks later


class Dated(NamedTuple):
    """A time on the monotonic clock, and by how much it may be wrong on this host's account."""

    at_ns: int
    error_ns: int


class _Offset(NamedTuple):
    """The wall clock less the monotonic one, and how long reading that took."""

    ns: int
    took_ns: int


class ArrivalClock:
    """Dates the datagrams of one socket; `kernel` counts arrivals dated by the kernel's time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._read_offset()
        self._empty_ns = clock.monotonic_ns()
        self.kernel = 0
        self.dated = 0

    def found_empty(self) -> None:
        """Note that nothing is waiting in the socket now; call it before each wait."""
        self._empty_ns = self._clock.monotonic_ns()
        self._offset = self._read_offset()

    def arrival(self, datagram: Datagram) -> Dated:
        """Return the monotonic time at which the datagram reached the host."""
        self.dated += 1
        now_ns = self._clock.monotonic_ns()
        dated = self._dated(datagram.received_unix_ns, earliest_ns=self._empty_ns, now_ns=now_ns)
        if dated is None:
            return Dated(now_ns, now_ns - self._empty_ns)
        self.kernel += 1
        return dated

    def departure(self, unix_ns: int, *, handed_over_ns: int) -> Dated | None:
        """Return the monotonic time at which a datagram left by the kernel's word.

        None when that can't be, or can't be told for a step of the wall clock: it was handed to the
        kernel at `handed_over_ns`.
        """
        now_ns = self._clock.monotonic_ns()
        return self._dated(unix_ns, earliest_ns=handed_over_ns, now_ns=now_ns)

    def _dated(self, unix_ns: int | None, *, earliest_ns: int, now_ns: int) -> Dated | None:
        offset = self._read_offset()
        if unix_ns is None or abs(offset.ns - self._offset.ns) > STEP_NS:
            return None
        at_ns = unix_ns - offset.ns
        if not earliest_ns - offset.took_ns <= at_ns <= now_ns + offset.took_ns + _CUT_OFF_NS:
            return None
        return Dated(min(max(at_ns, earliest_ns), now_ns), offset.took_ns + _CUT_OFF_NS)

    def _read_offset(self) -> _Offset:
        clock = self._clock
        best: _Offset | None = None
        for _ in range(_TRIES):
            before_ns = clock.monotonic_ns()
            wall_ns = clock.unix_us() * NS_PER_US
            between_ns = clock.monotonic_ns() - before_ns
            if best is None or between_ns < best.took_ns:
                best = _Offset(wall_ns - before_ns - between_ns // 2, between_ns)
            if between_ns <= _CLOSE_NS:
                break
        assert best is not None  # noqa: S101 - there is one try at least
        return best
