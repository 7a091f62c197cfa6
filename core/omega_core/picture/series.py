"""What a picture of a session shows: rates and delays over the session's time, few enough to draw.

Theory of operation. A TCP run's rate is the difference of its counters over equal spans, a UDP
load's the difference between two of its reports; a stream's delays are its packets', in the order
of sending. All are put on the session's own time. A series with more points than `POINTS_MAX` is
thinned so that of each span its least and greatest stay: a peak that was measured is seen. Where
packets went unanswered for longer than a few periods the line is broken, not bridged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from omega_core.evidence import CapacityRun, Evidence, GoodputRun, IdleStream, WorkingStream
from omega_core.goodput import octets_over
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, US_PER_MS, US_PER_S

POINTS_MAX: Final = 600  # of a series: finer than the picture's own resolution
_SPAN_US_MIN: Final = 100 * US_PER_MS  # the counters' own tick
_GAP_PERIODS: Final = 5


class Kind(StrEnum):
    """What a series is of."""

    RATE_DOWN = "rate_down"
    RATE_UP = "rate_up"
    LOAD_DOWN = "load_down"
    LOAD_UP = "load_up"
    IDLE = "idle"
    WORKING_DOWN = "working_down"
    WORKING_UP = "working_up"


RATES: Final = frozenset({Kind.RATE_DOWN, Kind.RATE_UP, Kind.LOAD_DOWN, Kind.LOAD_UP})


class Point(NamedTuple):
    """A value at a time of the session; bit/s of a rate, us of a delay."""

    at_us: int
    value: int


class Series(NamedTuple):
    """One line of a picture; each stretch is drawn without a break."""

    kind: Kind
    stretches: tuple[tuple[Point, ...], ...]

    @property
    def points(self) -> Iterator[Point]:
        """Yield every point."""
        return (point for stretch in self.stretches for point in stretch)


def series_of(evidence: Evidence) -> tuple[Series, ...]:
    """Return every line that the evidence has points for, in the order of a session."""
    epochs = {stream.run: stream.run_epoch_offset_us for stream in evidence.working}
    found = [_delays(Kind.IDLE, stream) for stream in evidence.idle]
    found += [_load(run) for run in evidence.capacity]
    found += [_rates(run, epochs.get(run.run)) for run in evidence.goodput]
    found += [_delays(_working_kind(stream), stream) for stream in evidence.working]
    return tuple(series for series in found if any(series.stretches))


def _rates(run: GoodputRun, epoch_us: int | None) -> Series:
    """Return the payload rate of a run, all flows together, at the end of each span."""
    kind = Kind.RATE_DOWN if run.direction is Direction.DOWN else Kind.RATE_UP
    flows = [flow for flow in run.flows if flow.at_us]
    if not flows:
        return Series(kind, ())
    zero_us = run.started_offset_us if epoch_us is None else epoch_us
    first_us = min(flow.at_us[0] for flow in flows)
    last_us = max(flow.at_us[-1] for flow in flows)
    span_us = max(_SPAN_US_MIN, -(-(last_us - first_us) // POINTS_MAX))
    grid_us = range(first_us, last_us + 1, span_us)
    counts = octets_over(flows, grid_us)
    points = [Point(zero_us + first_us, 0)] + [
        Point(zero_us + at_us, (after - before) * BITS_PER_OCTET * US_PER_S // span_us)
        for at_us, before, after in zip(grid_us[1:], counts, counts[1:], strict=False)
    ]
    return Series(kind, (tuple(points),))


def _load(run: CapacityRun) -> Series:
    """Return the IP-layer rate received of a UDP load, at the end of each span of its reports.

    Its receiver's clock began with the first packet, which is known here to within a round trip.
    """
    kind = Kind.LOAD_DOWN if run.direction is Direction.DOWN else Kind.LOAD_UP
    if not run.at_us:
        return Series(kind, ())
    zero_us = run.started_offset_us + run.base_rtt_us
    points, before_us, before = [Point(zero_us, 0)], 0, 0
    for at_us, octets in zip(run.at_us, run.octets, strict=True):
        if at_us - before_us >= _SPAN_US_MIN:
            rate_bps = (octets - before) * BITS_PER_OCTET * US_PER_S // (at_us - before_us)
            points.append(Point(zero_us + at_us, rate_bps))
            before_us, before = at_us, octets
    return Series(kind, (tuple(points),))


def _delays(kind: Kind, stream: IdleStream) -> Series:
    """Return the round trips of a stream, broken where several packets in a row have none."""
    stretches: list[list[Point]] = []
    longest_us = stream.period_us
    if isinstance(stream, WorkingStream):
        longest_us = max((period_us for _, period_us in stream.spacings), default=longest_us)
    gap_us = _GAP_PERIODS * longest_us
    for at_us, rtt_us in zip(_sent_us(stream), stream.rtt_us, strict=True):
        if rtt_us is None:
            continue
        if not stretches or at_us - stretches[-1][-1].at_us > gap_us:
            stretches.append([])
        stretches[-1].append(Point(at_us, rtt_us))
    points = sum(map(len, stretches))
    share = -(-points // POINTS_MAX) * 2  # two points stay of each bucket
    return Series(kind, tuple(tuple(_thinned(each, share)) for each in stretches))


def _sent_us(stream: IdleStream) -> Iterator[int]:
    """Yield when each packet was sent, on the session's time."""
    if isinstance(stream, WorkingStream):
        return stream.sent_us()
    return (
        stream.started_offset_us + number * stream.period_us for number in range(len(stream.rtt_us))
    )


def _thinned(points: Sequence[Point], bucket: int) -> Iterator[Point]:
    """Yield the least and the greatest of each bucket, in order of time; all where they are few."""
    if bucket <= 2:
        yield from points
        return
    for start in range(0, len(points), bucket):
        some = points[start : start + bucket]
        yield from sorted({min(some, key=_value), max(some, key=_value)})


def _value(point: Point) -> int:
    return point.value


def _working_kind(stream: WorkingStream) -> Kind:
    return Kind.WORKING_DOWN if stream.direction is Direction.DOWN else Kind.WORKING_UP
