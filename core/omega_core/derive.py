"""Every public metric from the evidence: one pure function for probe, server and verifier.

The probe calls it to fill its result, the server calls it again on the signed evidence and
compares, `omega verify` does the same without a network. A metric that no task of the run measured
is null with a reason; every name of `METRICS` is always present.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from omega_core.capacity_metrics import capacity_metrics, qualification_metrics
from omega_core.evidence import Attempt, Ended, Evidence, GoodputRun, IdleStream, SequenceRange
from omega_core.goodput import FINISHED, SteadyRate, SteadyRun, steady_runs
from omega_core.metrics import METRICS, Direction, MetricValue, NoValue, measured, undefined
from omega_core.samples import ipdv_us, mean_magnitude, nearest_rank_percentile
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
LEFT_OUT: Final = "not part of this mode"
"""Detail of a task that is skipped because of the mode, and of no other."""
NOT_NEEDED: Final = "not needed: what it was to answer is known"
"""Detail of a run that is skipped because those before it were enough, and of no other."""
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


class Derived(NamedTuple):
    """What follows from evidence: its TCP runs with their steady rates, and every public metric."""

    runs: tuple[SteadyRun, ...]
    metrics: dict[str, MetricValue]


def derive(evidence: Evidence) -> Derived:
    """Return what follows from the evidence of a session, each computed once."""
    runs = steady_runs(evidence.goodput)
    return Derived(runs, metrics_with(evidence, runs))


def metrics_of(evidence: Evidence) -> dict[str, MetricValue]:
    """Return every public metric of a session, by name, in the order of the registry."""
    return derive(evidence).metrics


def metrics_with(evidence: Evidence, runs: Sequence[SteadyRun]) -> dict[str, MetricValue]:
    """Return the same where the steady rates of the evidence's runs are known already."""
    found = {
        **_reachable(evidence.attempts),
        **_idle(evidence.idle),
        **_goodput(runs),
        **working_metrics(evidence.working, runs, evidence.capacity),
        **capacity_metrics(evidence.capacity),
        **qualification_metrics(evidence.capacity),
    }
    return {name: found.get(name) or _absent(name, evidence) for name in METRICS}


def _absent(name: str, evidence: Evidence) -> MetricValue:
    """Say why a metric has no value, from how the tasks that measure it ended.

    The first that was cut short says why. A task that came to its end and yet gave no value had too
    little to compute one from.
    """
    tasks = _tasks_of(name)
    ends = [end.ended for end in evidence.tasks if end.task in tasks]
    if reasons := [_REASON_OF_END[ended] for ended in ends if ended in _REASON_OF_END]:
        return undefined(name, reasons[0])
    if not FINISHED.isdisjoint(ends):
        return undefined(name, NoValue.TOO_FEW_SAMPLES)
    if any(end.detail == LEFT_OUT and _is_left_with(name, end.task) for end in evidence.tasks):
        return undefined(name, NoValue.SKIPPED)
    return undefined(name, NoValue.NOT_MEASURED)


@cache
def _tasks_of(name: str) -> frozenset[str]:
    """Return what the task that measures a metric may be called."""
    quantity = METRICS[name].name
    task = _TASK_OF_METRIC.get(quantity, quantity)
    return frozenset({task, f"{task}_{name.rpartition('_')[2]}"})


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
    rtt_us = sorted([each for each in stream.rtt_us if each is not None])
    names = ("idle_rtt_us_min", "idle_rtt_us_p50", "idle_rtt_us_p95", "idle_pdv_us_p95")
    if not rtt_us:
        lost = len(stream.rtt_us)
        return {
            name: undefined(name, NoValue.NO_REPLY, samples=lost, method=method)
            for name in (*names, "idle_ipdv_us_mean")
        }
    least, p95 = rtt_us[0], nearest_rank_percentile(rtt_us, 95)
    values = (least, nearest_rank_percentile(rtt_us, 50), p95, p95 - least)
    found = {
        name: measured(name, value, samples=len(rtt_us), method=method)
        for name, value in zip(names, values, strict=True)
    }
    pairs = [*ipdv_us(stream.rtt_us)]
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
    answered = sent - stream.rtt_us.count(None)
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


def _goodput(runs: Sequence[SteadyRun]) -> dict[str, MetricValue]:
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        of_direction = [each for each in runs if each.run.direction is direction]
        mine = [each.run for each in of_direction]
        rates = [each.steady for each in of_direction if each.steady is not None]
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


def _size(ranges: Sequence[SequenceRange]) -> int:
    return sum(last - first + 1 for first, last in ranges)
