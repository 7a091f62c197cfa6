"""The verdict beside a rule's result: thirty runs of which nine in ten shall be good."""

from __future__ import annotations

from fractions import Fraction

import pytest

from omega_acceptance.decision.quantiles import beta_quantile
from omega_acceptance.rules.share_verdict import ShareVerdict, share_verdict
from omega_core.verdict import Outcome

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def of_thirty(good: int, *, whole: bool = True) -> ShareVerdict:
    return share_verdict(30 - good, 30, Fraction(1, 10), whole=whole)


@pytest.mark.parametrize(
    ("good", "outcomes", "unats", "bounds_ppm"),
    [
        (30, (PASS, OPEN), (2_540_380, -1_673_353), (904_966, 1_000_000)),
        (29, (OPEN, OPEN), (457_386, -1_434_429), (851_404, 998_292)),
        (27, (OPEN, OPEN), (-1_281_050, -798_736), (761_402, 972_184)),
        (26, (OPEN, OPEN), (-1_750_055, -369_287), (720_385, 953_145)),
        (23, (FAIL, OPEN), (-2_596_121, 1_603_886), (606_053, 885_013)),
        (21, (FAIL, FAIL), (-2_942_379, 3_628_202), (534_927, 833_674)),
    ],
)
def test_thirty_runs(
    good: int,
    outcomes: tuple[Outcome, Outcome],
    unats: tuple[int, int],
    bounds_ppm: tuple[int, int],
) -> None:
    found = of_thirty(good)
    assert (found.one_look, found.anytime) == outcomes
    assert (found.pass_unats, found.fail_unats) == pytest.approx(unats, abs=1)
    assert (found.share_low_ppm, found.share_high_ppm) == bounds_ppm


@pytest.mark.parametrize(("good", "p_ppm"), [(30, 42_391), (26, 352_561), (23, 25_827)])
def test_how_likely_so_many_are_at_the_bound(good: int, p_ppm: int) -> None:
    assert of_thirty(good).one_look_p_ppm == p_ppm


def test_before_all_runs_are_there_nothing_is_said_that_holds_for_a_fixed_number_only() -> None:
    found, at_end = of_thirty(30, whole=False), of_thirty(30)
    assert (found.one_look, found.one_look_p_ppm) == (None, None)
    assert found.model_copy(update={"one_look": PASS, "one_look_p_ppm": 42_391}) == at_end


def test_not_one_good_run_bounds_the_share_from_above_alone() -> None:
    found = of_thirty(0)
    assert (found.share_low_ppm, found.share_high_ppm) == (0, 95_034)


@pytest.mark.parametrize("below", [0.0, 1.0, -0.1, 1.5])
def test_a_quantile_is_of_a_share_between_nothing_and_all(below: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        beta_quantile(below, 1, 1)
