"""Statistics `percentile` and `share`: judged on the idle delay stream, packet by packet.

`percentile`: a packet that came back later than the limit *or was lost* is an event, and a `_p95`
metric allows 5 % of them. The metric's own value stays conditional on arrival; the judge counts a
lost packet as late, so that loss never flatters a delay. `share`: a lost packet is an event, and
the limit is the share of them that is allowed.

Both are the same question, whether events are rarer than a share, and are answered by evidence that
is read once a second of the stream (`omega_acceptance.decision.reading`), corrected for bursts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from omega_acceptance.decision.bursts import assumed_burst_ppm, period_of
from omega_acceptance.decision.reading import Looks
from omega_acceptance.judges.case import FINISHED, Case, Finding, not_judged, udp_is_blocked
from omega_acceptance.judges.shares import Sample, judge_sample
from omega_acceptance.provable import packets_of, share_limit_ppm
from omega_core.evidence import Ended, IdleStream, SequenceRange
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from omega_core.verdict import Because


def judge_percentile(case: Case) -> Finding:
    """Judge a delay quantile by the share of packets that were late or lost."""
    because = why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    stream = case.evidence.idle[0]
    sample = Sample(
        events=late_or_lost(case, stream.rtt_us),
        size=len(stream.rtt_us),
        limit_ppm=share_limit_ppm(case.criterion),
        looks=_each_second(case, stream),
        value=None if case.measured is None else case.measured.value,
        most=packets_of(case.profile, case.mode),
    )
    return judge_sample(case, sample)


def judge_share(case: Case) -> Finding:
    """Judge loss in one direction; where the way of a lost packet is not known it is not judged."""
    because = why_no_stream(case)
    if because is not None:
        return not_judged(case, because)
    measured, stream = case.measured, case.evidence.idle[0]
    if measured is None or measured.value is None:
        return not_judged(case, Because.NOT_MEASURED)
    sample = Sample(
        events=_lost(stream, case.criterion.direction),
        size=measured.samples,
        limit_ppm=case.limit(),
        looks=_each_second(case, stream),
        value=measured.value,
        most=packets_of(case.profile, case.mode),
    )
    return judge_sample(case, sample)


def why_no_stream(case: Case) -> Because | None:
    """Return why there is no stream to judge; None when there is one that came to its end."""
    streams = case.evidence.idle
    silent = not streams or all(rtt_us is None for rtt_us in streams[0].rtt_us)
    if silent and udp_is_blocked(case.evidence):
        return Because.UDP_BLOCKED
    ends = [end.ended for end in case.evidence.tasks if end.task == "idle"]
    if ends and not FINISHED.intersection(ends):
        return Because.BUDGET if Ended.BUDGET in ends else Because.NOT_MEASURED
    return None if streams and streams[0].rtt_us else Because.NOT_MEASURED


def late_or_lost(case: Case, rtt_us: Sequence[int | None]) -> list[int]:
    """Return which packets exceed the criterion's limit (for PDV: beyond the least), or are lost.

    The least of the whole stream is taken, also for a look at its beginning: that makes a variation
    no smaller than it was.
    """
    limit_us = case.limit()
    if "_pdv_" in case.criterion.metric:
        limit_us += min((each for each in rtt_us if each is not None), default=0)
    return [at for at, each in enumerate(rtt_us) if each is None or each > limit_us]


def _lost(stream: IdleStream, direction: Direction | None) -> list[int]:
    """Return which packets of a direction's sample were lost, by their place in it.

    Upwards the sample is every packet sent; downwards those that got up.
    """
    up = _numbers(stream.lost_up)
    if direction is Direction.UP:
        return up
    return [number - bisect_left(up, number) for number in _numbers(stream.lost_down)]


def _numbers(ranges: Sequence[SequenceRange]) -> list[int]:
    return [number for first, last in ranges for number in range(first, last + 1)]


def _each_second(case: Case, stream: IdleStream) -> Looks:
    """Return looks once a second, with the burst that the plan assumes at the stream's period."""
    assumed = case.profile.statistics
    period_us = stream.period_us or period_of(assumed.probe_pps)
    return Looks(
        every=max(US_PER_S // period_us, 1),
        n_min=case.criterion.n_min,
        n_max=case.criterion.n_max,
        burst_ppm=assumed_burst_ppm(assumed.loss_burst_us, period_us=period_us),
    )
