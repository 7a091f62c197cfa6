"""What spoils a session: each cause by itself, one unit on either side of its bound."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.environment import CpuLoad, Interface, Medium, TrafficCheck
from omega_core.evidence import Ended, Evidence
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from omega_core.verdict import Fault
from omega_probe.faults import PATH_CHANGED, HostFacts, faults_of
from omega_probe.session_clock import ClockFacts
from support.facts import goodput_run, idle_stream, interface_counts
from support.windows import window

ETHERNET = Interface(
    name="eth0", medium=Medium.ETHERNET, link_rate_bps=None, duplex=None, mtu_bytes=1_500
)
CHECK = TrafficCheck(
    phase="idle",
    duration_us=US_PER_S,
    rx_octets=0,
    tx_octets=0,
    own_rx_octets=0,
    own_tx_octets=0,
    allowed_rx_octets=0,
    allowed_tx_octets=0,
    exceeded=False,
)
EXCEEDED = replace(CHECK, exceeded=True)
LOAD = CpuLoad(phase="goodput_down", busy_ppm=990_000, busiest_core_ppm=1_000_000, steal_ppm=0)
QUIET = replace(LOAD, phase="idle", busy_ppm=500_000, ran_ppm=15_000, waited_ppm=0)
COUNTS = interface_counts(carrier_changes=3)
CLOCKS = ClockFacts(
    started_unix_us=0,
    ended_unix_us=20 * US_PER_S,
    monotonic_started_us=0,
    monotonic_ended_us=20 * US_PER_S,
    step_us=0,
    suspended_us=0,
)


@pytest.mark.parametrize(
    ("medium", "traffic", "faults"),
    [
        pytest.param(Medium.ETHERNET, (CHECK, CHECK), (), id="a clean run"),
        pytest.param(Medium.WIFI, (CHECK,), (), id="Wi-Fi is for the plan to judge"),
        pytest.param(Medium.TUNNEL, (CHECK,), (Fault.TUNNEL,), id="tunnel"),
        pytest.param(
            Medium.ETHERNET, (CHECK, EXCEEDED, EXCEEDED), (Fault.CROSS_TRAFFIC,), id="told once"
        ),
        pytest.param(
            Medium.TUNNEL, (EXCEEDED,), (Fault.TUNNEL, Fault.CROSS_TRAFFIC), id="both causes"
        ),
    ],
)
def test_the_way_and_the_traffic(
    medium: Medium, traffic: tuple[TrafficCheck, ...], faults: tuple[Fault, ...]
) -> None:
    assert faults_of(HostFacts(replace(ETHERNET, medium=medium), traffic)) == faults


def test_a_host_without_a_route_has_nothing_to_spoil() -> None:
    assert faults_of(HostFacts()) == ()


@pytest.mark.parametrize(
    ("failed", "ended", "faults"),
    [
        pytest.param(0, Ended.COMPLETED, (), id="every flow lived to the end"),
        pytest.param(1, Ended.COMPLETED, (Fault.FLOW_FAILED,), id="one broke by itself"),
        pytest.param(1, Ended.DECIDED, (Fault.FLOW_FAILED,), id="one broke before it was decided"),
        pytest.param(4, Ended.TEST_POINT_LOST, (), id="a run that was cut short gives no rate"),
    ],
)
def test_a_flow_that_broke_spoils_a_finished_run(
    failed: int, ended: Ended, faults: tuple[Fault, ...]
) -> None:
    run = replace(goodput_run(Direction.DOWN), failed_flows=failed, ended=ended)
    assert faults_of(HostFacts(ETHERNET), Evidence(goodput=(run,))) == faults


@pytest.mark.parametrize(
    ("load", "limited"),
    [
        pytest.param(LOAD, False, id="busy cores alone are no fault"),
        pytest.param(replace(QUIET, waited_ppm=10_000), False, id="waited as long as it may"),
        pytest.param(replace(QUIET, waited_ppm=10_001), True, id="waited longer"),
        pytest.param(
            replace(QUIET, ran_ppm=30_000, waited_ppm=19_980), False, id="two thirds of its running"
        ),
        pytest.param(
            replace(QUIET, ran_ppm=30_000, waited_ppm=19_981), True, id="longer than that"
        ),
        pytest.param(replace(QUIET, busy_ppm=10**6), False, id="others that give way at once"),
        pytest.param(replace(LOAD, waited_ppm=900_000), False, id="flows wait for each other"),
        pytest.param(replace(LOAD, steal_ppm=50_001), True, id="a hypervisor took the time"),
        pytest.param(replace(LOAD, throttled=1), True, id="stopped by its control group"),
        pytest.param(
            replace(LOAD, phase="connectivity", waited_ppm=10**6), False, id="nothing was timed"
        ),
    ],
)
def test_a_probe_that_was_kept_from_working(load: CpuLoad, *, limited: bool) -> None:
    faults = faults_of(HostFacts(ETHERNET, cpu=[QUIET, load]))
    assert faults == ((Fault.CPU_LIMITED,) if limited else ())


@pytest.mark.parametrize(
    ("packets", "late", "limited"),
    [
        pytest.param(150, 5, False, id="a few in a short stream"),
        pytest.param(150, 6, True, id="more than a few"),
        pytest.param(1_000, 10, False, id="one of a hundred"),
        pytest.param(1_000, 11, True, id="more than one of a hundred"),
    ],
)
def test_packets_that_left_late(packets: int, late: int, *, limited: bool) -> None:
    stream = replace(idle_stream(packets=packets), late_sends=late)
    faults = faults_of(HostFacts(ETHERNET), Evidence(idle=(stream,)))
    assert faults == ((Fault.CPU_LIMITED,) if limited else ())


@pytest.mark.parametrize(
    ("lost", "drops", "dropped"),
    [
        pytest.param(0, 0, False, id="no drop"),
        pytest.param(0, 1, True, id="a drop where the line lost nothing"),
        pytest.param(20, 1, True, id="one of a thousand packets is above one of ten thousand"),
    ],
)
def test_packets_that_this_host_had_no_room_for(lost: int, drops: int, *, dropped: bool) -> None:
    stream = idle_stream(packets=1_000, lost_down=range(10, 10 + lost))
    faults = faults_of(HostFacts(ETHERNET), Evidence(idle=(replace(stream, host_drops=drops),)))
    assert faults == ((Fault.HOST_DROPS,) if dropped else ())


@pytest.mark.parametrize(
    ("direction", "drops", "dropped"),
    [
        pytest.param(Direction.DOWN, 100, False, id="one of a thousand packets of a load"),
        pytest.param(Direction.DOWN, 101, True, id="more than that"),
        pytest.param(Direction.UP, 101, False, id="upwards it was the test point that had no room"),
    ],
)
def test_packets_of_a_load_that_this_host_had_no_room_for(
    direction: Direction, drops: int, *, dropped: bool
) -> None:
    run = window(400_000_000, fixed_bps=400_000_000, span_us=2 * US_PER_S, direction=direction)
    assert run.highest[-1] == 100_000
    run = replace(run, host_drops=drops)
    faults = faults_of(HostFacts(ETHERNET), Evidence(capacity=(run,)))
    assert faults == ((Fault.HOST_DROPS,) if dropped else ())


@pytest.mark.parametrize(
    ("lost_ppm", "dropped"),
    [
        pytest.param(1_000, False, id="of the sub-interval no more can be missing"),
        pytest.param(1_100, True, id="of the sub-interval more may be"),
    ],
)
def test_drops_of_a_search_count_where_its_capacity_was_found(
    lost_ppm: int, *, dropped: bool
) -> None:
    made = window(
        400_000_000, fixed_bps=1, span_us=2 * US_PER_S, lost_ppm=lost_ppm, direction=Direction.DOWN
    )
    run = replace(made, fixed_bps=None, host_drops=10_000)
    faults = faults_of(HostFacts(ETHERNET), Evidence(capacity=(run,)))
    assert faults == ((Fault.HOST_DROPS,) if dropped else ())


@pytest.mark.parametrize(
    ("step_us", "suspended_us", "stepped"),
    [
        pytest.param(2_500, 1_000, False, id="what slewing may do in twenty seconds"),
        pytest.param(2_501, 0, True, id="forwards"),
        pytest.param(-2_501, 0, True, id="back"),
        pytest.param(0, 1_001, True, id="the machine slept"),
    ],
)
def test_a_clock_that_was_set(step_us: int, suspended_us: int, *, stepped: bool) -> None:
    clocks = CLOCKS._replace(step_us=step_us, suspended_us=suspended_us)
    faults = faults_of(HostFacts(ETHERNET), clocks=clocks)
    assert faults == ((Fault.CLOCK_STEP,) if stepped else ())


def test_a_carrier_that_went_and_came_back() -> None:
    back = replace(COUNTS, offset_us=1, carrier_changes=5)
    unknown = replace(COUNTS, carrier_changes=None)
    assert faults_of(HostFacts(ETHERNET, counts=[COUNTS, unknown, COUNTS])) == ()
    assert faults_of(HostFacts(ETHERNET, counts=[COUNTS, back])) == (Fault.PATH_CHANGED,)


def test_a_route_that_changed() -> None:
    seen = HostFacts(ETHERNET, notes=["link_rate_unknown", PATH_CHANGED])
    assert faults_of(seen) == (Fault.PATH_CHANGED,)
