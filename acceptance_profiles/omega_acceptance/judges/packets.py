"""Statistics `percentile` and `share`: judged on the idle delay stream, packet by packet.

`percentile`: a packet that came back later than the limit *or was lost* is an event, and a `_p95`
metric allows 5 % of them. The metric's own value stays conditional on arrival; the judge counts a
lost packet as late, so that loss never flatters a delay. `share`: a lost packet is an event, and
the limit is the share of them that is allowed.

Both are the same question, whether events are rarer than a share, and are answered by evidence that
is read once a second of the stream (`omega_acceptance.decision.reading`), corrected for bursts.
Streams of several sessions are read one after the other; a variation counts from the least of its
own stream, for the path may have become longer in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from omega_acceptance.decision.bursts import assumed_burst_ppm, period_of
from omega_acceptance.decision.reading import Looks
from omega_acceptance.judges.case import FINISHED, Case, Finding, not_judged, udp_is_blocked
from omega_acceptance.judges.shares import Sample, judge_sample
from omega_acceptance.provable import packets_of, share_limit_ppm
from omega_core.evidence import Ended, IdleStream, SequenceRange
from omega_core.metrics import Direction
from omega_core.samples import nearest_rank_percentile
from omega_core.units import US_PER_S, share_ppm_rounded_up
from omega_core.verdict import Because


def judge_percentile(case: Case) -> Finding:
    """Judge a delay quantile by the share of packets that were late or lost."""
    told, because = _told(case)
    if because is not None:
        return not_judged(case, because)
    streams = [(each, each.evidence.idle[0].rtt_us) for each in told]
    parts = [_Part(late_or_lost(each, rtt_us), len(rtt_us)) for each, rtt_us in streams]
    limit_ppm = share_limit_ppm(case.criterion)
    return judge_sample(case, _joined(case, told, parts, limit_ppm, value=_percentile(case, told)))


def judge_share(case: Case) -> Finding:
    """Judge loss in one direction; where the way of a lost packet is not known it is not judged."""
    told, because = _told(case)
    if because is not None:
        return not_judged(case, because)
    knowing = [
        (each, each.measured.samples)
        for each in told
        if each.measured is not None and each.measured.value is not None
    ]
    if not knowing:
        return not_judged(case, Because.NOT_MEASURED)
    direction = case.criterion.direction
    parts = [_Part(_lost(each.evidence.idle[0], direction), size) for each, size in knowing]
    lost, samples = sum(len(each.events) for each in parts), sum(each.size for each in parts)
    value = share_ppm_rounded_up(lost, samples)
    told = [each for each, _ in knowing]
    return judge_sample(case, _joined(case, told, parts, case.limit(), value=value))


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
    latest_us = case.limit() + _base_us(case, rtt_us)
    return [at for at, each in enumerate(rtt_us) if each is None or each > latest_us]


class _Part(NamedTuple):
    """What one session adds to a sample: ascending places of its events, and its size."""

    events: Sequence[int]
    size: int


def _joined(
    case: Case, told: Sequence[Case], parts: Sequence[_Part], limit_ppm: int, *, value: int | None
) -> Sample:
    """Return one sample of the parts in their order, of which `told` are the sessions."""
    begins = [*accumulate((part.size for part in parts), initial=0)]
    size, stream = begins.pop(), told[0].evidence.idle[0]
    events = [begin + at for begin, part in zip(begins, parts, strict=True) for at in part.events]
    sent = sum(len(each.evidence.idle[0].rtt_us) for each in told)
    return Sample(
        events=events,
        size=size,
        limit_ppm=limit_ppm,
        looks=_each_second(case, stream, joints=tuple(begins[1:])),
        value=value,
        most=max(packets_of(case.profile, case.mode), sent),
    )


def _told(case: Case) -> tuple[list[Case], Because | None]:
    """Return the sessions that have a stream to judge; where none has, why the last has none."""
    asked = [(each, why_no_stream(each)) for each in case.each_session]
    told = [each for each, why in asked if why is None]
    return told, None if told else asked[-1][1]


def _base_us(case: Case, rtt_us: Sequence[int | None]) -> int:
    """Return what a delay is counted from: for PDV the least of the stream."""
    if "_pdv_" not in case.criterion.metric:
        return 0
    return min((each for each in rtt_us if each is not None), default=0)


def _percentile(asked: Case, told: Sequence[Case]) -> int | None:
    """Return the criterion's metric, of the packets of all sessions that were answered."""
    only, *more = told
    if not more:  # it is there already, and sorting takes a millisecond
        return None if only.measured is None else only.measured.value
    found_us: list[int] = []
    for each in told:
        rtt_us = each.evidence.idle[0].rtt_us
        base_us = _base_us(each, rtt_us)
        found_us += [delay_us - base_us for delay_us in rtt_us if delay_us is not None]
    percent = int(asked.criterion.metric.rpartition("_p")[2])
    return nearest_rank_percentile(found_us, percent) if found_us else None


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


def _each_second(case: Case, stream: IdleStream, *, joints: tuple[int, ...]) -> Looks:
    """Return looks once a second, with the burst that the plan assumes at the stream's period."""
    assumed = case.profile.statistics
    period_us = stream.period_us or period_of(assumed.probe_pps)
    return Looks(
        every=max(US_PER_S // period_us, 1),
        n_min=case.criterion.n_min,
        n_max=case.criterion.n_max,
        burst_ppm=assumed_burst_ppm(assumed.loss_burst_us, period_us=period_us),
        joints=joints,
        grows=case.grows,
    )
