"""The stream beside a run: how close its packets are, and what is kept when it never began."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.working_stream import packets_beside, stream_ip_octets, working_period_ns


@pytest.mark.parametrize(
    ("down_bps", "up_bps", "period_ms"),
    [
        pytest.param(100_000_000, 30_000_000, 10, id="a fast line bears the closest"),
        pytest.param(20_000_000, 5_760_000, 10, id="one hundredth of the slower direction"),
        pytest.param(20_000_000, 5_759_000, 11, id="a little slower: a millisecond further apart"),
        pytest.param(20_000_000, 1_000_000, 58, id="a megabit up"),
        pytest.param(1_000, 1_000, 1_000, id="never further apart than a second"),
        pytest.param(None, 1_000_000, 20, id="one rate unknown: the default"),
        pytest.param(None, None, 20, id="both unknown"),
    ],
)
def test_the_spacing(down_bps: int | None, up_bps: int | None, period_ms: int) -> None:
    assert working_period_ns(down_bps, up_bps, ip_octets=72) == period_ms * NS_PER_MS


def test_a_stream_outlasts_its_run_and_no_run_has_more_packets_than_a_stream_may() -> None:
    period_ns = limits.WORKING_PERIOD_NS_MIN
    assert (packets_beside(5 * NS_PER_S, period_ns) - 1) * period_ns == 9 * NS_PER_S
    assert packets_beside(limits.GOODPUT_RUN_NS_MAX, period_ns) <= limits.STREAM_PACKETS_MAX


def test_the_sizes_of_its_packets() -> None:
    sizes = [
        stream_ip_octets(family, authenticated=key) for family in (4, 6) for key in (False, True)
    ]
    assert sizes == [72, 140, 92, 160]
    assert max(sizes) == limits.STREAM_IP_OCTETS_MAX
