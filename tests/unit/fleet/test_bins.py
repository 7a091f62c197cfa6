"""Bins that values are counted in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_server.fleet.bins import ZERO, bin_of, counted, edges_of


@given(st.integers(0, 2**53))
def test_a_value_lies_in_its_bin(value: int) -> None:
    low, high = edges_of(bin_of(value))
    assert low * (1 - 1e-12) <= value < high * (1 + 1e-12)


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_bins_are_in_the_order_of_values(one: int, other: int) -> None:
    assert (bin_of(one) <= bin_of(other)) or one > other


def test_nothing_has_a_bin_of_its_own() -> None:
    assert bin_of(0) == ZERO < bin_of(1)
    with pytest.raises(ValueError, match="negative"):
        bin_of(-1)


@pytest.mark.parametrize(
    ("metric", "value", "count"),
    [
        ("goodput_bps_down", 95_000_000, 95_000_000),
        ("loss_ppm_down", 1_200, 1_200),
        ("reachable_ppm", 1_000_000, 0),
        ("reachable_ppm", 990_000, 10_000),
    ],
)
def test_a_share_of_which_more_is_better_is_counted_by_what_it_lacks(
    metric: str, value: int, count: int
) -> None:
    assert counted(metric, value) == count
