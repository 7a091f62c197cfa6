"""Was the test point itself too busy: each bound, one unit either side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.control import CapacityCounts, TestPointLoad
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.saturation import Ground, faults_observed, saturation
from omega_core.verdict import Fault
from support.builders import observation
from support.facts import evidence
from support.windows import window

RATE_BPS = 40_000_000
GOOD: dict[str, Any] = {"cpu_busy_ppm_max": 1_000_000, "sessions_max": 2}


@pytest.mark.parametrize(
    ("stated", "grounds"),
    [
        pytest.param({}, (), id="an older test point states nothing"),
        pytest.param({"cpu_sustained_ppm_max": 850_000}, (), id="a busy processor"),
        pytest.param({"cpu_sustained_ppm_max": 850_001}, (Ground.CPU,), id="too busy"),
        pytest.param({"cpu_sustained_ppm_max": 990_000, "sessions_max": 1}, (), id="alone there"),
        pytest.param({"nic_busy_ppm_max": 800_000}, (), id="a busy link"),
        pytest.param({"nic_busy_ppm_max": 800_001}, (Ground.NIC,), id="a link too busy"),
        pytest.param({"capacity_bps": 100, "committed_bps_max": 100}, (), id="all committed"),
        pytest.param(
            {"capacity_bps": 100, "committed_bps_max": 101}, (Ground.COMMITTED,), id="too much"
        ),
        pytest.param({"committed_bps_max": 10**12}, (), id="no capacity to compare with"),
        pytest.param({"capacity_bps": 100, "moved_bps_max": 10**9}, (), id="moved, and shown"),
    ],
)
def test_of_its_load(stated: dict[str, int], grounds: tuple[Ground, ...]) -> None:
    load = TestPointLoad(**{**GOOD, **stated})
    seen = observation(evidence(), load=load)
    assert saturation(seen, evidence()) == grounds
    assert (Fault.TEST_POINT_SATURATED in faults_observed(evidence(), seen)) == bool(grounds)


@pytest.mark.parametrize(
    ("drops", "grounds"),
    [pytest.param(1, (), id="one in ten thousand"), pytest.param(2, (Ground.DROPS,), id="two")],
)
def test_of_its_own_drops(drops: int, grounds: tuple[Ground, ...]) -> None:
    received = 10_000 - drops
    counts = LoadCounts(
        at_us=(1,),
        octets=(received * 200,),
        packets=(received,),
        highest=(10_000,),
        delay_us_max=(0,),
        host_drops=drops,
    )
    load = CapacityCounts(run=0, direction=Direction.UP, ip_octets=200, counts=counts)
    assert saturation(observation(evidence(), capacity=(load,)), evidence()) == grounds


@pytest.mark.parametrize(
    ("lost_ppm", "fixed_bps", "direction", "grounds"),
    [
        pytest.param(0, None, Direction.UP, (), id="not in the sub-interval of the capacity"),
        pytest.param(4_000, None, Direction.UP, (Ground.DROPS,), id="there, too"),
        pytest.param(0, RATE_BPS, Direction.UP, (Ground.DROPS,), id="of a fixed rate all count"),
        pytest.param(0, None, Direction.DOWN, (), id="downwards it receives nothing"),
    ],
)
def test_drops_of_a_search_count_where_its_capacity_was_found(
    lost_ppm: int, fixed_bps: int | None, direction: Direction, grounds: tuple[Ground, ...]
) -> None:
    run = window(RATE_BPS, fixed_bps=RATE_BPS, lost_ppm=lost_ppm, direction=direction)
    columns = ("at_us", "octets", "packets", "highest", "delay_us_max")
    received = {name: getattr(run, name) for name in columns if direction is Direction.UP}
    load = CapacityCounts(
        run=run.run,
        direction=direction,
        ip_octets=run.ip_octets,
        counts=LoadCounts(**received, host_drops=50 if received else 0),
    )
    told = evidence(capacity=(replace(run, fixed_bps=fixed_bps, host_drops=0),))
    assert saturation(observation(evidence(), capacity=(load,)), told) == grounds
