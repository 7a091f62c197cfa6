"""The steady rate of a TCP run, from the receiver's cumulative counters.

Theory of operation. A run is a set of flows, each a series of (time, octets read so far). Rates are
differences of counters over a measured span: ticks are never averaged, ranked or trimmed. All flows
are summed over *one* common window, each interpolated to both of its edges, and the sum is divided
once by the window's measured length; rates of flows with different windows are never added. The
connection's set-up is before the first counter, so it can't be inside.

The window begins when the ramp has ended by rule: two successive probe spans carried the same
within 5 %, not before 10 round trips, not before the last flow was added. If that has not happened
at half of the run the window begins there and says that the ramp was not finished. It ends with the
last moment at which every flow was certainly still active, less one round trip: what is behind a
gap in a flow's sequence is on the host but not yet readable. The tick that saw a flow's last octets
also saw the silence after them, so the tick before it is that moment. A stall inside the window
counts: it is data. So is a flow that falls silent in the first half of the run for good: the others
go on, and a window that ended with it would lie in the ramp.

Where it is known what the line carries, a run that has reached that needs no rule to tell its ramp:
the window then begins with the first span that carried the bound within `FULL_PPM`, for nothing
climbs beyond it.

Behind a lost packet the reader waits for what the host already holds, and then gets it all at once.
An edge that falls into such a wait moves that much into or out of the window: behind a deep buffer
half a second of the line's rate. So both edges may move inwards, to the moment at which the count
was least behind a line of the typical rate: there the least was waiting. The beginning moves by
half of the window at most, the end by a second; on a line without gaps neither moves. What is
divided is still one difference of counters by one measured span.

    octets
      |                        ______------
      |             ____------            :
      |        __---:                     :
      |   _.-'      :    steady window    :
      +-------------+---------------------+----- time
      0           start_us             end_us
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omega_core.counters import octets_along, octets_by
from omega_core.evidence import Ended, FlowCounts, GoodputRun
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_MS, US_PER_S, rate_bps

PROBE_SPAN_US_MIN = 200 * US_PER_MS
PROBE_SPAN_RTT = 4
RAMP_RTT_MIN = 10
SAME_PPM = 50_000
FULL_PPM = 10_000
FULL_SPAN_RTT = 2  # a window that fills half of each round trip is sent at the full rate
EDGE_STEP_US = 50 * US_PER_MS  # half a tick: edges are looked for at the counters' own resolution
EDGE_STEPS_LATE_MAX = 20  # a second: a line that goes silent at the end of a run is not excused
EDGE_GAIN_PPM = 1_000  # of the window's octets; for less an edge stays where the rule put it
FINISHED = frozenset({Ended.COMPLETED, Ended.DECIDED})
_TYPICAL_STEPS = PROBE_SPAN_US_MIN // EDGE_STEP_US


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyRate:
    """Goodput of one run; times are on the receiver's clock since its first flow joined."""

    rate_bps: int
    octets: int
    start_us: int
    end_us: int
    ramp_finished: bool
    whole_run_bps: int


class SteadyRun(NamedTuple):
    """A run and its steady rate; None of one that did not come to its end, or that has none."""

    run: GoodputRun
    steady: SteadyRate | None


def steady_runs(runs: Iterable[GoodputRun]) -> tuple[SteadyRun, ...]:
    """Return the runs, each with its steady rate: whatever is made of it is of this one."""
    return tuple(
        SteadyRun(run, steady_rate(run) if run.ended in FINISHED else None) for run in runs
    )


def steady_rate(run: GoodputRun) -> SteadyRate | None:
    """Return the steady goodput of a run; None when no span was long enough to divide by."""
    bound_bps = None
    if run.ended is Ended.DECIDED and run.carried_bps is not None:
        bound_bps = payload_bound_bps(
            run.carried_bps,
            segment_octets=run.segment_octets,
            header_octets=run.ip_header_octets,
        )
    return steady_rate_of(
        run.flows,
        base_rtt_us=run.base_rtt_us,
        growth_ended_us=run.growth_ended_us,
        bound_bps=bound_bps,
    )


def payload_bound_bps(carried_bps: int, *, segment_octets: int, header_octets: int) -> int | None:
    """Return the payload rate of a line full of such segments; None where they are not known."""
    packet_octets = segment_octets + header_octets
    return carried_bps * segment_octets // packet_octets if segment_octets else None


