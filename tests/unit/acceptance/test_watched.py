"""What a watch saw is judged by its bounds, and windows join without counting twice."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omega_acceptance.watched import availability
from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched, Watched, joined
from omega_core.units import US_PER_S
from omega_core.verdict import Outcome

DAY_US = 86_400 * US_PER_S


def s(seconds: int) -> int:
    return seconds * US_PER_S


def outage(since_s: int, least_s: int, most_s: int) -> SeenOutage:
    """Return an outage of known bounds; its edges share what is between them."""
    first_us = s(since_s) + s(most_s - least_s) // 2
    return SeenOutage(
        since_us=s(since_s),
        first_failed_us=first_us,
        last_failed_us=first_us + s(least_s),
        until_us=s(since_s + most_s),
        round_trip_us=0,
    )


MONTH = Watched(
    started_us=0,
    ended_us=30 * DAY_US,
    outages=(outage(1_000, 600, 660), outage(9_000, 45, 75)),
    gaps=(Gap(started_us=DAY_US, ended_us=2 * DAY_US, cause=Unwatched.REBOOTED),),
    attempts=Attempts(answered=10, failed=2, excused=1),
)


@pytest.mark.parametrize(
    ("wanted_ppm", "outcome"),
    [(999_700, Outcome.PASS), (999_720, Outcome.INCONCLUSIVE), (999_800, Outcome.FAIL)],
    ids=["reached even at worst", "between the bounds", "missed even at best"],
)
def test_a_month_is_judged_by_its_bounds(wanted_ppm: int, outcome: Outcome) -> None:
    seen = availability(MONTH)
    assert seen.observed_us == s(2_505_600)
    assert seen.outcome(wanted_ppm) is outcome
    assert seen.low == 1 - Fraction(735, 2_505_600)
    assert seen.high == 1 - Fraction(645, 2_505_600)
    assert round(float(seen.pessimistic), 8) == 0.96638310
    assert round(float(seen.optimistic), 8) == 0.99975116


def test_the_first_failed_attempt_counts_from_when_its_answer_was_due() -> None:
    late = replace(outage(0, 10, 12), round_trip_us=s(1))
    assert late.least_us(0, s(100)) == s(9)
    assert replace(late, round_trip_us=s(11)).least_us(0, s(100)) == 0


def test_an_outage_that_lasts_counts_to_the_end_of_the_window() -> None:
    lasting = replace(outage(10, 5, 7), until_us=None)
    assert lasting.most_us(0, s(40)) == s(30)
    assert lasting.least_us(0, s(40)) == s(5)


def window(start_s: int, end_s: int, *events: SeenOutage | Gap) -> Watched:
    return Watched(
        started_us=s(start_s),
        ended_us=s(end_s),
        outages=tuple(each for each in events if isinstance(each, SeenOutage)),
        gaps=tuple(each for each in events if isinstance(each, Gap)),
        attempts=Attempts(answered=1),
    )


def test_an_outage_over_the_end_of_a_window_is_one() -> None:
    whole = outage(90, 18, 20)
    begun = replace(whole, last_failed_us=s(99), until_us=None)
    seen = joined([window(100, 200, whole), window(0, 100, begun)], 0, s(200))
    assert seen.outages == (whole,)
    assert seen.gaps == ()


def test_a_record_that_comes_twice_counts_once() -> None:
    first = window(0, 100, outage(10, 5, 7))
    seen = joined([first, first, window(50, 100, outage(10, 5, 7))], 0, s(100))
    assert seen.outages == first.outages
    assert seen.attempts == first.attempts


def test_what_no_record_speaks_of_is_not_observed() -> None:
    gap = Gap(started_us=s(15), ended_us=s(25), cause=Unwatched.SUSPENDED)
    early = window(10, 20, gap, outage(11, 1, 2))
    seen = joined([early, window(30, 40), window(200, 300)], s(5), s(50))
    assert seen.unobserved_us == s(5 + 5 + 10 + 10)
    assert joined([early], s(14), s(20)).outages == ()
    assert joined([window(0, 8, outage(9, 1, 2))], 0, s(8)).outages == ()


LASTING = SeenOutage(
    since_us=s(90),
    first_failed_us=s(91),
    last_failed_us=s(99),
    until_us=None,
    round_trip_us=s(1),
)
CARRIED = replace(LASTING, last_failed_us=s(119), until_us=s(120))


def test_an_outage_ends_where_its_window_does_if_no_record_carries_it_on() -> None:
    (seen,) = joined([window(0, 100, LASTING)], 0, s(1_000)).outages
    assert (seen.least_us(0, s(1_000)), seen.most_us(0, s(1_000))) == (s(7), s(10))
    (seen,) = joined([window(0, 100, LASTING), window(100, 1_000)], 0, s(1_000)).outages
    assert seen.until_us == s(100)


def test_of_an_outage_over_a_missing_window_only_what_was_seen_counts() -> None:
    whole = replace(LASTING, last_failed_us=s(299), until_us=s(300))
    seen = joined([window(0, 100, LASTING), window(200, 400, whole)], 0, s(400))
    assert seen.unobserved_us == s(100)
    assert [(each.since_us, each.until_us) for each in seen.outages] == [
        (s(90), s(100)),
        (s(200), s(300)),
    ]
    assert [each.least_us(0, s(400)) for each in seen.outages] == [s(7), s(99)]


def test_of_two_that_watch_at_once_the_later_one_is_believed_from_where_the_other_ends() -> None:
    other = replace(CARRIED, first_failed_us=s(92), since_us=s(91))
    seen = joined([window(0, 100, LASTING), window(50, 150, other)], 0, s(150))
    assert [(each.since_us, each.until_us) for each in seen.outages] == [
        (s(90), s(100)),
        (s(100), s(120)),
    ]
    assert availability(seen).low == 1 - Fraction(30, 150)


def test_an_outage_at_the_beginning_of_the_time_asked_for_keeps_its_own() -> None:
    (seen,) = joined([window(0, 200, CARRIED)], s(100), s(200)).outages
    assert seen == CARRIED
    assert seen.most_us(s(100), s(200)) == s(20)


@pytest.mark.parametrize(
    ("part", "bounds"),
    [
        ((0, 200), (90, 91, 119, 120, 1)),
        ((90, 120), (90, 91, 119, 120, 1)),
        ((100, 110), (100, 100, 110, 110, 0)),
        ((91, 200), (91, 91, 119, 120, 1)),
        ((0, 90), (90, 90, 90, 90, 1)),
    ],
    ids=[
        "all of it",
        "just it",
        "within it",
        "from its first failed attempt",
        "up to where it begins",
    ],
)
def test_a_part_of_a_window_has_a_part_of_its_outages(
    part: tuple[int, int], bounds: tuple[int, ...]
) -> None:
    gap = Gap(started_us=s(130), ended_us=s(140), cause=Unwatched.STALLED)
    seen = window(0, 200, CARRIED, gap).within(s(part[0]), s(part[1]))
    assert (seen.started_us, seen.ended_us) == (s(part[0]), s(part[1]))
    (found,) = seen.outages
    assert tuple(each * US_PER_S for each in bounds) == (
        found.since_us,
        found.first_failed_us,
        found.last_failed_us,
        found.until_us,
        found.round_trip_us,
    )
    assert len(seen.gaps) == (part[1] > 130)


def test_what_lies_outside_a_part_is_left_out() -> None:
    seen = window(0, 200, CARRIED)
    assert seen.within(s(121), s(200)).outages == ()
    assert seen.within(0, s(89)).outages == ()
    assert seen.within(0, s(900)).ended_us == s(200)
    lasting = window(0, 100, LASTING).within(s(99), s(100)).outages[0]
    assert (lasting.since_us, lasting.until_us) == (s(99), s(100))
