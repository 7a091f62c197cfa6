"""What the host's clocks did during a session: steps of the wall clock, and sleep.

The three clocks are compared at both ends. All run alike while nothing happens; the wall clock may
step, and the monotonic clock stands still while the machine sleeps:

    slept  = change of (boot time - monotonic)
    step   = change of (wall clock - boot time)
"""

from __future__ import annotations

from typing import NamedTuple

from omega_core.clock import Clock
from omega_core.units import NS_PER_US


class ClockFacts(NamedTuple):
    """Both ends of a session on every clock, and what happened between; microseconds."""

    started_unix_us: int
    ended_unix_us: int
    monotonic_started_us: int
    monotonic_ended_us: int
    step_us: int
    suspended_us: int

    @property
    def duration_us(self) -> int:
        """How long the session took, sleep left out."""
        return self.monotonic_ended_us - self.monotonic_started_us


class Moment(NamedTuple):
    """One reading of every clock."""

    monotonic_ns: int
    unix_us: int
    boottime_ns: int

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        """Read all three."""
        return cls(clock.monotonic_ns(), clock.unix_us(), clock.boottime_ns())

    def facts_until(self, later: Moment) -> ClockFacts:
        """Return what happened between this moment and a later one."""
        passed_ns = later.monotonic_ns - self.monotonic_ns
        booted_ns = later.boottime_ns - self.boottime_ns
        return ClockFacts(
            started_unix_us=self.unix_us,
            ended_unix_us=later.unix_us,
            monotonic_started_us=self.monotonic_ns // NS_PER_US,
            monotonic_ended_us=later.monotonic_ns // NS_PER_US,
            step_us=later.unix_us - self.unix_us - booted_ns // NS_PER_US,
            suspended_us=max(0, booted_ns - passed_ns) // NS_PER_US,
        )
