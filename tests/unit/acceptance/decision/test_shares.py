"""Evidence on a share: the published figures, the exact test of one look, and what can't be."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.decision.shares import (
    UNATS,
    OneLook,
    ShareTest,
    one_look,
    share_test,
)
from omega_core import limits
from omega_core.facts import INTEGER_MAX
from omega_core.units import PPM
from omega_core.verdict import Outcome
from support.incomplete_beta import ln_incomplete_beta

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def on(limit_ppm: int, *, false_fail_ppm: int = 50_000) -> ShareTest:
    return share_test(limit_ppm, 50_000, false_fail_ppm)


@pytest.mark.parametrize(
    ("events", "samples", "limit_ppm", "expected"),
    [
        (0, 71, 50_000, (2.962415, -1.788256)),
        (0, 72, 50_000, (3.007775, -1.799585)),
        (2, 200, 50_000, (4.026628, -2.504765)),
        (20, 200, 50_000, (-3.441104, 3.109793)),
        (0, 367, 10_000, (3.003640, -1.799100)),
        (5, 1_200, 10_000, (1.539901, -2.406397)),
        (24, 1_200, 10_000, (-3.595423, 3.595857)),
        (0, 6, 500_000, (3.427370, -1.813280)),
        (0, 35, 100_000, (3.002993, -1.796596)),
        (35, 1_000, 10_000, (-4.276378, 17.413136)),
        pytest.param(1, 2_000, 5_000, (5.834183, None), id="3 of 6,000 in bursts of 2"),
        pytest.param(3, 6_000, 5_000, (18.761672, None), id="the same counted one by one"),
        pytest.param(
            Fraction(12, 9), Fraction(3_000, 9), 10_000, (0.188318, -1.427326), id="bursts of 5"
        ),
        pytest.param(1, 11, 500_000, (3.525938, None), id="10 of 11 windows carried"),
        pytest.param(2, 14, 500_000, (3.090529, None), id="12 of 14 windows carried"),
        pytest.param(0, 30, 100_000, (2.540380, -1.673353), id="30 of 30 runs good"),
        pytest.param(1, 30, 100_000, (0.457386, -1.434429), id="29 of 30 runs good"),
        pytest.param(3, 30, 100_000, (-1.281050, -0.798736), id="27 of 30 runs good"),
        pytest.param(4, 30, 100_000, (-1.750055, -0.369287), id="26 of 30 runs good"),
        pytest.param(7, 30, 100_000, (-2.596121, 1.603886), id="23 of 30 runs good"),
        pytest.param(9, 30, 100_000, (-2.942379, 3.628202), id="21 of 30 runs good"),
    ],
)
def test_the_golden_values(
    events: Fraction, samples: Fraction, limit_ppm: int, expected: tuple[float, float | None]
) -> None:
    found = on(limit_ppm).weigh(float(events), float(samples))
    for unats, nats in zip((found.pass_unats, found.fail_unats), expected, strict=True):
        if nats is not None:
            assert unats / UNATS == pytest.approx(nats, abs=1.5e-6)  # ours is rounded down


@given(st.integers(0, 300), st.integers(1, 3_000), st.sampled_from([1_000, 5_000, 50_000, 500_000]))
def test_the_evidence_follows_its_definition(events: int, samples: int, limit_ppm: int) -> None:
    events = min(events, samples)
    p0, a, b = Fraction(limit_ppm, PPM), Fraction(1, 2), Fraction(PPM, 2 * limit_ppm)
    k, n = float(events), float(samples)

    def ln_beta(first: float, second: float) -> float:
        return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)

    mixed = ln_beta(0.5 + k, float(b) + n - k) - ln_beta(0.5, float(b))
    mixed -= k * math.log(p0) + (n - k) * math.log(1 - p0)
    after = ln_incomplete_beta(p0, a + events, b + samples - events)
    expected = mixed + after - ln_incomplete_beta(p0, a, b)
    found = on(limit_ppm).weigh(events, samples).pass_unats
    assert found / UNATS == pytest.approx(expected, abs=1.1e-6, rel=1e-9)


@pytest.mark.parametrize(
    ("limit_ppm", "needed", "all_bad"),
    [
        (500_000, [6, 11, 14, 18, 21, 24], 7),
        (250_000, [13, 24, 32, 40, 47, 53], 4),
        (200_000, [17, 31, 41, 51, 59, 68], 4),
        (100_000, [35, 64, 85, 105, 123, 140], 3),
        (50_000, [72, 130, 174, 213, 250, 285], 3),
        (10_000, [367, 657, 881, 1_080, 1_265, 1_441], 3),
        (5_000, [735], 3),
        (1_000, [3_678], 3),
    ],
)
def test_how_many_samples_a_verdict_takes(limit_ppm: int, needed: list[int], all_bad: int) -> None:
    test = on(limit_ppm)
    assert [test.samples_to_pass(events) for events in range(len(needed))] == needed
    for events, samples in enumerate(needed):
        assert test.outcome(events, samples) is PASS
        assert test.outcome(events, samples - 1) is OPEN
    assert test.samples_to_fail == all_bad
    assert test.outcome(all_bad, all_bad) is FAIL
    assert test.outcome(all_bad - 1, all_bad - 1) is OPEN


@pytest.mark.parametrize(
    ("limit_ppm", "samples"),
    [
        (500_000, 5), (250_000, 11), (200_000, 14), (100_000, 29),
        (50_000, 59), (10_000, 299), (5_000, 598), (1_000, 2_995),
    ],
)  # fmt: skip
def test_one_look_takes_fewer_samples_when_their_number_was_fixed(
    limit_ppm: int, samples: int
) -> None:
    assert one_look(on(limit_ppm), 0, samples).outcome is PASS
    assert one_look(on(limit_ppm), 0, samples - 1).outcome is OPEN


@pytest.mark.parametrize(
    ("good", "outcome", "pass_p", "fail_p"),
    [
        pytest.param(30, PASS, 0.042391, 1, id="all 30 good"),
        pytest.param(29, OPEN, None, None, id="29 good"),
        pytest.param(26, OPEN, None, 0.352561, id="26 good: a bare comparison would fail it"),
        pytest.param(24, OPEN, None, None, id="24 good"),
        pytest.param(23, FAIL, None, 0.025827, id="23 good"),
        pytest.param(0, FAIL, 1, 1e-30, id="none good"),
    ],
)
def test_thirty_runs_of_which_nine_in_ten_shall_be_good(
    good: int, outcome: Outcome, pass_p: float | None, fail_p: float | None
) -> None:
    found = one_look(on(100_000), 30 - good, 30)
    assert found.outcome is outcome
    if pass_p is not None:
        assert found.pass_p == pytest.approx(pass_p, abs=5e-7)
    if fail_p is not None:
        assert found.fail_p == pytest.approx(fail_p, abs=5e-7)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 999_999))
def test_one_look_is_the_exact_binomial_sum(events: int, samples: int, limit_ppm: int) -> None:
    events = min(events, samples)
    p0 = Fraction(limit_ppm, PPM)

    def between(first: int, last: int) -> Fraction:
        return sum(
            (math.comb(samples, k) * p0**k * (1 - p0) ** (samples - k))
            for k in range(first, last + 1)
        ) + Fraction(0)

    found = one_look(on(limit_ppm), events, samples)
    assert found.pass_p == pytest.approx(float(between(0, events)), rel=1e-9)
    assert found.fail_p == pytest.approx(float(between(events, samples)), rel=1e-9)


def test_a_stricter_false_fail_rate_needs_more_evidence_and_no_other_pass() -> None:
    test = on(10_000, false_fail_ppm=6_250)
    assert test.pass_needs_unats == on(10_000).pass_needs_unats == 2_995_733
    assert test.fail_needs_unats == 5_075_174
    found = test.weigh(24, 1_200)
    assert (on(10_000).outcome(24, 1_200), test.outcome(24, 1_200)) == (FAIL, OPEN)
    assert 2_995_733 <= found.fail_unats < 5_075_174


@pytest.mark.parametrize(
    ("error_ppm", "unats"),
    [
        pytest.param(30_000, 3_506_558, id="ln 33.333 is 3.506557898"),
        pytest.param(15_000, 4_199_706, id="ln 66.667 is 4.199705078"),
        pytest.param(1, 13_815_511, id="the smallest there is"),
    ],
)
def test_a_threshold_is_rounded_up_and_not_its_argument(error_ppm: int, unats: int) -> None:
    test = ShareTest(10_000, error_ppm, error_ppm)
    assert (test.pass_needs_unats, test.fail_needs_unats) == (unats, unats)


def test_just_as_much_evidence_as_is_asked_for_is_enough() -> None:
    passes, fails = ShareTest(400_000, 688_900, 1), ShareTest(400_000, 1, 619_322)
    assert passes.weigh(0, 1).pass_unats == passes.pass_needs_unats == 372_660
    assert fails.weigh(1, 1).fail_unats == fails.fail_needs_unats == 479_130
    assert (passes.outcome(0, 1), fails.outcome(1, 1)) == (PASS, FAIL)


def test_one_look_that_is_just_as_unlikely_as_is_asked_for_is_enough() -> None:
    coin = ShareTest(500_000, 500_000, 500_000)
    assert one_look(coin, 0, 1) == OneLook(PASS, 0.5, 1.0)
    assert one_look(coin, 1, 1) == OneLook(FAIL, 1.0, 0.5)


def test_a_test_is_made_once_and_kept_with_what_it_has_computed() -> None:
    assert share_test(10_000, 50_000, 50_000) is share_test(10_000, 50_000, 50_000)


@given(
    st.integers(1, 999_999), st.integers(0, 2_000), st.integers(0, 2_000),
    st.sampled_from([PPM, 3 * PPM, 9 * PPM]),
)  # fmt: skip
def test_the_quick_look_says_what_the_evidence_says(
    limit_ppm: int, events: int, good: int, effect_ppm: int
) -> None:
    test, scale = on(limit_ppm), PPM / effect_ppm
    k, n = events * scale, (events + good) * scale
    found = test.weigh(k, n)
    expected = OPEN
    if found.pass_unats >= test.pass_needs_unats:
        expected = PASS
    elif found.fail_unats >= test.fail_needs_unats:
        expected = FAIL
    assert test.outcome(k, n) is expected


@given(st.integers(1_000, 900_000), st.integers(0, 50), st.integers(0, 500))
def test_one_event_more_never_speaks_for_the_line(limit_ppm: int, events: int, good: int) -> None:
    before, after = (on(limit_ppm).weigh(each, events + 1 + good) for each in (events, events + 1))
    assert after.pass_unats <= before.pass_unats
    assert after.fail_unats >= before.fail_unats


def test_samples_in_bursts_count_for_less() -> None:
    one_by_one, in_fives = on(10_000), 9 * PPM
    needed = one_by_one.samples_to_pass(design_effect_ppm=in_fives)
    assert 366 * 9 < needed <= 367 * 9
    assert one_by_one.samples_to_pass(12, design_effect_ppm=in_fives) > needed


def test_evidence_against_a_hopeless_claim_has_a_number_that_a_record_can_hold() -> None:
    found = on(1).weigh(limits.STREAM_PACKETS_MAX, limits.STREAM_PACKETS_MAX)
    assert 2 * 10**11 < found.fail_unats < INTEGER_MAX
    assert -INTEGER_MAX < found.pass_unats < 0


@pytest.mark.parametrize(
    ("limit_ppm", "false_pass_ppm", "false_fail_ppm"),
    [(0, 1, 1), (-1, 1, 1), (PPM, 1, 1), (PPM + 1, 1, 1), (1, 0, 1), (1, 1, PPM)],
)
def test_what_can_never_be_proved_is_no_test(
    limit_ppm: int, false_pass_ppm: int, false_fail_ppm: int
) -> None:
    with pytest.raises(ValueError, match="can't be tested"):
        ShareTest(limit_ppm, false_pass_ppm, false_fail_ppm)


@pytest.mark.parametrize(("events", "samples"), [(-1, 5), (6, 5)])
def test_more_events_than_samples_are_refused(events: int, samples: int) -> None:
    with pytest.raises(ValueError, match="can't be"):
        on(10_000).weigh(events, samples)
    with pytest.raises(ValueError, match="can't be"):
        one_look(on(10_000), events, samples)


def test_no_samples_say_nothing() -> None:
    assert on(10_000).outcome(0, 0) is OPEN
    assert one_look(on(10_000), 0, 0) == OneLook(OPEN, 1.0, 1.0)
