"""Working latency: the delay stream beside a load, over the window in which that load was steady.

Theory of operation. Of a stream's packets count those that were sent inside the window of its run.

    beside a search    the time in which the load that followed it kept a queue standing: behind a
                       full buffer this is all that the buffer can add
    beside a TCP run   the steady window, the very one that goodput is taken from; a run of seconds
                       has not filled a deep buffer, so this may be less

A direction that has packets of the first kind is told by them alone. Where several runs of a
direction were made their packets are pooled, each against its own run. Delays are of the packets
answered; what a full buffer dropped is in the stream's evidence.

    working round trip   nearest-rank percentiles of those packets (RFC 9318 section 4.2.4)
    responsiveness       60 s / trimmed mean, the slowest 5 % left out, as the responsiveness draft
                         trims; the probes are STAMP's beside the load and neither TCP's nor TLS's
    buffer delay         (mean - baseline) / baseline (RFC 6349 section 4.3); the baseline is the
                         smallest round trip known before the run

The first packets of a TCP run's window still see the queue that the ramp has made; that is the load
too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from omega_core.evidence import CapacityRun, Ended, GoodputRun, WorkingStream
from omega_core.goodput import FINISHED, SteadyRate, SteadyRun
from omega_core.limits import WORKING_PACKETS_MIN
from omega_core.metrics import Direction, MetricValue, NoValue, measured, undefined
from omega_core.samples import nearest_rank_percentile
from omega_core.stream_method import stream_method
from omega_core.units import PPM, US_PER_MS, US_PER_S

KEPT_PERCENT: Final = 95  # TMP of the responsiveness draft: the mean of the fastest so many
_US_PER_MINUTE: Final = 60 * US_PER_S
_REASON_OF_END: Final = {
    Ended.LINK_LOST: NoValue.LINK_LOST,
    Ended.TEST_POINT_LOST: NoValue.TEST_POINT_LOST,
    Ended.REFUSED: NoValue.REFUSED,
    Ended.INTERRUPTED: NoValue.INTERRUPTED,
    Ended.BUDGET: NoValue.BUDGET,
}


class _Load(NamedTuple):
    """What ran beside a stream; `steady` of a TCP run that has one."""

    run: GoodputRun | CapacityRun
    steady: SteadyRate | None = None


class _Sample(NamedTuple):
    """The answered packets of one stream that were sent in its run's window."""

    rtt_us: list[int]
    base_rtt_us: int


def working_metrics(
    streams: Sequence[WorkingStream],
    runs: Sequence[SteadyRun],
    searches: Sequence[CapacityRun] = (),
) -> dict[str, MetricValue]:
    """Return the metrics of every direction that had a stream; of others there is nothing to say.

    A direction whose streams answered too few packets has its reason.
    """
    loads = _loads(runs, searches)
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        mine = [each for each in streams if each.direction is direction]
        held = [each for each in mine if _is_held(loads.get(each.run))]
        if mine:
            found.update(_of_direction(direction, held or mine, loads))
    return found


def sent_while_held(stream: WorkingStream, search: CapacityRun) -> Iterator[int | None]:
    """Yield the round trip of each packet sent while the load was held; None without reply."""
    if search.held_us is None or stream.run != search.run:
        return
    from_us, until_us = search.held_us
    for sent_us, rtt_us in zip(stream.sent_us(), stream.rtt_us, strict=True):
        if from_us <= sent_us <= until_us:
            yield rtt_us


def sent_in_window(
    stream: WorkingStream, run: GoodputRun, window: SteadyRate
) -> Iterator[int | None]:
    """Yield the round trip of each packet sent inside the window, None of one without reply."""
    if stream.run_epoch_offset_us is None or stream.run != run.run:
        return
    epoch_us = stream.run_epoch_offset_us
    for sent_us, rtt_us in zip(stream.sent_us(), stream.rtt_us, strict=True):
        if window.start_us <= sent_us - epoch_us <= window.end_us:
            yield rtt_us


def blocks_under_load(
    direction: Direction,
    streams: Sequence[WorkingStream],
    runs: Sequence[SteadyRun],
    searches: Sequence[CapacityRun] = (),
) -> Iterator[tuple[int | None, ...]]:
    """Yield each whole second of load in one direction: the round trips of the packets sent in it.

    None is a packet without reply. The packets are those that the metrics are of; a second that the
    window does not hold to its end is left out, and so is one in which none was sent.
    """
    loads = _loads(runs, searches)
    mine = [each for each in streams if each.direction is direction]
    held = [each for each in mine if _is_held(loads.get(each.run))]
    for stream in held or mine:
        window_us = _window_us(stream, loads.get(stream.run))
        if window_us is None:
            continue
        from_us, until_us = window_us
        whole = (until_us - from_us) // US_PER_S
        seconds: dict[int, list[int | None]] = {}  # as many as have packets, however long the load
        for sent_us, rtt_us in zip(stream.sent_us(), stream.rtt_us, strict=True):
            second = (sent_us - from_us) // US_PER_S
            if 0 <= second < whole:
                seconds.setdefault(second, []).append(rtt_us)
        yield from (tuple(each) for each in seconds.values())


def _loads(runs: Sequence[SteadyRun], searches: Sequence[CapacityRun]) -> dict[int, _Load]:
    """Return the loads of a session by their number."""
    loads = {each.run.run: _Load(each.run, each.steady) for each in runs}
    loads.update({search.run: _Load(search) for search in searches})
    return loads


