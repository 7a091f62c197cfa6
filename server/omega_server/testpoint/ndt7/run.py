"""How long a run lasts, how large its messages are, and when the next word is due: a machine.

    run = Run(octets_max, now_ns)
    while (due := run.next(moved, now_ns)) is not Due.END: ...

Messages begin small and double as long as what was sent is many times their size, so that a slow
line is not kept by one message, and a fast one not by their number. A run ends after
`DURATION_NS`, when its octets are used up, or when the other end leaves.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S
from omega_server.testpoint.ndt7.measurement import EVERY_US

DURATION_NS: Final = 10 * NS_PER_S  # what ndt7 clients expect; a page of ours leaves sooner
SIZE_OCTETS_MIN: Final = 1 << 13
SIZE_OCTETS_MAX: Final = 1 << 20
_TIMES: Final = 16  # ndt7: a message is at most a sixteenth of what was sent
_BITS: Final = 8


class Due(Enum):
    """What to do now."""

    MOVE = "move"
    TELL = "tell"
    END = "end"


class Run:
    """One run in one direction."""

    def __init__(self, octets_max: int, now_ns: int, duration_ns: int = DURATION_NS) -> None:
        self._octets_max = octets_max
        self._began_ns = now_ns
        self._ends_ns = now_ns + duration_ns
        self._told_ns = now_ns

    def elapsed_us(self, now_ns: int) -> int:
        """Return how long it has lasted."""
        return (now_ns - self._began_ns) // NS_PER_US

    def left_s(self, now_ns: int) -> float:
        """Return how long it may still last."""
        return max(0.0, (self._ends_ns - now_ns) / NS_PER_S)

    def next(self, moved_octets: int, now_ns: int) -> Due:
        """Return what to do after so many octets have been moved."""
        if now_ns >= self._ends_ns or moved_octets >= self._octets_max:
            return Due.END
        if now_ns - self._told_ns >= EVERY_US * NS_PER_US:
            self._told_ns = now_ns
            return Due.TELL
        return Due.MOVE

    def size(self, sent_octets: int) -> int:
        """Return how large the next message is: within what is left."""
        size = SIZE_OCTETS_MIN
        while size < SIZE_OCTETS_MAX and sent_octets >= _TIMES * size:
            size *= 2
        return max(1, min(size, self._octets_max - sent_octets))


def goodput_bps(octets: int, duration_us: int) -> int | None:
    """Return a rate in bit/s; None of a run that was over before anything could be said."""
    if duration_us < US_PER_S // 10:
        return None
    return octets * _BITS * US_PER_S // duration_us
