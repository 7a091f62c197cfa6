"""When a TCP run may end before its time: its rate has reached what the line carries.

Theory of operation. A rate that looks steady may still climb, so stability alone is a bad reason to
stop. Once a search has found what the line carries at the IP layer there is a better one: payload
can't come faster than the share of each packet that is payload. When the steady window's rate is
within `NEAR_PPM` of that bound, nothing that follows can change the answer by more, and the run is
over. A run that stays below it goes on: what TCP makes of this line is then the question.

    bound = capacity x payload / (payload + headers)

Sending is paced at `PACED_PERCENT` of the capacity. Slow start overshoots a long path by its whole
buffer, and the reader then waits for what was dropped for as long as the run lasts: 26 to 45 % less
than the line carries were read in seven seconds over a satellite of 600 ms. With the pace a queue
grows slowly, and what TCP makes of a line that is not full it makes all the same.

Neither does the ramp's end need ten round trips to show then: the steady window begins with the
first span that carried the bound (`omega_core.goodput`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omega_core.evidence import FlowCounts
from omega_core.goodput import steady_rate_of
from omega_core.units import NS_PER_S, NS_PER_US, PPM, US_PER_S

NEAR_PPM: Final = 8_000
WINDOW_US_MIN: Final = US_PER_S
WINDOW_RTT_MIN: Final = 2
PACED_PERCENT: Final = 106  # 110 of the bound: one slow flow of sixteen holds nothing back
ENOUGH_NS: Final = 4 * NS_PER_S  # five ramps of a 100 ms path
ENOUGH_RTT: Final = 12  # four to fill a satellite's pipe from sixteen flows, the rest to look


def pace_bps(carried_bps: int) -> int:
    """Return the payload rate that all senders of a run together keep to."""
    return carried_bps * PACED_PERCENT // 100


def enough_ns(base_rtt_us: int, *, at_most_ns: int) -> int:
    """Return how long a run lasts that does not reach its bound."""
    return min(max(ENOUGH_NS, ENOUGH_RTT * base_rtt_us * NS_PER_US), at_most_ns)


def has_reached(
    bound_bps: int, flows: Sequence[FlowCounts], *, base_rtt_us: int, growth_ended_us: int
) -> bool:
    """Say whether the steady window so far is long enough, and its rate the bound's."""
    steady = steady_rate_of(
        flows, base_rtt_us=base_rtt_us, growth_ended_us=growth_ended_us, bound_bps=bound_bps
    )
    if steady is None:
        return False
    least_us = max(WINDOW_US_MIN, WINDOW_RTT_MIN * base_rtt_us)
    if steady.end_us - steady.start_us < least_us:
        return False
    return abs(steady.rate_bps - bound_bps) * PPM <= bound_bps * NEAR_PPM
