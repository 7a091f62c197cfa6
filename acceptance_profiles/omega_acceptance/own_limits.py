"""A rate below the plan that our own side limited is no failure of the line. Pure.

Where a goodput criterion is not met, the sending kernels' own account says what held the rate back
(`omega_core.limit_cause`). If that was not the line the run is spoiled, and says by what:

    probe_host    cpu_limited            the sender was not fed, or the receiver did not read
    lan           nic_rate_below_plan    the measuring host's own link carries no more
    test_point    test_point_saturated   the same at the other end

A rate that keeps the promise in spite of such a limit keeps it all the same, and an advisory
criterion spoils nothing, as it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from omega_core.environment import Environment
from omega_core.evidence import Evidence
from omega_core.limit_cause import limit_cause
from omega_core.metrics import Direction, LimitCause
from omega_core.verdict import CriterionOutcome, Fault, Outcome

FAULT_OF: Final[Mapping[LimitCause, Fault]] = {
    LimitCause.PROBE_HOST: Fault.CPU_LIMITED,
    LimitCause.LAN: Fault.NIC_RATE_BELOW_PLAN,
    LimitCause.TEST_POINT: Fault.TEST_POINT_SATURATED,
}


def own_limits(
    outcomes: Iterable[CriterionOutcome], evidence: Evidence, environment: Environment
) -> tuple[Fault, ...]:
    """Return what of our own kept a rate below its promise, each once."""
    found: dict[Fault, None] = {}
    for outcome in outcomes:
        if not outcome.mandatory or outcome.outcome is not Outcome.FAIL:
            continue
        for direction in Direction:
            if outcome.metric != f"goodput_bps_{direction}":
                continue
            cause = limit_cause(
                evidence.goodput,
                direction,
                rate_bps=outcome.value,
                interface=environment.interface,
            )
            if cause is not None and cause in FAULT_OF:
                found[FAULT_OF[cause]] = None
    return tuple(found)
