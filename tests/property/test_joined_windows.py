"""Windows joined: no moment is counted twice, whatever is missing, doubled or overlaps."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from omega_acceptance.watched import availability
from omega_core.availability import Attempts, Gap, SeenOutage, Unwatched, Watched, joined

END_US = 300


@st.composite
def windows(draw: st.DrawFn) -> Watched:
    """Return a window as a watch makes them: its outages and gaps lie apart, within it."""
    edges = sorted(draw(st.sets(st.integers(0, END_US), min_size=4, max_size=14)))
    started_us, ended_us = edges[0], edges[-1]
    outages: list[SeenOutage] = []
    gaps: list[Gap] = []
    for since_us, until_us in zip(edges[1:-1:2], edges[2:-1:2], strict=False):
        if draw(st.booleans()):
            gaps.append(Gap(started_us=since_us, ended_us=until_us, cause=Unwatched.STALLED))
            continue
        first_us = draw(st.integers(since_us, until_us))
        outages.append(
            SeenOutage(
                since_us=since_us,
                first_failed_us=first_us,
                last_failed_us=draw(st.integers(first_us, until_us)),
                until_us=until_us,
                round_trip_us=draw(st.integers(0, 5)),
            )
        )
    lasts = draw(st.booleans())
    if lasts and outages and all(each.started_us < outages[-1].since_us for each in gaps):
        outages[-1] = replace(outages[-1], until_us=None)
    return Watched(
        started_us=started_us,
        ended_us=ended_us,
        outages=tuple(outages),
        gaps=tuple(gaps),
        attempts=Attempts(),
    )


@given(st.lists(windows(), max_size=5))
def test_no_moment_is_counted_twice(seen: list[Watched]) -> None:
    found = joined(seen, 0, END_US)
    outages_us = sum(each.most_us(0, END_US) for each in found.outages)
    assert outages_us + found.unobserved_us <= END_US
    for each in found.outages:
        assert 0 <= each.least_us(0, END_US) <= each.most_us(0, END_US)
    result = availability(found)
    if result.observed_us:
        assert 0 <= result.low <= result.high <= 1


@given(windows(), st.integers(1, END_US - 1))
def test_a_window_in_two_parts_says_what_the_whole_says(window: Watched, at_us: int) -> None:
    assume(window.started_us < at_us < window.ended_us)
    parts = [window.within(0, at_us), window.within(at_us, END_US)]
    edges = window.started_us, window.ended_us
    whole, cut = joined([window], *edges), joined(parts, *edges)
    assert availability(cut).low == availability(whole).low
    assert cut.unobserved_us == whole.unobserved_us


@given(st.lists(windows(), max_size=4))
def test_a_copy_changes_nothing(seen: list[Watched]) -> None:
    once, twice = joined(seen, 0, END_US), joined([*seen, *seen], 0, END_US)
    assert once == twice
