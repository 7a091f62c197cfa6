"""Each statistic against a second one, written from the bare definition."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from omega_core.samples import (
    ArrivalOrder,
    ipdv_us,
    mean_magnitude,
    nearest_rank_percentile,
    pdv_us,
)

DELAYS = st.lists(st.none() | st.integers(0, 10_000_000), max_size=60)


def _with_permutation(values: list[int]) -> st.SearchStrategy[tuple[list[int], list[int]]]:
    return st.tuples(st.just(values), st.permutations(values))


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_percentile_is_the_definition_word_for_word(values: list[int], percent: int) -> None:
    def reaches(x: int) -> bool:
        return Fraction(sum(value <= x for value in values), len(values)) >= Fraction(percent, 100)

    assert nearest_rank_percentile(values, percent) == min(filter(reaches, values))


@given(st.lists(st.integers(), min_size=1).flatmap(_with_permutation), st.integers(1, 100))
def test_percentile_does_not_depend_on_order(
    orders: tuple[list[int], list[int]], percent: int
) -> None:
    first, second = (nearest_rank_percentile(values, percent) for values in orders)
    assert first == second


@given(DELAYS)
def test_ipdv_is_defined_exactly_where_both_neighbours_are(delays: list[int | None]) -> None:
    expected = []
    for at in range(1, len(delays)):
        now, before = delays[at], delays[at - 1]
        if now is not None and before is not None:
            expected.append(now - before)
    assert list(ipdv_us(delays)) == expected


@given(st.lists(st.integers(0, 10_000_000), min_size=2, max_size=60))
def test_ipdv_without_loss_adds_up_to_last_less_first(delays: list[int]) -> None:
    assert sum(ipdv_us(delays)) == delays[-1] - delays[0]


@given(DELAYS)
def test_pdv_is_never_negative_and_zero_for_the_fastest(delays: list[int | None]) -> None:
    arrived = [delay for delay in delays if delay is not None]
    found = list(pdv_us(delays))
    assert len(found) == len(arrived)
    assert all(value >= 0 for value in found)
    assert [value + min(arrived) for value in found] == arrived


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1))
def test_mean_magnitude_is_the_mean_cut_off(values: list[int]) -> None:
    exact = Fraction(sum(abs(value) for value in values), len(values))
    assert mean_magnitude(values) == exact.numerator // exact.denominator


def rfc4737_reordered(arrivals: list[int]) -> int:
    """Type-P-Reordered of section 3.3, literally, over first copies only."""
    reordered = 0
    next_exp: int | None = None  # undefined until the first packet arrives (section 3.4)
    for s in dict.fromkeys(arrivals):
        if next_exp is None or s >= next_exp:
            next_exp = s + 1
        else:
            reordered += 1
    return reordered


@given(st.lists(st.integers(0, 40), max_size=80))
def test_arrival_order_is_rfc_4737_and_rfc_5560(arrivals: list[int]) -> None:
    order, seen = ArrivalOrder(), set[int]()
    for sequence in arrivals:
        order.arrived(sequence, seen_before=sequence in seen)
        seen.add(sequence)
    assert order.reordered == rfc4737_reordered(arrivals)
    assert order.received == len(set(arrivals))
    assert order.duplicates == len(arrivals) - len(set(arrivals))
