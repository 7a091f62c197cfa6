"""How many check-ins one process takes in a second, and when the others are to come back.

A server that returns after an outage meets all its agents at once. What is admitted never exceeds
the ceiling by more than a short burst; whoever is not admitted is given a place in a line, one
place each, so that nobody has to try his luck again and again. Pure: times are arguments.

    admitted in any second <= ceiling + burst,  burst = a quarter of the ceiling
"""

from __future__ import annotations

from omega_core.limits import CHECK_INS_PER_S, RETURN_SPREAD_S_MAX
from omega_core.units import NS_PER_S

_BURST_PARTS = 4
_SPREAD_PARTS, _SPREAD_OF = 5, 4  # a return takes a quarter longer than it would at the ceiling
_LINE_S_MAX = RETURN_SPREAD_S_MAX  # a longer line is as good as none


class Admission:
    """So many a second, a few at once, and the line of those that could not be taken.

    `_due_ns` is when the next would come if all came evenly; who comes earlier than that by more
    than the burst is sent away.
    """

    def __init__(self, per_s: int = CHECK_INS_PER_S) -> None:
        self.per_s = per_s
        self._gap_ns = NS_PER_S // per_s
        self._burst_ns = self._gap_ns * (per_s // _BURST_PARTS)
        self._due_ns: int | None = None
        self._line_ns = 0

    def wait_s(self, now_ns: int) -> int:
        """Return 0 where a check-in is admitted now, else after how long it should come back."""
        due_ns = now_ns if self._due_ns is None else max(self._due_ns, now_ns)
        if due_ns - now_ns <= self._burst_ns:
            self._due_ns = due_ns + self._gap_ns
            return 0
        self._line_ns = max(self._line_ns, now_ns) + self._gap_ns
        wait_s = 1 + (self._line_ns - now_ns) // NS_PER_S
        if wait_s > _LINE_S_MAX:
            self._line_ns = now_ns
        return min(wait_s, _LINE_S_MAX)

    def return_spread_s(self, agents: int) -> int:
        """Return over how long so many agents must spread their return to be admitted."""
        at_the_ceiling_s = -(-agents // self.per_s)
        return min(RETURN_SPREAD_S_MAX, -(-at_the_ceiling_s * _SPREAD_PARTS // _SPREAD_OF))
