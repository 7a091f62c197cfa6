"""The metrics of UDP load, by direction: the capacity, and whether a fixed rate was carried.

Of several searches the one that has shown most counts: a maximum is asked for. Of several runs at
fixed rates the last one that has an answer counts: a short window is repeated, and not the better
of two is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from omega_core.capacity import (
    Capacity,
    NotEligible,
    SubInterval,
    capacity_of,
    counts_of,
    idle_loss_of,
)
from omega_core.evidence import CapacityRun, Ended
from omega_core.metrics import Direction, MetricValue, NoValue, measured, undefined
from omega_core.qualification import (
    DEFAULT,
    Allowance,
    Carried,
    Qualification,
    offered_bps,
    qualified,
)
from omega_core.units import US_PER_MS

HAS_WORKED: Final = {Ended.COMPLETED, Ended.DECIDED, Ended.BUDGET}
"""A run that used up its octets still has the sub-intervals that it filled."""
_REASONS: Final[Mapping[NotEligible, NoValue]] = {
    NotEligible.TOO_SHORT: NoValue.TOO_FEW_SAMPLES,
    NotEligible.LOSS: NoValue.LOSSY_AT_ANY_RATE,
}


def capacity_metrics(runs: Sequence[CapacityRun]) -> dict[str, MetricValue]:
    """Return `capacity_bps` of every direction that a run was finished in."""
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        mine = [run for run in _of(runs, direction) if run.fixed_bps is None]
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


def qualification_metrics(runs: Sequence[CapacityRun]) -> dict[str, MetricValue]:
    """Return `qualified_bps` of every direction that a fixed rate was offered in.

    It is what the window proved where the rate in question was carried, and what was received where
    the line was short of it; of what lies between nothing can be said.
    """
    found: dict[str, MetricValue] = {}
    for direction in Direction:
        name = f"qualified_bps_{direction}"
        for run in _of(runs, direction):
            if run.fixed_bps is None:
                continue
            seen = qualification_of(run, run.fixed_bps)
            method = _packets(run) if seen is None else _window(run, run.fixed_bps, seen)
            if seen is None or seen.outcome not in {Carried.CARRIED, Carried.SHORT}:
                reason = NoValue.TOO_FEW_SAMPLES
                found.setdefault(name, undefined(name, reason, method=method))
                continue
            carried = seen.outcome is Carried.CARRIED
            value = seen.proved_bps if carried else seen.rate_bps
            found[name] = measured(name, value, samples=1, method=method)
    return found


def qualification_of(
    run: CapacityRun, wanted_bps: int, allowance: Allowance = DEFAULT
) -> Qualification | None:
    """Return what a run at a fixed rate has shown; None of one that filled no sub-interval.

    What was offered is what the sender was told; where no command is known, what it should be.
    """
    idle = idle_loss_of(run)
    told = run.offered[0][1] if run.offered else offered_bps(wanted_bps, idle, allowance)
    return qualified(
        counts_of(run),
        wanted_bps=wanted_bps,
        offered_bps=told,
        ip_octets=run.ip_octets,
        dt_us=run.sub_interval_us,
        idle=idle,
        allowance=allowance,
    )


def _of(runs: Sequence[CapacityRun], direction: Direction) -> list[CapacityRun]:
    return [run for run in runs if run.direction is direction and run.ended in HAS_WORKED]


def _window(run: CapacityRun, wanted_bps: int, seen: Qualification) -> str:
    return (
        f"fixed rate of {wanted_bps} bit/s, {_packets(run)}, {seen.outcome}: at least "
        f"{seen.proved_bps} bit/s proved, received {seen.rate_bps} bit/s over "
        f"{seen.span_us // US_PER_MS} ms, {seen.loss_ppm} ppm loss, queue grown by "
        f"{seen.queued_us} us"
    )


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
