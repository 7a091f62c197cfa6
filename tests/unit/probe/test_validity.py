"""Which traffic on the interface is somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.units import US_PER_S
from omega_probe.validity import (
    FLOOR_BPS,
    Allowance,
    Carried,
    OwnTraffic,
    Span,
    load_allowance,
    quiet_allowance,
    traffic_check,
)
from support.facts import interface_counts

BEFORE = interface_counts(
    offset_us=1_000, rx_octets=5_000, tx_octets=7_000, rx_packets=50, tx_packets=70
)
ALLOWANCE = Allowance(rx_bps=100_000, tx_bps=80_000)


def span(
    *,
    rx: int = 0,
    tx: int = 0,
    rx_packets: int = 0,
    tx_packets: int = 0,
    own: OwnTraffic | None = None,
    duration_us: int = 2 * US_PER_S,
) -> Span:
    after = replace(
        BEFORE,
        offset_us=BEFORE.offset_us + duration_us,
        rx_octets=BEFORE.rx_octets + rx,
        tx_octets=BEFORE.tx_octets + tx,
        rx_packets=BEFORE.rx_packets + rx_packets,
        tx_packets=BEFORE.tx_packets + tx_packets,
    )
    return Span(phase="precheck", before=BEFORE, after=after, own=own or OwnTraffic())


@pytest.mark.parametrize(
    ("rx", "tx", "exceeded"),
    [
        pytest.param(0, 0, False, id="a quiet line"),
        pytest.param(25_000, 20_000, False, id="exactly what is allowed each way"),
        pytest.param(25_001, 0, True, id="one octet more down"),
        pytest.param(0, 20_001, True, id="one octet more up"),
    ],
)
def test_two_seconds_of_somebody_elses_traffic(rx: int, tx: int, *, exceeded: bool) -> None:
    check = traffic_check(span(rx=rx, tx=tx), link_header_octets=14, allowance=ALLOWANCE)
    assert check.exceeded is exceeded
    assert (check.allowed_rx_octets, check.allowed_tx_octets) == (25_000, 20_000)
    assert (check.rx_octets, check.tx_octets) == (rx, tx)


def test_the_probes_own_packets_are_subtracted_with_all_their_headers() -> None:
    own = OwnTraffic(rx=Carried(1_448_000, 52_000, 1_000), tx=Carried(0, 26_000, 500))
    carried = span(
        rx=1_448_000 + 52_000 + 14_000, tx=26_000 + 7_000, rx_packets=1_000, tx_packets=500, own=own
    )
    check = traffic_check(carried, link_header_octets=14, allowance=Allowance(1, 1))
    assert (check.own_rx_octets, check.own_tx_octets) == (check.rx_octets, check.tx_octets)
    assert not check.exceeded


def test_an_interface_that_joins_segments_counts_fewer_headers() -> None:
    own = OwnTraffic(rx=Carried(1_448_000, 52_000, 1_000))
    joined = 1_448_000 + (52 + 14) * 40
    check = traffic_check(
        span(rx=joined, rx_packets=40, own=own), link_header_octets=14, allowance=Allowance(1, 1)
    )
    assert check.own_rx_octets == joined
    assert not check.exceeded


@pytest.mark.parametrize(
    ("extra_octets", "packets", "exceeded"),
    [
        pytest.param(28_000, 1_000, False, id="as long as headers can be, in the probe's packets"),
        pytest.param(28_002, 1_000, True, id="longer than headers can be"),
        pytest.param(28_000, 1_020, False, id="a hundredth and ten packets more are the same"),
        pytest.param(28_000, 1_021, True, id="packets that are not the probe's"),
        pytest.param(28_000, 979, True, id="joined packets: what else is in them is not known"),
    ],
)
def test_longer_headers_explain_octets_only_in_the_probes_own_packets(
    extra_octets: int, packets: int, *, exceeded: bool
) -> None:
    own = OwnTraffic(tx=Carried(0, 52_000, 1_000))
    counted = 52_000 + 14_000 + extra_octets
    allowance = Allowance(rx_bps=1, tx_bps=4)  # an octet in two seconds
    check = traffic_check(
        span(tx=counted, tx_packets=packets, own=own), link_header_octets=14, allowance=allowance
    )
    assert check.exceeded is exceeded


def test_what_the_probe_overestimates_is_not_negative_traffic() -> None:
    own = OwnTraffic(rx=Carried(2_000, 0, 1))
    check = traffic_check(
        span(rx=1_000, rx_packets=1, own=own), link_header_octets=0, allowance=ALLOWANCE
    )
    assert not check.exceeded


def test_without_an_allowance_a_phase_is_recorded_and_not_judged() -> None:
    check = traffic_check(span(rx=10**9), link_header_octets=14, allowance=None)
    assert not check.exceeded
    assert check.allowed_rx_octets is None


def test_a_counter_that_its_driver_reset_has_not_moved() -> None:
    check = traffic_check(span(rx=-4_000), link_header_octets=14, allowance=ALLOWANCE)
    assert check.rx_octets == 0
    assert not check.exceeded


@pytest.mark.parametrize(
    ("down", "up", "expected"),
    [
        pytest.param(None, None, Allowance(FLOOR_BPS, FLOOR_BPS), id="nobody said what was sold"),
        pytest.param(
            300_000_000, 100_000_000, Allowance(3_000_000, 1_000_000), id="a hundredth of each rate"
        ),
        pytest.param(
            20_000_000, 1_000_000, Allowance(200_000, FLOOR_BPS), id="never under 100 kbit/s"
        ),
    ],
)
def test_what_may_pass_while_nothing_loads_the_line(
    down: int | None, up: int | None, expected: Allowance
) -> None:
    assert quiet_allowance(down, up) == expected


@pytest.mark.parametrize(
    ("measured_bps", "allowed_bps"),
    [
        pytest.param(0, FLOOR_BPS, id="nothing came through"),
        pytest.param(5_000_000, FLOOR_BPS, id="two hundredths are the floor exactly"),
        pytest.param(5_000_050, FLOOR_BPS + 1, id="one bit per second above it"),
        pytest.param(300_000_000, 6_000_000, id="two hundredths of a fast line"),
    ],
)
def test_what_may_pass_beside_a_load(measured_bps: int, allowed_bps: int) -> None:
    assert load_allowance(measured_bps) == Allowance(allowed_bps, allowed_bps)
