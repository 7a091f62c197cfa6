"""A TCP run against a real test point: the pace that its senders keep to."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.goodput import steady_rate
from omega_core.metrics import Direction
from omega_core.units import NS_PER_S
from omega_probe.goodput import GoodputRequest, run_goodput
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.test_point_client import connect
from support.real_test_point import RealTestPoint

CARRIED_BPS = 20_000_000


@pytest.mark.slow
@pytest.mark.parametrize("direction", list(Direction))
def test_where_the_capacity_is_known_all_senders_keep_a_little_above_it(
    tmp_path: Path, direction: Direction
) -> None:
    """Loopback carries gigabits: only the pace can hold the flows down."""
    clock = SystemClock()
    with RealTestPoint(tmp_path) as test_point:
        client = connect(test_point.access(), clock)
        request = GoodputRequest(
            run=0,
            direction=direction,
            duration_ns=2 * NS_PER_S,
            octets_max=50_000_000,
            base_rtt_us=1_000,
            session_started_ns=clock.monotonic_ns(),
            carried_bps=CARRIED_BPS,
        )
        result = run_goodput(
            client,
            request,
            clock=clock,
            traffic=OwnTrafficMeter(),
            stop=threading.Event(),
            progress=lambda _: None,
        )
        client.close()
    assert len(result.run.flows) == 4, "as many as such a line has, from the start"
    steady = steady_rate(result.run)
    assert steady is not None
    assert CARRIED_BPS * 95 <= steady.rate_bps * 100 <= CARRIED_BPS * 108
