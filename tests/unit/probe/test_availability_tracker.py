"""The tracker tells an outage from time in which nobody looked."""

from __future__ import annotations

import pytest

from omega_core.availability import Gap, SeenOutage, Unwatched, Watched
from omega_core.units import US_PER_S
from omega_probe.availability_tracker import AvailabilityTracker, Standing, watched

Told = dict[int, bool]


def seen(
    attempts: str,
    *,
    witnesses: Told | None = None,
    restarted_s: int | None = None,
    missed: tuple[int, Unwatched] | None = None,
) -> Watched:
    """Watch an attempt a second: `o` is answered, `x` is not, a space is not sent.

    Those are of an open stream. A hello is `h`, `H` or `N`: not answered, answered and the stream
    before was known, answered and it was not.
    """
    tracker = AvailabilityTracker(Standing(reached_us=0))
    over: list[SeenOutage | Gap] = []
    for second, what in enumerate(attempts):
        now_us = second * US_PER_S
        if missed is not None and missed[0] == second:
            tracker.missed(now_us, missed[1])
        if what != " ":
            tracker.sent(second, now_us, is_hello=what in "hHN")
        if what in "oHN":
            tracker.answered(second, now_us + 1_000, stream_was_known=what != "N")
        if second == restarted_s:
            tracker.restarted(now_us)
        if second in (witnesses or {}):
            tracker.witness(now_us, answered=(witnesses or {})[second])
        tracker.settle(now_us)
        over += tracker.take_over()
    ended_us = len(attempts) * US_PER_S
    tracker.settle(ended_us + 9 * US_PER_S)
    over += tracker.take_over()
    return watched(tuple(over), tracker.standing, 0, ended_us)


