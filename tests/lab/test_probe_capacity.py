"""IP-layer capacity over real links: what was found against the rate that the lab was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab import links
from lab.topology import Lab
from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S, PPM
from omega_probe.plan import CapacityTask, MeasurementPlan
from support.lab_session import LabTestPoint, measure

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(120)]

FULL_PPM, QUICK_PPM = 10_000, 50_000


def plan(*, quick: bool, idle_ms: int = 2_000) -> MeasurementPlan:
    return MeasurementPlan(
        connectivity_attempts=1,
        precheck_ns=0,
        idle_duration_ns=idle_ms * NS_PER_MS,
        capacity=tuple(
            CapacityTask(direction=direction, duration_ns=8 * NS_PER_S, quick=quick)
            for direction in Direction
        ),
    )


def deviations_ppm(name: str, result: dict[str, Any]) -> dict[str, int | None]:
    """Return by how much the capacity found differs from the link's IP rate, each way."""
    spec = links.named(name)
    true_bps = {"down": spec.down.rate_bps or 0, "up": spec.up.rate_bps or 0}
    found = {way: result["metrics"][f"capacity_bps_{way}"]["value"] for way in true_bps}
    return {
        way: None if found[way] is None else (found[way] - true) * PPM // true
        for way, true in true_bps.items()
    }


@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
@pytest.mark.parametrize("name", ["slow", "adsl", "vdsl", "ftth", "lossy-2", "satellite"])
def test_the_capacity_is_the_links(name: str, tmp_path: Path, *, quick: bool) -> None:
    with Lab(links.named(name)) as lab, LabTestPoint(lab, tmp_path) as test_point:
        result = measure(lab, test_point, plan(quick=quick))
    ends = {end["task"]: end["ended"] for end in result["evidence"]["tasks"]}
    assert ends["capacity_down"] == ends["capacity_up"] == Ended.DECIDED, result["evidence"][
        "tasks"
    ]
    assert result["faults"] == []
    for way, off_ppm in deviations_ppm(name, result).items():
        assert off_ppm is not None, way
        assert abs(off_ppm) <= (QUICK_PPM if quick else FULL_PPM), (way, off_ppm)


@pytest.mark.parametrize("percent", [110, 105, 95, 90])
@pytest.mark.parametrize("name", ["wimax", "adsl", "vdsl", "ftth"])
def test_whether_a_line_carries_a_rate(name: str, percent: int, tmp_path: Path) -> None:
    """The plan is so much below or above what the line carries that the line is `percent` of it."""
    spec = links.named(name)
    plans = {
        Direction.DOWN: (spec.down.rate_bps or 0) * 100 // percent,
        Direction.UP: (spec.up.rate_bps or 0) * 100 // percent,
    }
    asked = MeasurementPlan(
        connectivity_attempts=1,
        precheck_ns=0,
        idle_duration_ns=2 * NS_PER_S,
        capacity=tuple(
            CapacityTask(direction=way, duration_ns=3 * NS_PER_S, fixed_bps=rate_bps)
            for way, rate_bps in plans.items()
        ),
    )
    with Lab(spec) as lab, LabTestPoint(lab, tmp_path) as test_point:
        result = measure(lab, test_point, asked)
    for way, plan_bps in plans.items():
        found = result["metrics"][f"qualified_bps_{way}"]
        if percent in {110, 90}:
            assert found["value"] is not None, found
        if found["value"] is not None:
            assert (found["value"] >= plan_bps) is (percent > 100), found["method"]