def _window_us(stream: WorkingStream, load: _Load | None) -> tuple[int, int] | None:
    """Return from when until when, on the session's time, the load beside a stream was steady."""
    if load is None or not _is_beside(stream, load):
        return None
    if isinstance(load.run, CapacityRun):
        return load.run.held_us
    if load.steady is None or stream.run_epoch_offset_us is None:
        return None
    epoch_us = stream.run_epoch_offset_us
    return epoch_us + load.steady.start_us, epoch_us + load.steady.end_us


def _is_beside(stream: WorkingStream, load: _Load) -> bool:
    """Say whether the load went in the stream's direction and came to its end."""
    return load.run.direction is stream.direction and load.run.ended in FINISHED


def _is_held(load: _Load | None) -> bool:
    return load is not None and isinstance(load.run, CapacityRun) and load.run.held_us is not None


def _of_direction(
    direction: Direction, streams: Sequence[WorkingStream], loads: Mapping[int, _Load]
) -> dict[str, MetricValue]:
    samples = [_sample(stream, loads.get(stream.run)) for stream in streams]
    rtt_us = [each for sample in samples if sample is not None for each in sample.rtt_us]
    method = f"{stream_method(streams[0])}, {_beside(streams, loads)} {direction}"
    names = [
        f"working_rtt_us_p50_{direction}",
        f"working_rtt_us_p95_{direction}",
        f"responsiveness_rpm_{direction}",
        f"buffer_delay_ppm_{direction}",
    ]
    if len(rtt_us) < WORKING_PACKETS_MIN:
        reason = _why_too_few(streams, loads)
        return {name: undefined(name, reason, samples=len(rtt_us), method=method) for name in names}
    p50, p95, rpm, buffer = names
    count = len(rtt_us)
    found = {
        p50: measured(p50, nearest_rank_percentile(rtt_us, 50), samples=count, method=method),
        p95: measured(p95, nearest_rank_percentile(rtt_us, 95), samples=count, method=method),
        rpm: measured(
            rpm,
            responsiveness_rpm(rtt_us),
            samples=count,
            method=f"other probes: {method}; 60 s over the mean of the fastest {KEPT_PERCENT} %",
        ),
    }
    excess = _buffer_delay_ppm([sample for sample in samples if sample is not None])
    found[buffer] = (
        undefined(buffer, NoValue.TOO_FEW_SAMPLES, samples=count, method=method)
        if excess is None
        else measured(
            buffer, excess, samples=count, method=f"{method}; over {_baselines(samples)} ms"
        )
    )
    return found


def responsiveness_rpm(rtt_us: Sequence[int]) -> int:
    """Return round trips a minute of the trimmed mean, cut off; a trip takes a microsecond or more.

    Raises ValueError for an empty sample.
    """
    if not rtt_us:
        raise ValueError("an empty sample has no mean")
    kept = sorted(rtt_us)[: max(1, len(rtt_us) * KEPT_PERCENT // 100)]
    return _US_PER_MINUTE * len(kept) // max(sum(kept), len(kept))


def _beside(streams: Sequence[WorkingStream], loads: Mapping[int, _Load]) -> str:
    beside = [loads[each.run].run for each in streams if each.run in loads]
    held = [run for run in beside if isinstance(run, CapacityRun)]
    if not held:
        return "in the steady window of a TCP load"
    if all(run.filled for run in held):
        return "while a UDP load held the buffer full"
    return "while a UDP load kept a queue standing, the buffer not seen full,"


def _sample(stream: WorkingStream, load: _Load | None) -> _Sample | None:
    """Return what counts of a stream; None without a run that came to its end and had a rate."""
    if load is None or not _is_beside(stream, load):
        return None
    run, window = load
    if isinstance(run, CapacityRun):
        held = [each for each in sent_while_held(stream, run) if each is not None]
        return _Sample(held, run.base_rtt_us)
    if window is None:
        return None
    answered = [each for each in sent_in_window(stream, run, window) if each is not None]
    return _Sample(answered, run.base_rtt_us)


def _buffer_delay_ppm(samples: Sequence[_Sample]) -> int | None:
    """Return the mean delay beyond the baseline over the baseline, rounded up; never below 0.

    Each run is held against its own baseline; None where a baseline is nothing.
    """
    baseline_us = sum(sample.base_rtt_us * len(sample.rtt_us) for sample in samples)
    total_us = sum(sum(sample.rtt_us) for sample in samples)
    if not baseline_us:
        return None
    return max(0, -(-(total_us - baseline_us) * PPM // baseline_us))


def _baselines(samples: Sequence[_Sample | None]) -> str:
    """Return the baselines in ms, to a thousandth, as text."""
    known = sorted({sample.base_rtt_us for sample in samples if sample is not None})
    least, most = known[0], known[-1]
    texts = [f"{each // US_PER_MS}.{each % US_PER_MS:03}" for each in dict.fromkeys((least, most))]
    return " to ".join(texts)


def _why_too_few(streams: Sequence[WorkingStream], loads: Mapping[int, _Load]) -> NoValue:
    """Return how the first run that was cut short ended, else the first stream, else too few."""
    ends = [loads[stream.run].run.ended for stream in streams if stream.run in loads]
    ends += [stream.ended for stream in streams]
    reasons = [_REASON_OF_END[ended] for ended in ends if ended in _REASON_OF_END]
    return reasons[0] if reasons else NoValue.TOO_FEW_SAMPLES
