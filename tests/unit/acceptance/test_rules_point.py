"""Point rules at their boundaries, one unit either side; shares are compared in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from omega_acceptance.rules.codes import NotEvaluated, RuleOutcome
from omega_acceptance.rules.point import error_of_share, evaluate_point
from omega_acceptance.rules.results import PointResult, Situation
from omega_acceptance.rules.rule import Rule
from omega_core.metrics import Direction
from omega_core.units import US_PER_S
from support.rules import (
    BNETZA,
    FCC,
    FIRST_DAY,
    MAX_BPS,
    MIN_BPS,
    NORMAL_BPS,
    changed,
    contract,
    rule,
    run_at,
    runs_on,
)

GOOD = [MAX_BPS] * 10


def bnetza(*days: list[int]) -> PointResult:
    return evaluate_point(rule(BNETZA), runs_on(*days), contract())


def holding(result: PointResult) -> set[tuple[str, Direction | None]]:
    return {(each.id, each.direction) for each in result.predicates if each.holds}


BOTH = list(Direction)


def of_both(name: str) -> set[tuple[str, Direction | None]]:
    return {(name, direction) for direction in BOTH}


@pytest.mark.parametrize(
    ("good", "outcome"),
    [
        pytest.param(30, RuleOutcome.NO_DEVIATION, id="30 of 30 at normal"),
        pytest.param(27, RuleOutcome.NO_DEVIATION, id="27 of 30: exactly nine in ten"),
        pytest.param(29, RuleOutcome.NO_DEVIATION, id="29 of 30"),
        pytest.param(26, RuleOutcome.DEVIATION, id="26 of 30: one too few"),
        pytest.param(23, RuleOutcome.DEVIATION, id="23 of 30"),
        pytest.param(21, RuleOutcome.DEVIATION, id="21 of 30"),
    ],
)
def test_share_of_runs_at_the_normal_rate(good: int, outcome: RuleOutcome) -> None:
    short = 30 - good
    days = [GOOD, GOOD, [NORMAL_BPS] * (10 - short) + [NORMAL_BPS - 1] * short]
    result = bnetza(*days)
    assert result.outcome is outcome
    assert holding(result) == (of_both("normal") if outcome is RuleOutcome.DEVIATION else set())
    assert {each.found for each in result.predicates if each.id == "normal"} == {good}


@pytest.mark.parametrize(
    ("best_of_day", "outcome"),
    [
        pytest.param((90_000_000, 90_000_000, 89_999_999), "no_deviation", id="on two days"),
        pytest.param((90_000_000, 89_999_999, 89_999_999), "deviation", id="on one day"),
        pytest.param((100_000_000, 100_000_000, 80_000_000), "no_deviation", id="well above"),
        pytest.param((89_999_999, 89_999_999, 89_999_999), "deviation", id="one bit short"),
    ],
)
def test_nine_tenths_of_the_maximum_on_two_days(best_of_day: tuple[int, ...], outcome: str) -> None:
    result = bnetza(*([NORMAL_BPS] * 9 + [best] for best in best_of_day))
    assert result.outcome == outcome
    assert holding(result) == (of_both("max") if outcome == "deviation" else set())


@pytest.mark.parametrize(
    ("worst_of_day", "outcome"),
    [
        pytest.param((MIN_BPS - 1, MIN_BPS, MIN_BPS), "no_deviation", id="below on one day"),
        pytest.param((MIN_BPS - 1, MIN_BPS - 1, MIN_BPS), "deviation", id="below on two days"),
        pytest.param((MIN_BPS, MIN_BPS, MIN_BPS), "no_deviation", id="exactly the minimum"),
    ],
)
def test_below_the_minimum_on_two_days(worst_of_day: tuple[int, ...], outcome: str) -> None:
    result = bnetza(*([MAX_BPS] * 9 + [worst] for worst in worst_of_day))
    assert result.outcome == outcome
    assert holding(result) == (of_both("min") if outcome == "deviation" else set())


def test_twice_below_the_minimum_on_one_day_is_one_day() -> None:
    result = bnetza([MAX_BPS] * 8 + [MIN_BPS - 1] * 2, GOOD, GOOD)
    assert result.outcome is RuleOutcome.NO_DEVIATION


def test_one_direction_is_enough_for_a_deviation() -> None:
    runs = [
        run_at(run.started_unix_us // US_PER_S, run.day, MAX_BPS, NORMAL_BPS - 1)
        for run in runs_on(GOOD, GOOD, GOOD)
    ]
    result = evaluate_point(rule(BNETZA), runs, contract())
    assert result.outcome is RuleOutcome.DEVIATION
    assert holding(result) == {("normal", Direction.UP), ("max", Direction.UP)}


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        pytest.param({"status": "draft", "unconfirmed": [{"about": "a", "value": "b"}]}, "draft"),
        pytest.param({"status": "retired"}, "retired"),
        pytest.param({"effective_from": "2027-01-01"}, "not_in_force"),
        pytest.param({"effective_until": "2026-11-05"}, "not_in_force"),
    ],
)
def test_a_rule_that_does_not_speak_is_not_evaluated(
    changes: dict[str, object], because: str
) -> None:
    result = evaluate_point(changed(rule(BNETZA), **changes), runs_on(GOOD, GOOD, GOOD), contract())
    assert (result.outcome, result.because) == (RuleOutcome.NOT_EVALUATED, because)
    assert not result.predicates


def test_the_last_day_of_a_rule_still_belongs_to_it() -> None:
    last = changed(rule(BNETZA), effective_until="2026-11-06")
    assert evaluate_point(last, runs_on(GOOD, GOOD, GOOD), contract()).because is None


def test_without_runs_or_without_a_rate_in_the_contract_nothing_is_said() -> None:
    assert evaluate_point(rule(BNETZA), [], contract()).because is NotEvaluated.NO_RUNS
    one_way = [run_at(0, FIRST_DAY, None, MAX_BPS)]
    assert evaluate_point(rule(BNETZA), one_way, contract()).because is NotEvaluated.NO_RUNS
    bare = evaluate_point(rule(BNETZA), runs_on(GOOD), contract(normal=None))
    assert bare.because is NotEvaluated.CONTRACT_INCOMPLETE


class TestHighCost:
    def result(self, *, good: int, delays_us: tuple[int | None, ...] = (100_000,)) -> PointResult:
        # 80 % of 10 Mbit/s, and a bit less
        runs = runs_on(*[[8_000_000] for _ in range(good)], *[[7_999_999]] * (42 - good))
        known = Situation(
            down={"required": 10_000_000}, up={"required": 10_000_000}, delays_us=delays_us
        )
        return evaluate_point(rule(FCC), runs, known)

    @pytest.mark.parametrize(
        ("good", "outcome"),
        [pytest.param(34, "compliant"), pytest.param(33, "not_compliant")],
    )
    def test_four_fifths_of_42_rate_tests(self, good: int, outcome: str) -> None:
        assert self.result(good=good).outcome == outcome

    def test_exactly_four_fifths_is_compliant(self) -> None:
        known = Situation(down={"required": 10}, up={"required": 10}, delays_us=(1,))
        assert evaluate_point(rule(FCC), runs_on([8] * 4 + [7]), known).outcome == "compliant"

    @pytest.mark.parametrize(
        ("delays_us", "outcome"),
        [
            pytest.param((100_000,) * 19 + (100_001,), "compliant", id="19 of 20 in time"),
            pytest.param((100_000,) * 18 + (100_001,) * 2, "not_compliant", id="18 of 20"),
            pytest.param((100_000,) * 19 + (None,), "compliant", id="one of 20 lost"),
            pytest.param((1,) * 18 + (None,) * 2, "not_compliant", id="a lost one is late"),
            pytest.param((), "not_evaluated", id="no delay test at all"),
        ],
    )
    def test_delay_tests(self, delays_us: tuple[int | None, ...], outcome: str) -> None:
        assert self.result(good=42, delays_us=delays_us).outcome == outcome


class TestSerbia:
    RULE = rule("RS-pravilnik-2023")

    @pytest.mark.parametrize(
        ("bps", "holds"),
        [
            pytest.param(70_000_000, True, id="70.0 % of the maximum"),
            pytest.param(69_900_000, False, id="69.9 %"),
            pytest.param(69_999_999, False, id="one bit short"),
        ],
    )
    def test_the_minimum(self, bps: int, *, holds: bool) -> None:
        runs = [run_at(0, FIRST_DAY, MAX_BPS), run_at(3_600, FIRST_DAY, bps)]
        result = evaluate_point(self.RULE, runs, contract())
        assert {each.holds for each in result.predicates if each.id == "min"} == {holds}

    @pytest.mark.parametrize(
        ("good_s", "outcome"),
        [pytest.param(3_240, "compliant"), pytest.param(3_239, "not_compliant")],
    )
    def test_nine_tenths_of_the_time_of_measuring(self, good_s: int, outcome: str) -> None:
        runs = [run_at(0, FIRST_DAY, 80_000_000), run_at(good_s, FIRST_DAY, 79_999_999)]
        known = Situation(
            down={"max": MAX_BPS}, up={"max": MAX_BPS}, until_unix_us=3_600 * US_PER_S
        )
        assert evaluate_point(self.RULE, runs, known).outcome == outcome

    def test_without_an_end_the_last_run_weighs_nothing(self) -> None:
        runs = [run_at(0, FIRST_DAY, 80_000_000), run_at(60, FIRST_DAY, 75_000_000)]
        assert evaluate_point(self.RULE, runs, contract()).outcome == "compliant"

    def test_an_end_before_the_last_run_takes_nothing_from_the_others(self) -> None:
        runs = [run_at(0, FIRST_DAY, 80_000_000), run_at(60, FIRST_DAY, 75_000_000)]
        known = Situation(down={"max": MAX_BPS}, up={"max": MAX_BPS}, until_unix_us=1)
        result = evaluate_point(self.RULE, runs, known)
        assert {each.among for each in result.predicates if each.id == "normal"} == {60 * US_PER_S}


class TestMobile:
    RULE = rule("DE-BNetzA-2026-mobile")

    def active(self) -> Rule:
        return changed(self.RULE, status="active")

    @pytest.mark.parametrize(
        ("households", "share"),
        [(145, "1/4"), (144, "3/20"), (45, "3/20"), (44, "1/10"), (0, "1/10")],
    )
    def test_the_share_goes_by_the_households_of_the_cell(
        self, households: int, share: str
    ) -> None:
        assert self.RULE.share_of_cell(households) == Fraction(share)

    def test_as_shipped_it_is_a_draft_and_not_evaluated(self) -> None:
        known = Situation(down={}, up={}, households_in_cell=145)
        assert evaluate_point(self.RULE, runs_on(GOOD), known).because is NotEvaluated.DRAFT

    @pytest.mark.parametrize(
        ("bps", "outcome"),
        [pytest.param(25_000_000, "no_deviation"), pytest.param(24_999_999, "deviation")],
    )
    def test_once_it_is_active_the_share_of_the_cell_counts(self, bps: int, outcome: str) -> None:
        rates = {"estimated_max": MAX_BPS}
        known = Situation(down=rates, up=rates, households_in_cell=145)  # type: ignore[arg-type] # literal keys
        assert evaluate_point(self.active(), runs_on(*[[bps]] * 5), known).outcome == outcome

    def test_a_cell_nobody_knows_is_no_guess(self) -> None:
        rates = {"estimated_max": MAX_BPS}
        known = Situation(down=rates, up=rates)  # type: ignore[arg-type] # literal keys
        result = evaluate_point(self.active(), runs_on(GOOD), known)
        assert result.because is NotEvaluated.CELL_UNKNOWN


@pytest.mark.parametrize(
    ("true_share", "error"),
    [
        pytest.param(Fraction(90, 100), "0.352561", id="a line that meets 90 % exactly"),
        pytest.param(Fraction(95, 100), "0.060772", id="95 %"),
        pytest.param(Fraction(97, 100), "0.011905", id="97 %"),
        pytest.param(Fraction(1), "0.000000", id="a line that always keeps it"),
    ],
)
def test_a_point_rule_is_wrong_so_often(true_share: Fraction, error: str) -> None:
    assert f"{float(error_of_share(30, Fraction(9, 10), true_share)):.6f}" == error
