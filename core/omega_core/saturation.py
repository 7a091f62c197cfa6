"""Was the test point itself too busy? One pure rule, for the agent, the Collector and the verifier.

The test point states in its observation how busy it was while the session lasted; admission should
refuse before it comes to this (docs/operations.md). A session counts as spoiled when meanwhile

    cpu         the processor was over 85 % for three seconds without a break, with other sessions
                beside this one: a session alone shows what the test point can do at its best
    nic         a link of the test point carried more than 80 % of its rate
    committed   the sessions together had committed more than the test point's capacity
    drops       packets of this session's own load arrived and found no room: over 0.01 % of them;
                of a search, of those in the sub-interval that its capacity is of

What a test point does not state is not judged.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from omega_core.capacity import OWN_DROPS_PPM_MAX, own_drops
from omega_core.control import Observation, TestPointLoad
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.observers import disagreements
from omega_core.units import PPM
from omega_core.verdict import Fault

CPU_BUSY_PPM_MAX: Final = 850_000
NIC_BUSY_PPM_MAX: Final = 800_000
DROPS_PPM_MAX: Final = OWN_DROPS_PPM_MAX


class Ground(StrEnum):
    """What of the test point was not enough."""

    CPU = "cpu"
    NIC = "nic"
    COMMITTED = "committed"
    DROPS = "drops"


def saturation(observation: Observation, evidence: Evidence) -> tuple[Ground, ...]:
    """Return in what the test point was overloaded during a session; none for a good one.

    `evidence` is what the probe says of the session: which of its loads were searches.
    """
    load = observation.load
    judged = {
        Ground.CPU: load.sessions_max > 1 and (load.cpu_sustained_ppm_max or 0) > CPU_BUSY_PPM_MAX,
        Ground.NIC: (load.nic_busy_ppm_max or 0) > NIC_BUSY_PPM_MAX,
        Ground.COMMITTED: _over_committed(load),
        Ground.DROPS: _dropped(observation, evidence),
    }
    return tuple(ground for ground, found in judged.items() if found)


def faults_observed(evidence: Evidence, observation: Observation) -> tuple[Fault, ...]:
    """Return what the test point's word says against a session."""
    judged = {
        Fault.OBSERVERS_DISAGREE: bool(disagreements(evidence, observation)),
        Fault.TEST_POINT_SATURATED: bool(saturation(observation, evidence)),
    }
    return tuple(fault for fault, found in judged.items() if found)


def _over_committed(load: TestPointLoad) -> bool:
    if load.capacity_bps is None or load.committed_bps_max is None:
        return False
    return load.committed_bps_max > load.capacity_bps


def _dropped(observation: Observation, evidence: Evidence) -> bool:
    """Judge by the test point's own drops; the probe may have left them out of its evidence."""
    runs = {run.run: run for run in evidence.capacity if run.direction is Direction.UP}
    shares = [
        own_drops(replace(runs[each.run], host_drops=each.counts.host_drops))
        if each.run in runs
        else (each.counts.host_drops, each.counts.packets[-1] + each.counts.host_drops)
        for each in observation.capacity
        if each.counts.packets
    ]
    dropped = sum(drops for drops, _ in shares)
    return dropped * PPM > sum(sent for _, sent in shares) * DROPS_PPM_MAX
