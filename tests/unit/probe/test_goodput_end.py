"""When a TCP run may end before its time, and how fast it is sent."""

from __future__ import annotations

import pytest

from omega_core.goodput import payload_bound_bps
from omega_core.units import NS_PER_S, US_PER_S
from omega_probe.goodput_end import (
    NEAR_PPM,
    enough_ns,
    has_reached,
    pace_bps,
)
from support.counters import counted, ramped, steady

BOUND = 96_000_000
RTT_US = 20_000


def reached(rate_bps: int, *, seconds: float, base_rtt_us: int = RTT_US, ramp_us: int = 0) -> bool:
    until_us = int(seconds * US_PER_S)
    shape = (
        ramped(rate_bps, ramp_us=ramp_us, end_us=until_us)
        if ramp_us
        else steady(rate_bps, end_us=until_us)
    )
    flows = counted([shape], until_us=until_us)
    return has_reached(BOUND, flows, base_rtt_us=base_rtt_us, growth_ended_us=0)


@pytest.mark.parametrize(
    ("ip_bps", "segment", "header", "bound"),
    [
        pytest.param(100_000_000, 1_448, 52, 96_533_333, id="v4 with timestamps"),
        pytest.param(100_000_000, 1_428, 72, 95_200_000, id="v6 with timestamps"),
        pytest.param(100_000_000, 0, 0, None, id="no segment seen yet"),
    ],
)
def test_the_bound(ip_bps: int, segment: int, header: int, bound: int | None) -> None:
    assert payload_bound_bps(ip_bps, segment_octets=segment, header_octets=header) == bound


@pytest.mark.parametrize(
    ("off_ppm", "ends"),
    [
        pytest.param(-NEAR_PPM - 500, False, id="a little too low"),
        pytest.param(-NEAR_PPM + 500, True, id="near enough"),
        pytest.param(0, True, id="the bound itself"),
        pytest.param(NEAR_PPM + 500, False, id="faster than the line: what waited was let go"),
    ],
)
def test_how_near_the_bound(off_ppm: int, *, ends: bool) -> None:
    assert reached(BOUND * (1_000_000 + off_ppm) // 1_000_000, seconds=2) is ends


@pytest.mark.parametrize(
    ("seconds", "base_rtt_us", "ends"),
    [
        pytest.param(1.0, RTT_US, False, id="a window of less than a second"),
        pytest.param(1.2, RTT_US, True, id="of more than one"),
        pytest.param(1.7, 600_000, False, id="less than two round trips, on a long path"),
        pytest.param(2.5, 600_000, True, id="two round trips, and the last one left out"),
    ],
)
def test_how_long_it_must_be_seen(seconds: float, base_rtt_us: int, *, ends: bool) -> None:
    assert reached(BOUND, seconds=seconds, base_rtt_us=base_rtt_us) is ends


def test_a_ramp_is_never_taken_for_the_end() -> None:
    assert not any(
        reached(BOUND, seconds=tenths / 10, ramp_us=4_000_000) for tenths in range(1, 41)
    )


@pytest.mark.parametrize(
    ("base_rtt_us", "at_most_s", "enough_s"),
    [(0, 8, 4), (20_000, 8, 4), (600_000, 8, 7.2), (600_000, 5, 5), (20_000, 3, 3)],
)
def test_how_long_a_run_lasts_that_does_not_reach_it(
    base_rtt_us: int, at_most_s: int, enough_s: float
) -> None:
    found = enough_ns(base_rtt_us, at_most_ns=at_most_s * NS_PER_S)
    assert found == int(enough_s * NS_PER_S)


def test_the_pace_leaves_room_for_headers_and_one_slow_flow_of_sixteen() -> None:
    bound = payload_bound_bps(BOUND, segment_octets=1_448, header_octets=52)
    assert bound is not None
    assert pace_bps(BOUND) * 15 // 16 > bound
