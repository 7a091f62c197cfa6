"""The stream beside a run: how close its packets are, and what is kept when it never began."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.working_stream import packets_beside, stream_ip_octets, working_period_ns


@pytest.mark.parametrize(
    ("rate_bps", "period_ms"),
    [
        pytest.param(100_000_000, 10, id="a fast line bears the closest"),
        pytest.param(5_760_000, 10, id="one hundredth of it"),
        pytest.param(5_759_000, 11, id="a little slower: a millisecond further apart"),
        pytest.param(1_000_000, 58, id="a megabit"),
        pytest.param(1_000, 60, id="never further apart than at the start"),
        pytest.param(0, 60, id="nothing carried yet"),
        pytest.param(None, 60, id="not known"),
    ],
)
def test_the_spacing(rate_bps: int | None, period_ms: int) -> None:
    assert working_period_ns(rate_bps, ip_octets=72) == period_ms * NS_PER_MS


def test_a_stream_outlasts_its_run_and_no_run_has_more_packets_than_a_stream_may() -> None:
    period_ns = limits.WORKING_PERIOD_NS_MIN
    assert (packets_beside(5 * NS_PER_S) - 1) * period_ns == 9 * NS_PER_S
    assert packets_beside(limits.GOODPUT_RUN_NS_MAX) <= limits.STREAM_PACKETS_MAX


def test_the_sizes_of_its_packets() -> None:
    sizes = [
        stream_ip_octets(family, authenticated=key) for family in (4, 6) for key in (False, True)
    ]
    assert sizes == [72, 140, 92, 160]
    assert max(sizes) == limits.STREAM_IP_OCTETS_MAX
