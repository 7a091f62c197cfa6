from __future__ import annotations

import pytest

from omega_core import units
from omega_core.units import rate_bps, share_ppm_rounded_down, share_ppm_rounded_up


@pytest.mark.parametrize(
    ("part", "whole", "up", "down"),
    [
        pytest.param(0, 8, 0, 0, id="none"),
        pytest.param(8, 8, 1_000_000, 1_000_000, id="all"),
        pytest.param(1, 10_000_000, 1, 0, id="one in ten million is a loss, and no success"),
        pytest.param(9_999_999, 10_000_000, 1_000_000, 999_999, id="all but one"),
        pytest.param(1, 3, 333_334, 333_333, id="a third"),
        pytest.param(1, 1_000_000, 1, 1, id="exactly one part per million"),
        pytest.param(0, 0, None, None, id="a share of nothing is undefined"),
    ],
)
def test_shares_round_towards_the_worse_side(
    part: int, whole: int, up: int | None, down: int | None
) -> None:
    assert share_ppm_rounded_up(part, whole) == up
    assert share_ppm_rounded_down(part, whole) == down


@pytest.mark.parametrize(
    ("octets", "span_us", "expected"),
    [
        pytest.param(125_000, 1_000_000, 1_000_000, id="a megabit in a second"),
        pytest.param(1, 3_000_000, 2, id="cut off to whole bits"),
        pytest.param(0, 1, 0, id="a stall is a rate of zero"),
        pytest.param(5, 0, None, id="no span, no rate"),
        pytest.param(5, -1, None, id="nor of a clock that ran backwards"),
    ],
)
def test_rate(octets: int, span_us: int, expected: int | None) -> None:
    assert rate_bps(octets, span_us) == expected


def test_units_fit_each_other() -> None:
    assert (units.NS_PER_US, units.US_PER_MS, units.PPM) == (10**3, 10**3, 10**6)
    assert units.NS_PER_US * units.US_PER_MS == units.NS_PER_MS == 10**6
    assert units.NS_PER_US * units.US_PER_S == units.NS_PER_S == 10**9
    assert units.BITS_PER_OCTET == 8
