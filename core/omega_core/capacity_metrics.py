"""The capacity metrics of a session: of each direction the run that has shown most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from omega_core.capacity import Capacity, NotEligible, SubInterval, capacity_of
from omega_core.evidence import CapacityRun, Ended
from omega_core.metrics import Direction, MetricValue, NoValue, measured, undefined
from omega_core.units import US_PER_MS

_HAS_WORKED: Final = {Ended.COMPLETED, Ended.DECIDED, Ended.BUDGET}
"""A run that used up its octets still has the sub-intervals that it filled."""
_REASONS: Final[Mapping[NotEligible, NoValue]] = {
    NotEligible.TOO_SHORT: NoValue.TOO_FEW_SAMPLES,
    NotEligible.LOSS: NoValue.LOSSY_AT_ANY_RATE,
}


def capacity_metrics(runs: Sequence[CapacityRun]) -> dict[str, MetricValue]:
    """Return `capacity_bps` of every direction that a run was finished in."""
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        mine = [run for run in runs if run.direction is direction and run.ended in _HAS_WORKED]
        shown = [(run, capacity_of(run)) for run in mine]
        best = max(
            ((run, each, each.maximum) for run, each in shown if each.maximum is not None),
            key=lambda entry: entry[2].rate_bps,
            default=None,
        )
        name = f"capacity_bps_{direction}"
        if best is not None:
            run, capacity, maximum = best
            samples = maximum.sent_packets - maximum.lost_packets
            method = _method(run, capacity, maximum)
            found[name] = measured(name, maximum.rate_bps, samples=samples, method=method)
        elif shown and (reason := shown[-1][1].reason) is not None:
            found[name] = undefined(name, _REASONS[reason], method=_packets(shown[-1][0]))
    return found


def _method(run: CapacityRun, capacity: Capacity, maximum: SubInterval) -> str:
    span_ms = (maximum.end_us - maximum.start_us) // US_PER_MS
    sustained = capacity.sustained
    lasting = "" if sustained is None else f", sustained {sustained.rate_bps} bit/s"
    return (
        f"RFC 9097, {_packets(run)}, largest sub-interval of {span_ms} ms with "
        f"{maximum.loss_ppm} ppm loss, standard deviation {maximum.error_ppm} ppm{lasting}"
    )


def _packets(run: CapacityRun) -> str:
    return f"UDP over IPv{run.family}, {run.ip_octets} IP octets"
