"""IP-layer capacity from what the receiver of a load counted (RFC 9097 section 6.3).

Theory of operation. A run is a series of cumulative counts, one a report, each stamped with the
arrival of the last packet it counts. A sub-interval is a span of at least dt between two of those
arrivals, wherever it begins: the RFC's maximum is over all intervals of that length. It is eligible
if its loss is not above the idle loss + 0.5 points; capacity is the greatest rate of an eligible
sub-interval, and the rate of the run's last sub-interval stands beside it, eligible or not: behind
a token bucket the first is the burst and the second what lasts.

    octets                 ....---   last     The rate is the slope between the centres of the
              .---'''''''':   :      third    first and the last third of the reports inside.
        ..--''            :   :
      .-   :              :   :
    first third           end_us

Why thirds. The plain difference between two reports is off by the delay variation of two packets:
after 30 ms of jitter up to 6 % of a second. The line through the centres of the outer thirds (Wald
1940, Bartlett 1949) is still one difference of counts by a measured time, but each edge is an
average over a third of the reports; it has 8/9 of the efficiency of a least-squares line and,
unlike that one, no bias when the noise is in the times. No edge is a moment between packets: each
is an arrival, with exactly the octets that had arrived by then, so at 1 Mbit/s nothing is rounded
to packets either.

Why a sub-interval may be longer than dt. The greatest of many noisy rates is the luckiest one. So
sub-intervals are ranked by rate less its own standard error, and the best one is then extended for
as long as its rate does not fall by more than twice that error: a rate that holds for two seconds
is measured over two seconds. On a clean line the error is nothing and the rule changes nothing; a
burst that lasted for dt stays apart from the rate that followed.

Why loss is tested and not only compared. In a second a line of 1 Mbit/s carries some hundred
packets, and 2 % of them vary by half a point from second to second; the idle loss, of as few
packets, by more. A sub-interval is ruled out when its loss is above the limit by more than chance
explains: twice the standard error of both samples together. At rates where a second holds 10^5
packets that is the plain comparison.

What the receiving host dropped. It arrived, so it is not the line's loss, but nobody knows in which
sub-interval it is missing. At most what a sub-interval lost can be it (`own_drops`). Where that is
too much the capacity is the greatest of the sub-intervals that lost next to nothing, if there is
one: the line carries that at least, and a search that found its host too slow has seen to it that
there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from math import isqrt
from typing import Final, NamedTuple

from omega_core.evidence import CapacityRun
from omega_core.units import BITS_PER_OCTET, PPM, US_PER_S, share_ppm_rounded_up

LOSS_OVER_IDLE_PPM: Final = 5_000  # 0.5 points: an absolute limit no line that loses 1 % idle meets
REPORTS_MIN: Final = 6  # two in each third: fewer have no error that could be estimated
SAME_RATE_PPM: Final = 1_000  # by less two rates don't differ: timestamps of two hosts' clocks
OWN_DROPS_PPM_MAX: Final = 100  # of a sub-interval: a receiver that keeps up drops nothing
_SIGMAS: Final = 2  # 95 % of what chance does


class NotEligible(StrEnum):
    """Why a run has no capacity."""

    TOO_SHORT = "too_short"  # no sub-interval of dt was filled
    LOSS = "loss"  # every sub-interval lost more than idle loss + 0.5 points


class Count(NamedTuple):
    """One report of the receiver, cumulative; times on its clock."""

    at_us: int
    octets: int
    packets: int
    highest: int
    delay_us_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubInterval:
    """A span of a run, its rate in IP-layer bit/s, and what RFC 9097 s6.6 wants told with it.

    `error_ppm` is the standard error of the rate, relative to it; `offered_bps` the mean of the
    rates that the sender was told in the span, null if none is known.
    """

    rate_bps: int
    error_ppm: int
    start_us: int
    end_us: int
    octets: int
    sent_packets: int
    lost_packets: int
    loss_ppm: int
    delay_us_max: int
    offered_bps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The maximum over eligible sub-intervals, or why there is none, and the rate at the end."""

    maximum: SubInterval | None
    reason: NotEligible | None
    sustained: SubInterval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleLoss:
    """What the line loses without load.

    A sample of unknown size is taken for exact; a loss that nobody measured, for none.
    """

    loss_ppm: int | None
    packets: int | None

    def explains(self, *, lost: int, sent: int) -> bool:
        """Say whether this loss may be the idle one + 0.5 points (see the module)."""
        if not sent:
            return True
        idle_ppm = self.loss_ppm or 0
        excess_ppm = lost * PPM // sent - idle_ppm - LOSS_OVER_IDLE_PPM
        if excess_ppm <= 0:
            return True
        limit_ppm = idle_ppm + LOSS_OVER_IDLE_PPM
        variance = limit_ppm * max(PPM - limit_ppm, 0) // sent
        variance += self._variance
        return excess_ppm * excess_ppm <= _SIGMAS * _SIGMAS * variance

    @property
    def error_ppm(self) -> int:
        """The standard error of the loss."""
        return isqrt(self._variance)

    @property
    def _variance(self) -> int:
        """One more lost: a sample that lost none does not show that nothing is ever lost."""
        if not self.packets:
            return 0
        loss_ppm = min((self.loss_ppm or 0) + PPM // self.packets, PPM)
        return loss_ppm * (PPM - loss_ppm) // self.packets


def capacity_of(run: CapacityRun) -> Capacity:
    """Return the capacity a run has shown."""
    found = _found(run)
    span, reason = found.maximum()
    maximum = span and _told(found, span, run)
    sustained = found.sustained()
    if maximum is not None:
        dropped = min(run.host_drops, maximum.lost_packets)
        if dropped * PPM > maximum.sent_packets * OWN_DROPS_PPM_MAX:
            clean, _ = _found(run, loss_ppm_max=OWN_DROPS_PPM_MAX).maximum()
            maximum = _told(found, clean, run) if clean else maximum
    return Capacity(
        maximum=maximum, reason=reason, sustained=sustained and _told(found, sustained, run)
    )


def own_drops(run: CapacityRun) -> tuple[int, int]:
    """Return how many packets of what a run is judged by its receiving host may have dropped.

    And how many were sent in that: in the sub-interval of the capacity; else in all of the run.
    """
    maximum = capacity_of(run).maximum if run.fixed_bps is None else None
    if maximum is not None:
        return min(run.host_drops, maximum.lost_packets), maximum.sent_packets
    return run.host_drops, run.highest[-1] if run.highest else 0


def _found(run: CapacityRun, *, loss_ppm_max: int | None = None) -> Found:
    return Found(
        counts_of(run),
        dt_us=run.sub_interval_us,
        idle=idle_loss_of(run),
        loss_ppm_max=loss_ppm_max,
    )


def counts_of(run: CapacityRun) -> list[Count]:
    """Return the receiver's reports of a run."""
    columns = (run.at_us, run.octets, run.packets, run.highest, run.delay_us_max)
    return [Count(*entry) for entry in zip(*columns, strict=True)]


def idle_loss_of(run: CapacityRun) -> IdleLoss:
    """Return the idle loss a run is judged against."""
    return IdleLoss(loss_ppm=run.idle_loss_ppm, packets=run.idle_packets)


class Span(NamedTuple):
    """The reports from `first` to `last`, and the rate between them."""

    first: int
    last: int
    rate_bps: int
    error_ppm: int

    @property
    def surely_bps(self) -> int:
        """The rate less its standard error."""
        return self.rate_bps * (PPM - min(self.error_ppm, PPM)) // PPM


class Found:
    """The sub-intervals of one series of reports.

    With `loss_ppm_max` only those count that lost no more than that, whatever the idle line loses.
    """

    def __init__(
        self,
        counts: Sequence[Count],
        *,
        dt_us: int,
        idle: IdleLoss,
        loss_ppm_max: int | None = None,
    ) -> None:
        self.counts = moving(counts)
        self._dt_us = dt_us
        self._idle = idle
        self._loss_ppm_max = loss_ppm_max
        self._sums = _Sums(self.counts)

    def maximum(self) -> tuple[Span | None, NotEligible | None]:
        """Return the sub-interval of the capacity, or why there is none."""
        spans = [span for first in range(len(self.counts)) if (span := self._from(first))]
        eligible = [span for span in spans if self.eligible(span)]
        if not spans:
            return None, NotEligible.TOO_SHORT
        if not eligible:
            return None, NotEligible.LOSS
        return self._extended(max(eligible, key=lambda span: span.surely_bps)), None

    def sustained(self) -> Span | None:
        """Return the last sub-interval, extended backwards while its rate holds."""
        last = len(self.counts) - 1
        for first in range(last - REPORTS_MIN + 1, -1, -1):
            if self._us(first, last) >= self._dt_us:
                span = self._span(first, last)
                return span and self._grown(span, step_first=-1, step_last=0, judge_loss=False)
        return None

    def eligible(self, span: Span) -> bool:
        """Say whether a span meets the loss criterion."""
        start, end = self.counts[span.first], self.counts[span.last]
        sent = end.highest - start.highest
        lost = sent - (end.packets - start.packets)
        if self._loss_ppm_max is not None:
            return lost * PPM <= sent * self._loss_ppm_max
        return self._idle.explains(lost=lost, sent=sent)

    def _from(self, first: int) -> Span | None:
        for last in range(first + REPORTS_MIN - 1, len(self.counts)):
            if self._us(first, last) >= self._dt_us:
                return self._span(first, last)
        return None

    def _us(self, first: int, last: int) -> int:
        return self.counts[last].at_us - self.counts[first].at_us

    def _span(self, first: int, last: int) -> Span | None:
        slope = self._sums.slope(first, last)
        return Span(first, last, *slope) if slope else None

    def _extended(self, span: Span) -> Span:
        later = self._grown(span, step_first=0, step_last=1, judge_loss=True)
        return self._grown(later, step_first=-1, step_last=0, judge_loss=True)

    def _grown(self, best: Span, *, step_first: int, step_last: int, judge_loss: bool) -> Span:
        """Return the longest span grown in one direction whose rate is still that of `best`."""
        same_bps = best.rate_bps * max(_SIGMAS * best.error_ppm, SAME_RATE_PPM) // PPM
        longest, first, last = best, best.first + step_first, best.last + step_last
        while first >= 0 and last < len(self.counts):
            span = self._span(first, last)
            if span is None or abs(span.rate_bps - best.rate_bps) > same_bps:
                break
            if not judge_loss or self.eligible(span):
                longest = span
            first, last = first + step_first, last + step_last
        return longest


def moving(counts: Sequence[Count]) -> list[Count]:
    """Return the reports that saw a packet arrive since the one before: the others say nothing."""
    found: list[Count] = []
    for count in counts:
        if not found or count.at_us > found[-1].at_us:
            found.append(count)
    return found


class _Sums:
    """Running sums, so that each of some thousand spans costs a few operations; all exact."""

    def __init__(self, counts: Sequence[Count]) -> None:
        times = [count.at_us for count in counts]
        octets = [count.octets for count in counts]
        pairs = list(zip(times, octets, strict=True))
        self._t = [0, *accumulate(times)]
        self._o = [0, *accumulate(octets)]
        self._tt = [0, *accumulate(t * t for t in times)]
        self._to = [0, *accumulate(t * o for t, o in pairs)]
        self._oo = [0, *accumulate(o * o for o in octets)]

    def slope(self, first: int, last: int) -> tuple[int, int] | None:
        """Return bit/s and its relative standard error in ppm over reports first..last."""
        end, count = last + 1, last + 1 - first
        third = count // 3  # of `REPORTS_MIN` at least
        rise = (self._o[end] - self._o[end - third]) - (self._o[first + third] - self._o[first])
        run = (self._t[end] - self._t[end - third]) - (self._t[first + third] - self._t[first])
        if rise <= 0 or run <= 0:
            return None
        t, o = self._t[end] - self._t[first], self._o[end] - self._o[first]
        tt = count * (self._tt[end] - self._tt[first]) - t * t
        to = count * (self._to[end] - self._to[first]) - t * o
        oo = count * (self._oo[end] - self._oo[first]) - o * o
        # squared residuals about the line: (oo - 2 b to + b^2 tt) / count with b = rise / run
        scatter = max(oo * run * run - 2 * rise * run * to + rise * rise * tt, 0)
        # variance of a difference of two means of `third`, over (rise / third)^2
        error_ppm = isqrt(
            2 * third * PPM * PPM * scatter // (count * (count - 2) * run * run * rise * rise)
        )
        return rise * BITS_PER_OCTET * US_PER_S // run, error_ppm


def _told(found: Found, span: Span, run: CapacityRun) -> SubInterval:
    inside = found.counts[span.first : span.last + 1]
    start, end = inside[0], inside[-1]
    sent = end.highest - start.highest
    lost = max(sent - (end.packets - start.packets), 0)  # a late packet of before is not a gain
    return SubInterval(
        rate_bps=span.rate_bps,
        error_ppm=span.error_ppm,
        start_us=start.at_us,
        end_us=end.at_us,
        octets=end.octets - start.octets,
        sent_packets=sent,
        lost_packets=lost,
        loss_ppm=share_ppm_rounded_up(lost, sent) or 0,
        delay_us_max=max(count.delay_us_max for count in inside[1:]),
        offered_bps=_offered_bps(run, start.at_us, end.at_us),
    )


def _offered_bps(run: CapacityRun, start_us: int, end_us: int) -> int | None:
    """Return the mean of the rates the sender was told, by the arrival of what it sent then."""
    edges = [*(at_us for _, _, at_us in run.offered[1:]), end_us]
    bits_us = known_us = 0
    for (_, rate_bps, from_us), until_us in zip(run.offered, edges, strict=False):
        inside_us = min(until_us, end_us) - max(from_us, start_us)
        if inside_us > 0:
            bits_us += rate_bps * inside_us
            known_us += inside_us
    return bits_us // known_us if known_us else None
