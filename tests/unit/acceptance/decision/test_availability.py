"""Availability over observed time, and how the promised error rates are shared out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from omega_acceptance.decision.availability import (
    Availability,
    Outage,
    bad_share_bound,
    outages,
)
from omega_acceptance.decision.error_rates import false_fail_each_ppm, false_pass_of_epochs_ppm
from omega_core.units import US_PER_S
from omega_core.verdict import Outcome

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
DAY_US = 86_400 * US_PER_S


def month(*pairs_s: tuple[int, int]) -> Availability:
    """Return thirty days of which one was not observed, with these outages in seconds."""
    found = tuple(Outage(least * US_PER_S, most * US_PER_S) for least, most in pairs_s)
    return Availability(window_us=30 * DAY_US, unobserved_us=DAY_US, outages=found)


GOLDEN = month((600, 660), (45, 75))


def test_the_golden_month() -> None:
    assert GOLDEN.observed_us == 2_505_600 * US_PER_S
    assert float(GOLDEN.low) == pytest.approx(0.99970666, abs=5e-9)
    assert float(GOLDEN.high) == pytest.approx(0.99974258, abs=5e-9)
    assert float(GOLDEN.pessimistic) == pytest.approx(0.96638310, abs=5e-9)
    assert float(GOLDEN.optimistic) == pytest.approx(0.99975116, abs=5e-9)


@pytest.mark.parametrize(
    ("wanted_ppm", "expected"), [(999_700, PASS), (999_720, OPEN), (999_800, FAIL)]
)
def test_the_golden_month_against_what_was_promised(wanted_ppm: int, expected: Outcome) -> None:
    assert GOLDEN.outcome(wanted_ppm) is expected


def test_bounds_at_the_promise_itself() -> None:
    hour = Availability(window_us=1_000, unobserved_us=0, outages=(Outage(10, 10),))
    assert hour.outcome(990_000) is PASS
    assert hour.outcome(990_001) is FAIL


def test_a_line_that_may_just_have_kept_its_promise_is_not_failed() -> None:
    hour = Availability(window_us=1_000, unobserved_us=0, outages=(Outage(10, 20),))
    assert (hour.low, hour.high) == (Fraction(98, 100), Fraction(99, 100))
    assert hour.outcome(990_000) is OPEN
    assert hour.outcome(990_001) is FAIL


def test_half_of_a_window_is_half_of_it() -> None:
    half = Availability(window_us=1_000, unobserved_us=500, outages=())
    assert half.outcome(990_000, observed_min_ppm=500_000) is PASS
    assert half.outcome(990_000, observed_min_ppm=500_001) is OPEN


def test_a_microsecond_is_judged_where_nobody_asks_for_more() -> None:
    blink = Availability(window_us=2_000_000, unobserved_us=1_999_999, outages=())
    assert blink.outcome(1) is PASS


def test_nothing_is_said_before_enough_was_observed() -> None:
    assert GOLDEN.outcome(999_800, observed_min_ppm=966_666) is FAIL
    assert GOLDEN.outcome(999_800, observed_min_ppm=966_667) is OPEN
    asleep = Availability(window_us=DAY_US, unobserved_us=DAY_US, outages=())
    assert asleep.outcome(1) is OPEN


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        pytest.param("......", (), id="never out"),
        pytest.param("..xxx.", ((2, 4),), id="three attempts failed"),
        pytest.param("..x...", ((0, 2),), id="one attempt failed"),
        pytest.param("xx....", ((1, 2),), id="out from the beginning"),
        pytest.param("....xx", ((1, 2),), id="out at the end"),
        pytest.param(".x.xx.", ((0, 2), (1, 3)), id="twice"),
        pytest.param("xx", ((1, 1),), id="nothing but failures"),
        pytest.param("", (), id="nothing at all"),
    ],
)
def test_an_outage_lies_between_two_bounds(
    fates: str, expected: tuple[tuple[int, int], ...]
) -> None:
    attempts = [(at * US_PER_S, fate == ".") for at, fate in enumerate(fates)]
    found = outages(attempts)
    assert tuple((each.least_us // US_PER_S, each.most_us // US_PER_S) for each in found) == (
        expected
    )


@pytest.mark.parametrize(
    ("attempts", "share"), [(60, 0.048703), (120, 0.024655), (180, 0.016505), (600, 0.004980)]
)
def test_what_no_failed_attempt_is_worth(attempts: int, share: float) -> None:
    assert bad_share_bound(attempts, 50_000) == pytest.approx(share, abs=5e-7)
    assert (1 - bad_share_bound(attempts, 50_000)) ** attempts == pytest.approx(0.05)


def test_no_attempt_is_worth_nothing() -> None:
    assert bad_share_bound(0, 50_000) == 1
    assert bad_share_bound(1, 50_000) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("mandatory", "expected"), [(8, 6_250), (1, 50_000), (0, 50_000), (7, 7_142), (60_000, 1)]
)
def test_a_false_fail_is_shared_among_the_mandatory_criteria(mandatory: int, expected: int) -> None:
    assert false_fail_each_ppm(50_000, mandatory) == expected


@pytest.mark.parametrize(
    ("epochs", "expected"), [(0, 0), (1, 50_000), (3, 150_000), (20, 1_000_000), (21, 1_000_000)]
)
def test_every_epoch_is_another_chance_of_a_false_pass(epochs: int, expected: int) -> None:
    assert false_pass_of_epochs_ppm(50_000, epochs) == expected
