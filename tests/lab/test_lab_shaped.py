"""The link that the kernel shapes: its rate at the IP layer, and what it can't be."""

from __future__ import annotations

import pytest

from lab.peers import iperf3_tcp
from lab.shaped import ShapedLab
from lab.spec import LinkSpecError, access_link

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(60)]

PAYLOAD_SHARE = 1_448 / 1_500


@pytest.mark.parametrize("way", ["down", "up"])
def test_carries_its_rate_at_the_ip_layer(way: str) -> None:
    rates = {"down": 200_000_000, "up": 50_000_000}
    with ShapedLab(access_link(down_bps=rates["down"], up_bps=rates["up"], buffer_ms=30)) as lab:
        found = iperf3_tcp(lab, down=way == "down", seconds=4, flows=4)
    assert found.goodput_bps == pytest.approx(rates[way] * PAYLOAD_SHARE, rel=0.01)


@pytest.mark.parametrize("changes", [{"rtt_us": 4_000}, {"loss_ppm": 1_000}, {"down_bps": None}])
def test_is_nothing_that_the_kernel_can_not_do(changes: dict[str, int | None]) -> None:
    fields: dict[str, int | None] = {"down_bps": 1_000_000, "up_bps": 1_000_000, **changes}
    with pytest.raises(LinkSpecError, match="a rate and a buffer"):
        ShapedLab(access_link(**fields))  # type: ignore[arg-type] # None is a rate only
