"""Evidence on a rate from few runs: the published cases, the looks, and the two fallbacks."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.decision.runs import RunReading, RunTest, sign_test
from omega_core.verdict import Outcome

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
WANTED_BPS = 90_000_000
TEST = RunTest(
    guard_ppm=20_000,
    correlation_ppm=300_000,
    spread_floor_ppm=10_000,
    false_pass_ppm=50_000,
    false_fail_ppm=50_000,
)


def read(*rates_mbps: float, test: RunTest = TEST, n_min: int = 3, n_max: int = 8) -> RunReading:
    rates = [round(rate * 1_000_000) for rate in rates_mbps]
    found = test.read(rates, WANTED_BPS, n_min=n_min, n_max=n_max)
    assert found is not None
    return found


CLOSE = (91.0, 89.5, 92.1, 90.3, 91.4, 90.9, 89.6, 91.2)


@pytest.mark.parametrize(
    ("rates", "outcome", "runs", "lower", "upper"),
    [
        pytest.param((99.8, 100.4, 100.1), PASS, 3, 0.061960, None, id="clearly above"),
        pytest.param((96.0, 92.5, 97.1, 95.2), OPEN, 4, 0.000999, None, id="open after four"),
        pytest.param((96.0, 92.5, 97.1), OPEN, 3, -0.056719, None, id="open after three"),
        pytest.param((96.0, 92.5, 97.1, 95.2, 96.4), PASS, 5, 0.020721, None, id="the fifth"),
        pytest.param(CLOSE, OPEN, 8, -0.004823, 0.021946, id="too near after eight"),
        pytest.param((70.2, 73.9, 71.5), FAIL, 3, None, -0.098142, id="clearly below"),
    ],
)
def test_the_golden_cases(
    rates: tuple[float, ...], outcome: Outcome, runs: int, lower: float | None, upper: float | None
) -> None:
    found = read(*rates)
    assert (found.outcome, found.runs, found.after_stop) == (outcome, runs, 0)
    if lower is not None:
        assert found.lower_ppm / 1e6 == pytest.approx(lower, abs=1.5e-6)  # ours is rounded down
    if upper is not None:
        assert found.upper_ppm / 1e6 == pytest.approx(upper, abs=1.5e-6)  # and up


def test_mean_and_spread_are_told_as_they_were_seen() -> None:
    found = read(99.8, 100.4, 100.1)
    assert (found.mean_ppm, found.spread_ppm) == (106_357, 2_998)


def test_a_spread_below_the_floor_is_taken_for_the_floor() -> None:
    half_width = TEST._half(0.002997, 3, TEST._pass_tail)
    assert half_width == pytest.approx(0.044397, abs=5e-7)
    assert read(100, 100, 100) == replace(read(100, 100, 100), spread_ppm=0, runs=3)


def test_the_first_look_that_decides_sticks() -> None:
    found = read(99.8, 100.4, 100.1, 10.0, 10.0)
    assert (found.outcome, found.runs, found.after_stop) == (PASS, 3, 2)


def test_a_plan_may_ask_for_more_runs_and_for_fewer() -> None:
    steady = (99.8, 100.4, 100.1, 100.2, 100.0)
    assert read(*steady, n_min=5).runs == 5
    assert TEST.read([1] * 4, WANTED_BPS, n_min=5) is None
    assert TEST.read([1] * 2, WANTED_BPS, n_min=1) is None
    stopped = read(96.0, 92.5, 97.1, 95.2, 96.4, n_max=4)
    assert (stopped.outcome, stopped.runs, stopped.after_stop) == (OPEN, 4, 1)


def test_runs_beyond_the_eighth_are_not_read() -> None:
    found = read(*CLOSE, 200, 200, 200, n_max=11)
    assert (found.outcome, found.runs, found.after_stop) == (OPEN, 8, 3)


def test_a_run_that_carried_nothing_is_a_very_bad_one() -> None:
    found = read(0, 0, 0)
    assert (found.outcome, found.mean_ppm) == (FAIL, -18_315_321), "ln of 1 / 90,000,000"


@pytest.mark.parametrize(
    ("rates", "runs"),
    [
        pytest.param((99.8, 100.4, 100.1), 3, id="enough already"),
        pytest.param((96.0, 92.5, 97.1), 8, id="five more like these"),
        pytest.param((91.0, 89.5, 92.1), None, id="never: too near"),
        pytest.param((70.2, 73.9, 71.5), None, id="never: below"),
    ],
)
def test_how_many_runs_like_these_would_pass(rates: tuple[float, ...], runs: int | None) -> None:
    assert TEST.runs_to_pass(read(*rates)) == runs
    assert TEST.runs_to_pass(read(*rates), n_max=3) == (3 if runs == 3 else None)


@pytest.mark.parametrize(
    ("rates", "runs"),
    [
        pytest.param((80.0, 81.0, 79.5), 3, id="enough already"),
        pytest.param((86.0, 84.5, 87.1), 6, id="three more like these"),
        pytest.param((85.0, 88.5, 86.1), None, id="never: too near"),
        pytest.param((99.8, 100.4, 100.1), None, id="never: above"),
    ],
)
def test_how_many_runs_like_these_would_fail(rates: tuple[float, ...], runs: int | None) -> None:
    assert TEST.runs_to_fail(read(*rates)) == runs
    assert TEST.runs_to_fail(read(*rates), n_max=5) == (3 if runs == 3 else None)


def test_a_ninth_run_is_never_promised() -> None:
    """Its bound would clear the guard band, and that of the eighth does not."""
    found = replace(read(94, 95, 96), mean_ppm=45_000, spread_ppm=20_000)
    eighth, ninth = (TEST._half(0.02, count, TEST._pass_tail) for count in (8, 9))
    assert 0.045 - eighth < 0.02 <= 0.045 - ninth
    assert TEST.runs_to_pass(found) is None


@given(st.lists(st.integers(60, 140), min_size=3, max_size=8), st.integers(0, 7))
def test_a_faster_line_is_never_judged_worse(rates: list[int], more: int) -> None:
    order = [FAIL, OPEN, PASS]
    faster = [rate * (1 + more / 10) for rate in rates]
    assert order.index(read(*rates).outcome) <= order.index(read(*faster).outcome)


def test_runs_that_are_alike_say_less() -> None:
    independent = replace(TEST, correlation_ppm=0)
    alike, apart = read(94, 95, 96), read(94, 95, 96, test=independent)
    assert alike.lower_ppm < apart.lower_ppm
    assert (alike.mean_ppm - alike.lower_ppm) / (apart.mean_ppm - apart.lower_ppm) == (
        pytest.approx(1.362770, rel=1e-3)
    )


@pytest.mark.parametrize(
    ("at_least", "runs", "probability"),
    [(5, 5, "1/32"), (7, 8, "9/256"), (9, 10, "11/1024"), (8, 10, "56/1024"), (0, 4, "1")],
)
def test_the_sign_test_is_exact(at_least: int, runs: int, probability: str) -> None:
    assert sign_test(at_least, runs) == Fraction(probability)


@pytest.mark.parametrize(("at_least", "runs"), [(4, 3), (-1, 3), (0, 0)])
def test_the_sign_test_refuses_what_can_not_be(at_least: int, runs: int) -> None:
    with pytest.raises(ValueError, match="can't be"):
        sign_test(at_least, runs)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        pytest.param(1.107653, PASS, id="just above"),
        pytest.param(1.107651, OPEN, id="just below what passes"),
        pytest.param(0.902811, OPEN, id="just above what fails"),
        pytest.param(0.902809, FAIL, id="just below"),
    ],
)
def test_a_single_run_decides_clear_cases(ratio: float, expected: Outcome) -> None:
    found = TEST.read_one(round(ratio * 10**9), 10**9)
    assert (found.outcome, found.runs, found.spread_ppm) == (expected, 1, 50_000)
    assert math.isclose(math.exp(0.02 + 1.644853626951 * 0.05), 1.107652, abs_tol=1e-6)


def test_a_single_run_that_carried_nothing_fails() -> None:
    found = TEST.read_one(0, 10**9)
    assert (found.outcome, found.runs, found.after_stop) == (FAIL, 1, 0)
    assert found.mean_ppm == -20_723_266, "ln of 1 / 10^9: nothing is taken for a bit per second"


@pytest.mark.parametrize("shares", [(1.06, 1.07, 1.08), (0.93, 0.94, 0.95)], ids=["pass", "fail"])
def test_a_bound_that_lies_on_the_guard_band_itself_has_cleared_it(shares: list[float]) -> None:
    """And one that lies a millionth within it has not."""
    rates = [round(share * WANTED_BPS) for share in shares]
    open_handed = TEST.read(rates, WANTED_BPS)
    assert open_handed is not None
    bound_ppm = max(open_handed.lower_ppm, -open_handed.upper_ppm)
    decided, open_ = (
        replace(TEST, guard_ppm=guard_ppm).read(rates, WANTED_BPS)
        for guard_ppm in (bound_ppm, bound_ppm + 1)
    )
    assert decided is not None
    assert open_ is not None
    assert decided.outcome is (PASS if shares[0] > 1 else FAIL)
    assert open_.outcome is OPEN
