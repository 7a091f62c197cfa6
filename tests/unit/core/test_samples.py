"""Order statistics against the examples of the RFCs; the second oracles are in tests/property."""

from __future__ import annotations

import pytest

from omega_core.samples import (
    ArrivalOrder,
    ipdv_us,
    mean_magnitude,
    nearest_rank_percentile,
    pdv_us,
)

# The worked example of RFC 2330 section 11.3. Its remark that the 15th percentile is
# -infinity contradicts its own definition (F(-5) = 16.7 %), so it is left out.
RFC2330_SAMPLE = [-2, 7, 7, 4, 18, -5]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        pytest.param(50, 4, id="p50 is a value that was observed, the median would be 5.5"),
        pytest.param(25, -2, id="first value whose F reaches 25 %"),
        pytest.param(16, -5, id="F of the minimum is 16.7 %, enough for 16"),
        pytest.param(17, -2, id="and not enough for 17"),
        pytest.param(66, 7, id="F(4) is 50 %"),
        pytest.param(83, 7, id="F(7) is 83.3 %, enough for 83"),
        pytest.param(84, 18, id="and not enough for 84"),
        pytest.param(1, -5, id="minimum"),
        pytest.param(100, 18, id="maximum"),
    ],
)
def test_percentile_agrees_with_the_rfc_example(percent: int, expected: int) -> None:
    assert nearest_rank_percentile(RFC2330_SAMPLE, percent) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(19, 18, id="19 packets: the last but none is not enough"),
        pytest.param(20, 18, id="20 packets: 19 of them are exactly 95 %"),
        pytest.param(21, 19, id="21 packets: 20 of them are 95.2 %"),
    ],
)
def test_p95_at_the_step(size: int, expected: int) -> None:
    assert nearest_rank_percentile(range(size), 95) == expected


@pytest.mark.parametrize(
    ("values", "percent"),
    [
        pytest.param([], 50, id="empty sample"),
        pytest.param([1], 0, id="zeroth percentile"),
        pytest.param([1], 101, id="beyond the maximum"),
    ],
)
def test_percentile_refuses(values: list[int], percent: int) -> None:
    with pytest.raises(ValueError, match="percent"):
        nearest_rank_percentile(values, percent)


U = None  # undefined, as the RFC's tables write it


# Every table of RFC 5481, delays in ms. In the second row of figure 2 the RFC gives -10 for the
# sixth packet; 100 after 120 is -20.
@pytest.mark.parametrize(
    ("delays", "ipdv", "pdv"),
    [
        pytest.param([20, 10, 20, 25, 20], [U, -10, 10, 5, -5], [10, 0, 10, 15, 10], id="figure 1"),
        pytest.param(
            [100, 110, 120, 130, 140, 150, 140, 130, 120, 110, 100],
            [U, 10, 10, 10, 10, 10, -10, -10, -10, -10, -10],
            [0, 10, 20, 30, 40, 50, 40, 30, 20, 10, 0],
            id="a queue that grows and shrinks",
        ),
        pytest.param(
            [100, 110, 150, U, 120, 100, 110, 150, 130, 120, 100],
            [U, 10, 40, U, U, -20, 10, 40, -20, -10, -20],
            [0, 10, 50, U, 20, 0, 10, 50, 30, 20, 0],
            id="the same with a loss",
        ),
        pytest.param(
            [3, U, 5, U, 4, U, 3, U, 4, U],
            [U, U, U, U, U, U, U, U, U, U],
            [0, U, 2, U, 1, U, 0, U, 1, U],
            id="every other packet lost: no IPDV at all",
        ),
        pytest.param(
            [3, 4, U, U, U, U, U, 5, 4, 3],
            [U, 1, U, U, U, U, U, U, -1, -1],
            [0, 1, U, U, U, U, U, 2, 1, 0],
            id="a burst of losses",
        ),
        pytest.param(
            [4, 4, 4, 4, 9, 9, 9, 9, 9],
            [U, 0, 0, 0, 5, 0, 0, 0, 0],
            [0, 0, 0, 0, 5, 5, 5, 5, 5],
            id="the path changes",
        ),
        pytest.param(
            [3, 4, 3, 3, U, U, 8, 9, 8],
            [U, 1, -1, 0, U, U, U, 1, -1],
            [0, 1, 0, 0, U, U, 5, 6, 5],
            id="the path changes, with losses",
        ),
        pytest.param([], [], [], id="nothing sent"),
        pytest.param([7], [U], [0], id="one packet has no neighbour"),
        pytest.param([U, U], [U, U], [U, U], id="all lost"),
    ],
)
def test_delay_variation_agrees_with_rfc_5481(
    delays: list[int | None], ipdv: list[int | None], pdv: list[int | None]
) -> None:
    assert list(ipdv_us(delays)) == [value for value in ipdv if value is not None]
    assert list(pdv_us(delays)) == [value for value in pdv if value is not None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], None, id="undefined of nothing"),
        pytest.param([-5, 5], 5, id="the signed mean would be zero"),
        pytest.param([1, -2], 1, id="cut off"),
    ],
)
def test_mean_magnitude(values: list[int], expected: int | None) -> None:
    assert mean_magnitude(values) == expected


@pytest.mark.parametrize(
    ("arrivals", "reordered", "duplicates"),
    [
        pytest.param([0, 1, 2, 3], 0, 0, id="in order"),
        pytest.param([0, 1, 3, 2, 4], 1, 0, id="one late"),
        pytest.param([1, 2, 3, 5, 6, 7, 8, 4, 9, 10], 1, 0, id="RFC 4737 table 1"),
        pytest.param([1, 2, 3, 4, 7, 5, 6, 8, 9, 10], 2, 0, id="RFC 4737 table 2"),
        pytest.param([1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11], 3, 0, id="RFC 4737 table 3"),
        pytest.param(
            [1, 2, 3, 6, 7, 4, 5, 8, 9, 10, 12, 13, 11, 14, 15, 16], 3, 0, id="RFC 4737 table 4"
        ),
        pytest.param([5, 6, 7], 0, 0, id="the first may have any number"),
        pytest.param([0, 2, 4, 6], 0, 0, id="a gap is loss, not reordering"),
        pytest.param([0, 1, 1, 2], 0, 1, id="a second copy is no second arrival"),
        pytest.param([0, 2, 1, 1, 3], 1, 1, id="a copy of a late packet is late once"),
        pytest.param([3, 2, 1, 0], 3, 0, id="backwards"),
    ],
)
def test_reordering_and_duplicates_are_told_apart(
    arrivals: list[int], reordered: int, duplicates: int
) -> None:
    order, seen = ArrivalOrder(), set[int]()
    for sequence in arrivals:
        order.arrived(sequence, seen_before=sequence in seen)
        seen.add(sequence)
    assert (order.reordered, order.duplicates) == (reordered, duplicates)
    assert order.received == len(seen)
