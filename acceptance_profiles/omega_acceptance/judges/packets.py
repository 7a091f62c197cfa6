"""Statistics `percentile` and `share`: judged on the idle delay stream, packet by packet.

`percentile`: a packet that came back later than the limit *or was lost* is an event, and a `_p95`
metric allows 5 % of them. The metric's own value stays conditional on arrival; the judge counts a
lost packet as late, so that loss never flatters a delay. `share`: a lost packet is an event.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_acceptance.judges.case import (
    FINISHED,
    Case,
    Finding,
    met_or_not,
    not_judged,
    udp_is_blocked,
)
from omega_core.evidence import Ended
from omega_core.verdict import Because


def judge_percentile(case: Case) -> Finding:
    """Judge a delay quantile by the share of packets that were late or lost."""
    because = _why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    rtt_us = case.evidence.idle[0].rtt_us
    measured = case.measured
    value = None if measured is None else measured.value
    if len(rtt_us) < case.criterion.n_min:
        return not_judged(case, Because.TOO_FEW_SAMPLES, value=value, samples=len(rtt_us))
    late = _late_or_lost(rtt_us, case.limit(), above_least="_pdv_" in case.criterion.metric)
    percent = int(case.criterion.metric.rpartition("_p")[2])
    outcome, because = met_or_not(met=late * 100 <= len(rtt_us) * (100 - percent))
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=value,
        samples=len(rtt_us),
        samples_needed=case.criterion.n_min,
    )


def judge_share(case: Case) -> Finding:
    """Judge loss in one direction; where the way of a lost packet is not known it is not judged."""
    because = _why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    measured = case.measured
    if measured is None or measured.value is None:
        return not_judged(case, Because.NOT_MEASURED)
    if measured.samples < case.criterion.n_min:
        return not_judged(
            case, Because.TOO_FEW_SAMPLES, value=measured.value, samples=measured.samples
        )
    outcome, because = met_or_not(met=measured.value <= case.limit())
    return Finding(
        outcome=outcome,
        because=because,
        limit=case.limit(),
        value=measured.value,
        samples=measured.samples,
        samples_needed=case.criterion.n_min,
    )


def _why_no_stream(case: Case) -> Because | None:
    """Return why there is no stream to judge; None when there is one that came to its end."""
    streams = case.evidence.idle
    silent = not streams or all(rtt_us is None for rtt_us in streams[0].rtt_us)
    if silent and udp_is_blocked(case.evidence):
        return Because.UDP_BLOCKED
    ends = [end.ended for end in case.evidence.tasks if end.task == "idle"]
    if ends and not FINISHED.intersection(ends):
        return Because.BUDGET if Ended.BUDGET in ends else Because.NOT_MEASURED
    return None if streams and streams[0].rtt_us else Because.NOT_MEASURED


def _late_or_lost(rtt_us: Sequence[int | None], limit_us: int, *, above_least: bool) -> int:
    """Count the packets whose delay (less the smallest, for PDV) exceeds the limit, or is not."""
    least_us = min((each for each in rtt_us if each is not None), default=0) if above_least else 0
    return sum(each is None or each - least_us > limit_us for each in rtt_us)
