"""What the daemon says of an outage."""

from __future__ import annotations

import pytest

from omega_agent.daemon.news import WasDown
from omega_core.availability import SeenOutage


@pytest.mark.parametrize(
    ("last_failed_us", "until_us", "said"),
    [
        pytest.param(6_059_999, 7_000_001, ("5.0", "7.1"), id="neither to the nearest"),
        pytest.param(6_120_000, 7_000_000, ("5.1", "7.0"), id="what is whole stays"),
    ],
)
def test_its_bounds_are_rounded_outwards(
    last_failed_us: int, until_us: int, said: tuple[str, str]
) -> None:
    outage = SeenOutage(
        since_us=0,
        first_failed_us=1_000_000,
        last_failed_us=last_failed_us,
        until_us=until_us,
        round_trip_us=20_000,
    )
    assert WasDown(outage).bounds_s() == said