def outages(found: Watched) -> list[tuple[int, int | None]]:
    return [
        (each.since_us // US_PER_S, None if each.until_us is None else each.until_us // US_PER_S)
        for each in found.outages
    ]


def gaps(found: Watched) -> list[tuple[int, int, str]]:
    return [
        (each.started_us // US_PER_S, each.ended_us // US_PER_S, each.cause.value)
        for each in found.gaps
    ]


@pytest.mark.parametrize(
    ("attempts", "more", "wanted_outages", "wanted_gaps"),
    [
        ("ooooo", {}, [], []),
        ("oooxxoo", {}, [(2, 5)], []),
        ("ooxxx", {}, [(1, None)], []),
        ("xxoo", {}, [(0, 2)], []),
        ("oo     oo", {}, [], [(1, 7, "stalled")]),
        ("ooxx     oo", {}, [(1, 3)], [(3, 9, "stalled")]),
        (
            "ooxxxxxoo",
            {"witnesses": {3: True, 4: True, 5: True, 6: True}},
            [],
            [(1, 7, "test_point_silent")],
        ),
        (
            "ooxxxxxoo",
            {"witnesses": {3: False, 4: True, 5: True, 6: True}},
            [(1, 4)],
            [(4, 7, "test_point_silent")],
        ),
        (
            "ooxxxxxxxoo",
            {"witnesses": {3: True, 7: True}},
            [],
            [(1, 9, "test_point_silent")],
        ),
        (
            "ooxxxxxxxoo",
            {"witnesses": {3: True, 6: False}},
            [(6, 9)],
            [(1, 6, "test_point_silent")],
        ),
        ("ooxxoooo", {"witnesses": {3: False, 4: True}}, [(1, 4)], []),
        ("ooxxoooo", {"witnesses": {3: True}}, [(1, 4)], []),
        ("ooxxxoo", {"restarted_s": 5}, [], [(1, 5, "test_point_restarted")]),
        ("ooxxxoo", {"restarted_s": 5, "witnesses": {3: False}}, [(1, 5)], []),
        ("oooooo    oo", {"missed": (10, Unwatched.SUSPENDED)}, [], [(5, 10, "suspended")]),
    ],
    ids=[
        "a good line has neither",
        "an outage lies between good attempts",
        "one that lasts has no end",
        "one at the beginning begins with looking",
        "a stall is not watched",
        "a stall ends an outage at its edge",
        "a witness excuses the whole silence",
        "a witness that was silent first makes the first part an outage",
        "a silence that had a witness is believed while nobody is asked",
        "until a witness is silent too",
        "a witness that answers with the test point excuses nothing",
        "nor does one after which the test point answers: the line may have come back just then",
        "a restart explains the silence before it",
        "a restart explains nothing while the witness is silent too",
        "sleep is not watched",
    ],
)
def test_what_failed_attempts_are_taken_for(
    attempts: str,
    more: dict[str, object],
    wanted_outages: list[tuple[int, int | None]],
    wanted_gaps: list[tuple[int, int, str]],
) -> None:
    found = seen(attempts, **more)  # type: ignore[arg-type]
    assert (outages(found), gaps(found)) == (wanted_outages, wanted_gaps)


@pytest.mark.parametrize(
    ("attempts", "last_failed_s"),
    [
        pytest.param("ooxxo", 3, id="the stream answers: its packets count"),
        pytest.param("ooxxH", 3, id="a hello, and the stream was known: all count"),
        pytest.param("ooxxN", 2, id="a hello, and the stream was not known: hellos count alone"),
        pytest.param("ooxxhxhN", 6, id="the last hello before it"),
        pytest.param("ooxxhxhxN", 6, id="and no packet of the stream after that"),
        pytest.param("ooxxhxhxH", 7, id="unless it was known"),
        pytest.param("ooxxhxho", 5, id="the stream answers: of hellos some may be dropped"),
        pytest.param("hhhN", 2, id="without a stream hellos are all there is"),
        pytest.param("ooxx", 2, id="it lasts, and either may answer in the end"),
        pytest.param("ooxxhx", 4, id="it lasts: the earlier of both kinds"),
        pytest.param("hhh", 2, id="it lasts, and there is one kind"),
        pytest.param("ooxxhxN xxN", 4, id="what was before a stall is over"),
    ],
)
def test_what_bounds_an_outage_from_below(attempts: str, last_failed_s: int) -> None:
    found = seen(attempts)
    assert found.outages[0].last_failed_us == last_failed_s * US_PER_S


def test_a_second_outage_knows_nothing_of_the_first() -> None:
    first, second = seen("ooxxhxhNxN").outages
    assert first.last_failed_us == 6 * US_PER_S
    assert second.last_failed_us == second.first_failed_us == 8 * US_PER_S


def test_a_witness_is_asked_once_an_answer_is_overdue() -> None:
    tracker = AvailabilityTracker(Standing(reached_us=0))
    tracker.sent(0, 0)
    assert not tracker.suspects(US_PER_S // 2)
    assert tracker.suspects(US_PER_S)
    tracker.sent(1, US_PER_S)
    tracker.answered(1, US_PER_S + 1_000)
    assert not tracker.suspects(2 * US_PER_S)


def test_a_witness_must_answer_before_anything_can_have_been_sent_twice() -> None:
    tracker = AvailabilityTracker(Standing(reached_us=0))
    assert tracker.witness_us < US_PER_S
    for number, round_trip_us in enumerate((640_000, 600_000)):
        tracker.sent(number, number * US_PER_S)
        tracker.answered(number, number * US_PER_S + round_trip_us)
    assert 3 * 600_000 < tracker.witness_us < US_PER_S + 2 * 600_000, "TLS takes three round trips"


def test_a_gap_of_another_cause_begins_where_the_first_ends() -> None:
    tracker = AvailabilityTracker(Standing(reached_us=0))
    tracker.missed(5 * US_PER_S, Unwatched.NOT_GRANTED)
    tracker.missed(9 * US_PER_S, Unwatched.NO_ROUTE)
    assert tracker.suspects(9 * US_PER_S)
    found = watched(tracker.take_over(), tracker.standing, 0, 12 * US_PER_S)
    assert gaps(found) == [(0, 5, "not_granted"), (5, 12, "no_route")]


def test_a_new_window_counts_from_nothing_and_what_lasts_goes_on() -> None:
    tracker = AvailabilityTracker(Standing(reached_us=0))
    for number, answered in enumerate((True, False)):
        tracker.sent(number, number * US_PER_S)
        if answered:
            tracker.answered(number, number * US_PER_S)
    tracker.settle(9 * US_PER_S)
    tracker.begin_window()
    assert tracker.standing.attempts.answered == 0
    assert tracker.standing.run is not None
