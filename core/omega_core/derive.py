"""Every public metric from the evidence: one pure function for probe, server and verifier.

The probe calls it to fill its result, the server calls it again on the signed evidence and
compares, `omega verify` does the same without a network. A metric that no task of the run measured
is null with a reason; every name of `METRICS` is always present.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omega_core.capacity_metrics import capacity_metrics, qualification_metrics
from omega_core.evidence import Attempt, Ended, Evidence, GoodputRun, IdleStream, SequenceRange
from omega_core.goodput import SteadyRate, steady_rate
from omega_core.metrics import METRICS, Direction, MetricValue, NoValue, measured, undefined
from omega_core.samples import (
    Lost,
    Received,
    Singleton,
    Way,
    ipdv_us,
    mean_magnitude,
    nearest_rank_percentile,
)
from omega_core.stream_method import stream_method
from omega_core.units import (
    BITS_PER_OCTET,
    PPM,
    US_PER_MS,
    US_PER_S,
    share_ppm_rounded_down,
    share_ppm_rounded_up,
)
from omega_core.working import working_metrics

_REASON_OF_END = {
    Ended.LINK_LOST: NoValue.LINK_LOST,
    Ended.TEST_POINT_LOST: NoValue.TEST_POINT_LOST,
    Ended.REFUSED: NoValue.REFUSED,
    Ended.INTERRUPTED: NoValue.INTERRUPTED,
    Ended.BUDGET: NoValue.BUDGET,
    Ended.NO_GRANT: NoValue.NO_GRANT,
}
_HAS_WORKED = {Ended.COMPLETED, Ended.DECIDED}
LEFT_OUT: Final = "not part of this mode"
"""Detail of a task that is skipped because of the mode, and of no other."""
_BESIDE_TCP = {"working_rtt", "responsiveness", "buffer_delay"}
_TASK_OF_METRIC = {
    "reachable": "connectivity",
    "idle_rtt": "idle",
    "idle_pdv": "idle",
    "idle_ipdv": "idle",
    "loss": "idle",
    "reordered": "idle",
    "tcp_efficiency": "goodput",
}


def metrics_of(evidence: Evidence) -> dict[str, MetricValue]:
    """Return every public metric of a session, by name, in the order of the registry."""
    found = {
        **_reachable(evidence.attempts),
        **_idle(evidence.idle),
        **_goodput(evidence.goodput),
        **working_metrics(evidence.working, evidence.goodput, evidence.capacity),
        **capacity_metrics(evidence.capacity),
        **qualification_metrics(evidence.capacity),
    }
    return {name: found.get(name) or _absent(name, evidence) for name in METRICS}


def sample_of(stream: IdleStream) -> tuple[Singleton, ...]:
    """Return the fate of every packet of a stream, in sending order."""
    up, down = _numbers(stream.lost_up), _numbers(stream.lost_down)
    return tuple(
        Received(sequence, rtt_us)
        if rtt_us is not None
        else Lost(sequence, Way.UP if sequence in up else _down_or_unknown(sequence, down))
        for sequence, rtt_us in enumerate(stream.rtt_us)
    )


def steady_rates(runs: Sequence[GoodputRun], direction: Direction) -> list[SteadyRate]:
    """Return the steady goodput of each completed run in one direction, in order."""
    rates = [
        steady_rate(run) for run in runs if run.direction is direction and run.ended in _HAS_WORKED
    ]
    return [rate for rate in rates if rate is not None]


def _absent(name: str, evidence: Evidence) -> MetricValue:
    """Say why a metric has no value, from how the tasks that measure it ended.

    The first that was cut short says why. A task that came to its end and yet gave no value had too
    little to compute one from.
    """
    quantity = METRICS[name]
    task = _TASK_OF_METRIC.get(quantity.name, quantity.name)
    tasks = {task, f"{task}_{name.rpartition('_')[2]}"}
    ends = [end.ended for end in evidence.tasks if end.task in tasks]
    if reasons := [_REASON_OF_END[ended] for ended in ends if ended in _REASON_OF_END]:
        return undefined(name, reasons[0])
    if not _HAS_WORKED.isdisjoint(ends):
        return undefined(name, NoValue.TOO_FEW_SAMPLES)
    if any(end.detail == LEFT_OUT and _is_left_with(name, end.task) for end in evidence.tasks):
        return undefined(name, NoValue.SKIPPED)
    return undefined(name, NoValue.NOT_MEASURED)


def _is_left_with(name: str, task: str) -> bool:
    """Say whether a mode that leaves this task out leaves the metric out."""
    quantity, way = METRICS[name].name, name.rpartition("_")[2]
    needed = "goodput" if quantity in _BESIDE_TCP else _TASK_OF_METRIC.get(quantity, quantity)
    return task == f"{needed}_{way}"


def _reachable(attempts: Sequence[Attempt]) -> dict[str, MetricValue]:
    counted = [attempt for attempt in attempts if attempt.to_test_point]
    share = share_ppm_rounded_down(sum(attempt.answered for attempt in counted), len(counted))
    if share is None:
        return {}
    kinds = "+".join(sorted({attempt.kind.value for attempt in counted}))
    families = "+".join(sorted({f"v{attempt.family}" for attempt in counted if attempt.family}))
    method = f"attempts on the test point by {kinds} over {families}"
    return {"reachable_ppm": measured("reachable_ppm", share, samples=len(counted), method=method)}


def _idle(streams: Sequence[IdleStream]) -> dict[str, MetricValue]:
    """Metrics of the first stream; a second one, of the other family, stays in the evidence."""
    if not streams or not streams[0].rtt_us:  # stopped before its first packet: nothing was asked
        return {}
    stream = streams[0]
    method = stream_method(stream)
    return {**_delays(stream, method), **_losses(stream, method)}


def _delays(stream: IdleStream, method: str) -> dict[str, MetricValue]:
    """Delays of the packets that were answered (RFC 3393 section 4.1): loss is told by itself."""
    sample = sample_of(stream)
    rtt_us = [each.rtt_us for each in sample if isinstance(each, Received)]
    names = ("idle_rtt_us_min", "idle_rtt_us_p50", "idle_rtt_us_p95", "idle_pdv_us_p95")
    if not rtt_us:
        lost = len(sample)
        return {
            name: undefined(name, NoValue.NO_REPLY, samples=lost, method=method)
            for name in (*names, "idle_ipdv_us_mean")
        }
    least, p95 = min(rtt_us), nearest_rank_percentile(rtt_us, 95)
    values = (least, nearest_rank_percentile(rtt_us, 50), p95, p95 - least)
    found = {
        name: measured(name, value, samples=len(rtt_us), method=method)
        for name, value in zip(names, values, strict=True)
    }
    pairs = [*ipdv_us(sample)]
    magnitude = mean_magnitude(pairs)
    name = "idle_ipdv_us_mean"
    found[name] = (
        undefined(name, NoValue.TOO_FEW_SAMPLES, samples=len(pairs), method=method)
        if magnitude is None
        else measured(name, magnitude, samples=len(pairs), method=method)
    )
    return found


def _losses(stream: IdleStream, method: str) -> dict[str, MetricValue]:
    """Loss and reordering by direction.

    Upwards they are the reflector's count of what it received. Without its report, and where its
    own numbering in the replies leaves a lost packet's way open, they are not known. What arrived
    here in which order is known in any case.
    """
    sent = len(stream.rtt_us)
    lost_up, lost_down = _size(stream.lost_up), _size(stream.lost_down)
    answered = sum(rtt_us is not None for rtt_us in stream.rtt_us)
    reached = sent - lost_up
    ways_known = lost_up + lost_down + answered >= sent
    counts: dict[str, tuple[int | None, int]] = {
        "loss_ppm_up": (lost_up if ways_known else None, sent),
        "loss_ppm_down": (lost_down if ways_known else None, reached),
        "reordered_ppm_up": (stream.report.reordered if stream.report else None, reached),
        "reordered_ppm_down": (stream.reordered_down, answered),
    }
    return {name: _share(name, part, whole, method) for name, (part, whole) in counts.items()}


def _share(name: str, part: int | None, whole: int, method: str) -> MetricValue:
    """Return part of whole, None being a count that nobody has; of nothing there is no share."""
    if part is None:
        return undefined(name, NoValue.WAY_UNKNOWN, samples=whole, method=method)
    share = share_ppm_rounded_up(part, whole)
    if share is None:
        return undefined(name, NoValue.NO_REPLY, method=method)
    return measured(name, share, samples=whole, method=method)


def _goodput(runs: Sequence[GoodputRun]) -> dict[str, MetricValue]:
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        mine = [run for run in runs if run.direction is direction]
        rates = steady_rates(mine, direction)
        if not rates:
            continue
        octets = sum(rate.octets for rate in rates)
        span_us = sum(rate.end_us - rate.start_us for rate in rates)
        name = f"goodput_bps_{direction}"
        method = _goodput_method(mine, rates)
        value = octets * BITS_PER_OCTET * US_PER_S // span_us
        found[name] = measured(name, value, samples=len(rates), method=method)
        found.update(_efficiency(mine, direction, method))
    return found


def _goodput_method(runs: Sequence[GoodputRun], rates: Sequence[SteadyRate]) -> str:
    flows = max(len(run.flows) for run in runs)
    control = "+".join(sorted({run.congestion_control for run in runs}))
    span_ms = sum(rate.end_us - rate.start_us for rate in rates) // US_PER_MS
    ramp = "" if all(rate.ramp_finished for rate in rates) else ", ramp not finished"
    held = ", at least: the grant's octets held the sender back" if _held_back(runs) else ""
    return (
        f"TCP payload at the receiver, IPv{runs[0].family}, up to {flows} flows, {control}, "
        f"steady windows of {span_ms} ms in all{ramp}{held}"
    )


def _held_back(runs: Sequence[GoodputRun]) -> bool:
    return any(run.held_back for run in runs)


def _efficiency(
    runs: Sequence[GoodputRun], direction: Direction, method: str
) -> dict[str, MetricValue]:
    senders = [sender for run in runs for sender in run.senders]
    sent = sum(sender.sent_octets for sender in senders)
    again = sum(sender.retransmitted_octets for sender in senders)
    if not sent or again > sent:
        return {}
    name = f"tcp_efficiency_ppm_{direction}"
    value = (sent - again) * PPM // sent
    return {name: measured(name, value, samples=len(senders), method=method)}


def _numbers(ranges: Sequence[SequenceRange]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def _size(ranges: Sequence[SequenceRange]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _down_or_unknown(sequence: int, down: set[int]) -> Way:
    return Way.DOWN if sequence in down else Way.UNKNOWN
