"""What senders are asked to use, from what is known of the line."""

from __future__ import annotations

import pytest

from omega_probe.congestion_wish import LONG_RTT_US, LOSSY_PPM, CongestionWish, wish


@pytest.mark.parametrize(
    ("base_rtt_us", "idle_loss_ppm", "fast"),
    [
        pytest.param(20_000, None, "cubic", id="nothing known of loss"),
        pytest.param(20_000, 0, "cubic", id="a clean line"),
        pytest.param(20_000, LOSSY_PPM - 1, "cubic", id="one packet of 500 lost"),
        pytest.param(20_000, LOSSY_PPM, "bbr", id="a lossy line"),
        pytest.param(LONG_RTT_US - 1, 0, "cubic", id="a long way"),
        pytest.param(LONG_RTT_US, 0, "bbr", id="a satellite"),
    ],
)
def test_wish(base_rtt_us: int, idle_loss_ppm: int | None, fast: str) -> None:
    expected = CongestionWish("bbr", fast)
    assert wish(base_rtt_us=base_rtt_us, idle_loss_ppm=idle_loss_ppm) == expected
