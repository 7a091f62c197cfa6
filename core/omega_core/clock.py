"""The one place that asks the machine what time it is.

Machines take times as arguments; drivers and applications get a `Clock` by their constructor, so a
test can hand them one that it moves by hand.
"""

from __future__ import annotations

import time
from typing import Protocol

from omega_core.units import NS_PER_US

_CLOCK_BOOTTIME = 7  # absent from `time` on some builds; the number is the kernel's


class Clock(Protocol):
    """What a program may ask about time."""

    def monotonic_ns(self) -> int:
        """Return a time that never steps, for durations; its zero means nothing."""
        ...

    def unix_us(self) -> int:
        """Return UTC as microseconds since 1970, for records; it may step."""
        ...

    def boottime_ns(self) -> int:
        """Return a time that never steps and runs on while the machine sleeps."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """See `Clock.monotonic_ns`."""
        return time.monotonic_ns()

    def unix_us(self) -> int:
        """See `Clock.unix_us`."""
        return time.time_ns() // NS_PER_US

    def boottime_ns(self) -> int:
        """See `Clock.boottime_ns`."""
        return time.clock_gettime_ns(_CLOCK_BOOTTIME)