def steady_rate_of(
    counts: Sequence[FlowCounts],
    *,
    base_rtt_us: int,
    growth_ended_us: int,
    bound_bps: int | None = None,
) -> SteadyRate | None:
    """Return the steady goodput of a run, or of as much as there is of it; see `steady_rate`.

    `bound_bps` is the payload rate that the line can carry, of a run that has reached it.
    """
    flows = [flow for flow in counts if len(flow.at_us) >= 2]
    if not flows:
        return None
    first_us = min(flow.at_us[0] for flow in flows)
    last_us = _all_active_until_us(flows, first_us)
    end_us = max(last_us - base_rtt_us, first_us + (last_us - first_us) // 2)
    earliest_us = max(first_us + RAMP_RTT_MIN * base_rtt_us, growth_ended_us)
    start_us, ramp_finished = _ramp_end(
        flows, earliest_us, first_us=first_us, end_us=end_us, span_us=probe_span_us(base_rtt_us)
    )
    if bound_bps is not None:
        span_us = max(PROBE_SPAN_US_MIN, FULL_SPAN_RTT * base_rtt_us)
        until_us = min(start_us if ramp_finished else end_us, end_us - span_us)
        begins_us = range(max(first_us, growth_ended_us), until_us, EDGE_STEP_US)
        full_us = _full_from(flows, begins_us, end_us, span_us=span_us, bound_bps=bound_bps)
        if full_us is not None:
            start_us, ramp_finished = full_us, True
    start_us, end_us = _least_behind(flows, start_us, end_us)
    octets = octets_at(flows, end_us) - octets_at(flows, start_us)
    steady = rate_bps(octets, end_us - start_us)
    whole = rate_bps(octets_at(flows, last_us), last_us - first_us)
    if steady is None or whole is None:
        return None
    return SteadyRate(
        rate_bps=steady,
        octets=octets,
        start_us=start_us,
        end_us=end_us,
        ramp_finished=ramp_finished,
        whole_run_bps=whole,
    )


def _least_behind(flows: Sequence[FlowCounts], start_us: int, end_us: int) -> tuple[int, int]:
    """Return the window's edges, moved inwards to where the least waited behind a gap."""
    grid_us = range(start_us, end_us + 1, EDGE_STEP_US)
    counts = [*zip(grid_us, octets_over(flows, grid_us), strict=True)]
    third = len(counts) // 3
    if third <= _TYPICAL_STEPS:
        return start_us, end_us
    worth_it = (counts[-1][1] - counts[0][1]) * EDGE_GAIN_PPM // PPM
    early = _furthest_ahead(counts[: len(counts) // 2 + 1], counts, worth_it)
    around = counts[-third - 1 :]
    ends = [(end_us, octets_at(flows, end_us)), *around[: -EDGE_STEPS_LATE_MAX - 1 : -1]]
    return early, _furthest_ahead(ends, around, worth_it)


def _furthest_ahead(
    candidates: Sequence[tuple[int, int]], around: Sequence[tuple[int, int]], worth_it: int
) -> int:
    """Return the time of the count furthest ahead of a line of the typical rate around it.

    It is the first candidate that no other is ahead of by more than `worth_it` octets.
    """
    typical = _typical_octets(around)
    span_us = _TYPICAL_STEPS * EDGE_STEP_US

    def lead(count: tuple[int, int]) -> int:
        at_us, octets = count
        return octets * span_us - typical * at_us

    enough = max(map(lead, candidates)) - worth_it * span_us
    return next(at_us for at_us, octets in candidates if lead((at_us, octets)) >= enough)


def _typical_octets(counts: Sequence[tuple[int, int]]) -> int:
    """Return what the line carries in a typical probe span: neither a wait nor its release."""
    octets = [each for _, each in counts]
    spans = sorted(
        after - before for before, after in zip(octets, octets[_TYPICAL_STEPS:], strict=False)
    )
    return spans[len(spans) // 2]


def probe_span_us(base_rtt_us: int) -> int:
    """Return how long a rate is looked at before it is compared with the next one."""
    return max(PROBE_SPAN_US_MIN, PROBE_SPAN_RTT * base_rtt_us)


def same_octets(before: int, after: int) -> bool:
    """Say whether two spans of one length carried the same within 5 %; two empty ones did not."""
    return before > 0 and after > 0 and abs(after - before) * PPM < SAME_PPM * before


def octets_at(flows: Sequence[FlowCounts], at_us: int) -> int:
    """Return the octets all flows had read by `at_us`, each interpolated linearly."""
    return sum(octets_by(at_us, flow.at_us, flow.octets) for flow in flows)


def octets_over(flows: Sequence[FlowCounts], grid_us: Sequence[int]) -> list[int]:
    """Return the same at each of many moments, which ascend."""
    of_flows = [octets_along(grid_us, flow.at_us, flow.octets) for flow in flows]
    return [sum(each) for each in zip(*of_flows, strict=True)]


def _all_active_until_us(flows: Sequence[FlowCounts], first_us: int) -> int:
    ends_us = [_last_active_us(flow) for flow in flows]
    half_us = first_us + (max(ends_us) - first_us) // 2
    return min(end_us for end_us in ends_us if end_us >= half_us)


def _last_active_us(flow: FlowCounts) -> int:
    """Return the last tick after which the flow's counter still moved.

    Of a series that moved in one step only, that step is all there is.
    """
    last = bisect_left(flow.octets, flow.octets[-1])
    return flow.at_us[last - 1 if last > 1 else last]


def _full_from(
    flows: Sequence[FlowCounts],
    begins_us: Sequence[int],
    end_us: int,
    *,
    span_us: int,
    bound_bps: int,
) -> int | None:
    """Return where the first span begins that carried what the line can; None if none did.

    So must all that follows it have: one span alone may be the release of what waited in the ramp.
    """
    full_bps = bound_bps * (PPM - FULL_PPM) // PPM

    def is_full(start_us: int, until_us: int) -> bool:
        octets = octets_at(flows, until_us) - octets_at(flows, start_us)
        return octets * BITS_PER_OCTET * US_PER_S >= full_bps * (until_us - start_us)

    for at_us in begins_us:
        if is_full(at_us, at_us + span_us) and is_full(at_us, end_us):
            return at_us
    return None


def _ramp_end(
    flows: Sequence[FlowCounts], start_us: int, *, first_us: int, end_us: int, span_us: int
) -> tuple[int, bool]:
    """Return where the steady window begins, and whether the rule found it."""
    latest_us = first_us + (end_us - first_us) // 2
    step_us = span_us // 4
    while start_us <= latest_us:
        if start_us + 2 * span_us > end_us:
            break
        before = octets_at(flows, start_us + span_us) - octets_at(flows, start_us)
        after = octets_at(flows, start_us + 2 * span_us) - octets_at(flows, start_us + span_us)
        if same_octets(before, after):
            return start_us, True
        start_us += step_us
    return latest_us, False
