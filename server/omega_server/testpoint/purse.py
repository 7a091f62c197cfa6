"""How many octets a session may still move in one direction: never more than its grant says.

Counted are IP octets of delay streams and of the flows that carry data in this direction. What the
other direction's flows acknowledge on the way back is not: nobody can plan it, it is under 2 % of
what it acknowledges, and the observation states it.
"""

from __future__ import annotations

STREAM_OCTETS_MAX = 4 * 1024 * 1024  # 24,001 packets of an ordinary stream, and half as much again
STREAM_OCTETS_MIN = 92  # one packet over IPv6
RUN_OCTETS_MIN = 64 * 1024  # less is one congestion window: nothing can be measured with it
_STREAM_SHARE = 8
_LEFT_FOR_STREAMS = 1024 * 1024
_LEFT_SHARE = 16


class Purse:
    """What is granted, spent and set aside in one direction."""

    def __init__(self, octets: int) -> None:
        self._left = octets

    @property
    def left(self) -> int:
        """Octets neither spent nor set aside."""
        return max(self._left, 0)

    def for_stream(self, wanted: int | None = None) -> int:
        """Set octets aside for a delay stream, `wanted` at most; return how many.

        0 when there are too few.
        """
        octets = min(self.left // _STREAM_SHARE, STREAM_OCTETS_MAX)
        return self._set_aside(octets if wanted is None else min(octets, wanted), STREAM_OCTETS_MIN)

    def for_run(self, wanted: int | None = None) -> int:
        """Set octets aside for a run, `wanted` at most, but leave some for a stream beside it.

        Return how many, 0 when there are too few.
        """
        kept = min(self.left // _LEFT_SHARE, _LEFT_FOR_STREAMS)
        octets = self.left - kept
        return self._set_aside(octets if wanted is None else min(octets, wanted), RUN_OCTETS_MIN)

    def settle(self, *, set_aside: int, used: int) -> None:
        """Put back what was set aside and take out what was really used."""
        self._left += set_aside - used

    def _set_aside(self, octets: int, least: int) -> int:
        if octets < least:
            return 0
        self._left -= octets
        return octets
