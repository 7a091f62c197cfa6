"""What is left of a grant: seconds and octets, looked at before each task.

The test point enforces the grant; the probe keeps to it by itself, so that a task ends because its
budget does and not because it was cut off in the middle, which would look like loss.
"""

from __future__ import annotations

from typing import Final

from omega_core.clock import Clock
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import TestPointAccess

CLOSING_NS: Final = 2 * NS_PER_S  # for what is in flight, and the test point's last word
STREAM_SHARE: Final = 8  # a test point sets at most an eighth of what is left aside for a stream
RUN_OCTETS_MIN: Final = 256 * 1024  # less than a second of the slowest line: no rate to be had


class Budget:
    """Counts from the moment it is made: when the test point took the grant."""

    def __init__(self, access: TestPointAccess, meter: OwnTrafficMeter, clock: Clock) -> None:
        self._access = access
        self._meter = meter
        self._clock = clock
        self._before = meter.reading()
        self._until_ns = clock.monotonic_ns() + access.duration_s_max * NS_PER_S

    def time_left_ns(self) -> int:
        """Return how long tasks may still take, never negative."""
        return max(0, self._until_ns - CLOSING_NS - self._clock.monotonic_ns())

    def octets_left(self, direction: Direction) -> int:
        """Return how many IP octets may still be moved in a direction, never negative."""
        used = self._meter.reading() - self._before
        if direction is Direction.DOWN:
            return max(0, self._access.bytes_down_max - used.rx.ip_octets)
        return max(0, self._access.bytes_up_max - used.tx.ip_octets)

    def packets(self, count: int, *, ip_octets: int, period_ns: int, waiting_ns: int) -> int:
        """Return how many packets of a stream fit; 0 when none do."""
        octets = min(
            self.octets_left(Direction.DOWN) // STREAM_SHARE, self.octets_left(Direction.UP)
        )
        spare_ns = self.time_left_ns() - waiting_ns
        by_time = 1 + spare_ns // period_ns if spare_ns >= 0 else 0
        return min(count, octets // ip_octets, by_time)

    def packets_beside(self, count: int, *, ip_octets: int) -> int:
        """Return how many packets of a stream beside a run fit; 0 where it would starve the run."""
        left = min(self.octets_left(Direction.DOWN), self.octets_left(Direction.UP))
        if left < (STREAM_SHARE + 1) * RUN_OCTETS_MIN // STREAM_SHARE:
            return 0
        return min(count, left // STREAM_SHARE // ip_octets)

    def has_room_for_streams(self, octets: int) -> bool:
        """Return whether a test point sets so much aside for streams, all of them before a run."""
        left = min(self.octets_left(Direction.DOWN), self.octets_left(Direction.UP))
        return octets <= left // STREAM_SHARE

    def has_room_for_run(self, direction: Direction, duration_ns: int) -> bool:
        """Return whether a run fits: all of its time, and octets enough to see a rate."""
        enough = self.octets_left(direction) >= RUN_OCTETS_MIN
        return enough and self.time_left_ns() >= duration_ns
