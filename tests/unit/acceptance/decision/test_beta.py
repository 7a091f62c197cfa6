"""ln I_x(a, b) against a second way to compute it, and the quantiles against closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.decision.beta import _continued_fraction, ln_beta, ln_incomplete_beta
from omega_acceptance.decision.quantiles import (
    beta_quantile,
    normal_quantile,
    student_t_quantile,
)
from support.incomplete_beta import ln_incomplete_beta as by_series

HALVES = st.integers(1, 400).map(lambda twice: Fraction(twice, 2))
SHARES = st.integers(1, 999).map(lambda part: Fraction(part, 1_000))


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        pytest.param("1/20", "1/2", "10", id="prior of a p95"),
        pytest.param("1/100", "1/2", "50", id="prior of a loss of 1 %"),
        pytest.param("1/100", "71/2", "1015", id="35 of 1,000 lost"),
        pytest.param("99/100", "1015", "71/2", id="the same from above"),
        pytest.param("1/1000", "1/2", "4178", id="0 of 3,678 lost of 0.1 %"),
        pytest.param("1/2", "1/2", "7", id="no bad block of 6"),
        pytest.param("1/200", "1/2", "6100", id="0 of 6,000 lost"),
    ],
)
def test_shares_that_criteria_ask_for(x: str, a: str, b: str) -> None:
    exact = by_series(Fraction(x), Fraction(a), Fraction(b))
    found = ln_incomplete_beta(*(float(Fraction(each)) for each in (x, a, b)))
    assert math.isclose(found, exact, rel_tol=1e-9, abs_tol=1e-9)


@given(SHARES, HALVES, HALVES)
def test_any_share_agrees_with_the_series(x: Fraction, a: Fraction, b: Fraction) -> None:
    found = ln_incomplete_beta(float(x), float(a), float(b))
    assert math.isclose(found, by_series(x, a, b), rel_tol=1e-9, abs_tol=1e-9)


@given(SHARES, HALVES, HALVES)
def test_what_is_below_and_what_is_above_make_the_whole(
    x: Fraction, a: Fraction, b: Fraction
) -> None:
    below = math.exp(ln_incomplete_beta(float(x), float(a), float(b)))
    above = math.exp(ln_incomplete_beta(float(1 - x), float(b), float(a)))
    assert below + above == pytest.approx(1, abs=1e-12)


@given(st.integers(1, 40), st.integers(0, 40), SHARES)
def test_a_binomial_tail_is_the_exact_sum(samples: int, events: int, share: Fraction) -> None:
    events = min(events, samples - 1)
    tail = sum(
        math.comb(samples, count) * share**count * (1 - share) ** (samples - count)
        for count in range(events + 1)
    )
    found = math.exp(ln_incomplete_beta(float(1 - share), samples - events, events + 1))
    assert found == pytest.approx(float(tail), rel=1e-9)


def test_nothing_underflows_far_from_the_mean() -> None:
    assert ln_incomplete_beta(0.001, 5_000.5, 500.0) == pytest.approx(
        by_series(Fraction(1, 1_000), Fraction(10_001, 2), Fraction(500)), rel=1e-12
    )
    assert ln_incomplete_beta(0.001, 5_000.5, 500.0) < -30_000


def test_the_ends_of_the_range() -> None:
    assert ln_incomplete_beta(0, 2, 3) == -math.inf
    assert ln_incomplete_beta(1, 2, 3) == 0
    assert ln_incomplete_beta(1 - 1e-16, 2, 3) == pytest.approx(0, abs=1e-12)


def test_a_sliver_that_no_number_can_tell_from_nothing_is_nothing_and_no_error() -> None:
    assert ln_incomplete_beta(0.9, 5, 1e-20) == -math.inf


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        (-0.01, 1, 1), (1.01, 1, 1), (0.5, 0, 1), (0.5, -1, 1), (0.5, 1, 0), (0.5, 1, -1),
        (math.nan, 1, 1),
    ],
)  # fmt: skip
def test_what_is_not_defined_is_refused(x: float, a: float, b: float) -> None:
    with pytest.raises(ValueError, match="not defined"):
        ln_incomplete_beta(x, a, b)


def test_more_samples_than_there_can_be_are_refused_and_not_guessed() -> None:
    with pytest.raises(ArithmeticError, match="did not settle"):
        ln_incomplete_beta(0.5, 1e12, 1e12)


def test_ln_beta_of_whole_numbers_is_a_product_of_factorials() -> None:
    assert ln_beta(4, 3) == pytest.approx(math.log(6 * 2 / 720), abs=1e-12)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (0.015, (5.642778, 3.896046, 3.297630, 3.002875, 2.828928, 2.714573)),
        (0.0125, (6.205347, 4.176535, 3.495406, 3.163381, 2.968687, 2.841244)),
        (0.0015625, (17.846590, 8.767633, 6.364285, 5.325920, 4.760432, 4.408365)),
    ],
)
def test_the_t_quantiles_of_three_to_eight_runs(tail: float, expected: tuple[float, ...]) -> None:
    found = [student_t_quantile(tail, freedom) for freedom in range(2, 8)]
    assert found == pytest.approx(expected, abs=5e-7)


@given(st.floats(1e-6, 0.49))
def test_t_of_one_and_two_degrees_have_closed_forms(tail: float) -> None:
    assert student_t_quantile(tail, 1) == pytest.approx(1 / math.tan(math.pi * tail), rel=1e-9)
    middle = 1 - 2 * tail
    two = middle * math.sqrt(2 / (1 - middle**2))
    assert student_t_quantile(tail, 2) == pytest.approx(two, rel=1e-9)


def test_the_normal_quantiles_that_everybody_knows() -> None:
    assert normal_quantile(0.05) == pytest.approx(1.6448536269514722, abs=1e-12)
    assert normal_quantile(0.025) == pytest.approx(1.959963984540054, abs=1e-12)


@pytest.mark.parametrize("tail", [0, 0.5, -0.1, 1])
def test_a_tail_is_less_than_half(tail: float) -> None:
    with pytest.raises(ValueError, match="tail"):
        normal_quantile(tail)


def test_t_needs_a_degree_of_freedom() -> None:
    with pytest.raises(ValueError, match="degree of freedom"):
        student_t_quantile(0.05, 0)


def test_a_denominator_of_nothing_is_stepped_over() -> None:
    """1 - (a + b) x / (a + 1) is 0 here; I_1/2(1, 3) is 7/8, and so the fraction 14/3."""
    assert _continued_fraction(0.5, 1, 3) == pytest.approx(14 / 3, rel=1e-12)


@given(st.integers(1, 999), st.integers(1, 60))
def test_a_beta_quantile_of_one_has_a_closed_form(part: int, b: int) -> None:
    below = part / 1_000
    expected = -math.expm1(math.log1p(-below) / b)
    assert beta_quantile(below, 1, b) == pytest.approx(expected, rel=1e-9)
    assert beta_quantile(1 - below, b, 1) == pytest.approx(1 - expected, rel=1e-9)


def test_the_bounds_of_clopper_and_pearson_leave_just_so_much_outside() -> None:
    """Of 30 runs 27 good, at 95 %: at either bound 27, or a rarer number, comes in 2.5 %."""

    def exactly(good: int, share: float) -> float:
        return math.comb(30, good) * share**good * (1 - share) ** (30 - good)

    low, high = beta_quantile(0.025, 27, 4), beta_quantile(0.975, 28, 3)
    assert sum(exactly(good, low) for good in range(27, 31)) == pytest.approx(0.025, rel=1e-9)
    assert sum(exactly(good, high) for good in range(28)) == pytest.approx(0.025, rel=1e-9)


@pytest.mark.parametrize("below", [-0.1, 0, 1, 1.1])
def test_the_ends_of_a_share_have_no_quantile(below: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        beta_quantile(below, 1, 1)


def test_a_quantile_is_computed_once_and_kept() -> None:
    """Halving takes a hundred steps: a server judges thousands of records by the same few."""
    assert student_t_quantile(0.015, 2) is student_t_quantile(0.015, 2)
    assert normal_quantile(0.05) is normal_quantile(0.05)
    assert beta_quantile(0.025, 27, 4) is beta_quantile(0.025, 27, 4)
