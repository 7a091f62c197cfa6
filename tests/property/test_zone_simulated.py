"""The rule of the fault's zone over drawn lines: how often it is right, wrong, or says nothing.

Seeds for developing are below two hundred thousand; those above are for reporting, and nothing was
changed by what they showed. A case is right if its zone is named, wrong if another is, and unknown
otherwise. The matrix is printed: `pytest -s -k reported tests/property/test_zone_simulated.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from omega_acceptance.zone import Zone, ZoneFinding, locate
from omega_acceptance.zone.codes import Confidence
from omega_acceptance.zone.finding import WRONG_PPM_MAX
from support.zone_lines import PLACES, Line, draw_line, seen_of

DEVELOPING = range(200)
REPORTING = range(200_000, 202_000)
RIGHT_PPM_MIN = 950_000
WRONG_PPM_MAX_OF_ALL = 20_000
Judged = list[tuple[Line, ZoneFinding]]


def judged(seeds: Iterable[int]) -> Judged:
    lines = [draw_line(seed) for seed in seeds]
    return [(line, locate(seen_of(line))) for line in lines]


def matrix(cases: Judged) -> str:
    """Return how often each zone was found for each true one, as a table."""
    counted = Counter((line.zone, found.zone) for line, found in cases)
    zones = [*Zone]
    rows = ["true \\ found" + "".join(f"{each:>9}" for each in zones)]
    for true in zones:
        figures = "".join(f"{counted[true, found]:>9}" for found in zones)
        if true is not Zone.UNKNOWN:
            rows.append(f"{true:<12}{figures}")
    return "\n".join(rows)


def shares_ppm(cases: Judged) -> tuple[int, int, int]:
    """Return the shares of right, wrong and unknown findings."""
    unknown = sum(found.zone is Zone.UNKNOWN for _, found in cases)
    right = sum(found.zone is line.zone for line, found in cases)
    whole = len(cases)
    return (
        right * 1_000_000 // whole,
        (whole - right - unknown) * 1_000_000 // whole,
        unknown * 1_000_000 // whole,
    )


def called_faulty(cases: Judged) -> list[int]:
    """Return the seeds of lines without a fault that were given a zone."""
    healthy = [(line, found) for line, found in cases if line.zone is Zone.NONE]
    return [line.seed for line, found in healthy if found.zone not in {Zone.NONE, Zone.UNKNOWN}]


def report(cases: Judged) -> None:
    right, wrong, unknown = shares_ppm(cases)
    shares = f"right {right / 10_000} %, wrong {wrong / 10_000} %, unknown {unknown / 10_000} %"
    print(f"\n{len(cases)} lines: {shares}\n{matrix(cases)}")  # noqa: T201 - what the test is for


def test_every_place_is_drawn_and_drawing_is_the_same_each_time() -> None:
    drawn = {(line.kind, line.zone) for line in map(draw_line, range(1_000))}
    assert drawn == {*PLACES, ("none", Zone.NONE)}
    for seed in range(20):
        assert locate(seen_of(draw_line(seed))) == locate(seen_of(draw_line(seed)))


def test_lines_for_developing_are_told_right() -> None:
    cases = judged(DEVELOPING)
    right, wrong, _ = shares_ppm(cases)
    report(cases)
    assert right >= RIGHT_PPM_MIN
    assert wrong <= WRONG_PPM_MAX_OF_ALL
    assert called_faulty(cases) == []


@pytest.fixture(scope="module")
def reported() -> Judged:
    return judged(REPORTING)


@pytest.mark.slow
@pytest.mark.timeout(180)  # two thousand lines, a thousand packets each, under coverage
def test_lines_for_reporting_are_told_right(reported: Judged) -> None:
    right, wrong, _ = shares_ppm(reported)
    report(reported)
    assert right >= RIGHT_PPM_MIN
    assert wrong <= WRONG_PPM_MAX_OF_ALL
    assert called_faulty(reported) == []


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("confidence", [*WRONG_PPM_MAX])
def test_a_class_of_confidence_is_not_wrong_more_often_than_it_says(
    confidence: Confidence, reported: Judged
) -> None:
    cases = [each for each in reported if each[1].confidence is confidence]
    wrong = sum(found.zone is not line.zone for line, found in cases)
    assert len(cases) > 10
    assert wrong * 1_000_000 <= len(cases) * WRONG_PPM_MAX[confidence]
