"""Whatever delays, failures and clocks do: a run that was allowed never breaks the rule."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from omega_acceptance.rules.campaign import calendar_of
from omega_acceptance.rules.days import begin_of, day_at
from omega_acceptance.rules.standing import Phase, Taken, Why
from omega_core.units import US_PER_S
from support.rules import BNETZA, RTR, rule

ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC")]
)
BEGINS = st.integers(
    int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda second: second * US_PER_S)
ATTEMPTS = st.lists(
    st.tuples(
        st.integers(-3_600, 3_600) | st.integers(-90_000, 90_000),  # the clock, beyond the due time
        st.integers(20, 180),  # how long it takes
        st.booleans() | st.just(value=True),  # whether it counts
    ),
    max_size=40,
)
NEVER = {Why.RUNS_TOO_CLOSE, Why.DAYS_TOO_CLOSE}


@given(zone=ZONES, begin=BEGINS, attempts=ATTEMPTS)
def test_runs_taken_when_they_may_be_keep_every_distance(
    zone: ZoneInfo, begin: int, attempts: list[tuple[int, int, bool]]
) -> None:
    shape = rule(BNETZA).campaign
    assert shape is not None
    calendar, taken, now = calendar_of(shape, zone), list[Taken](), begin
    for late_s, length_s, valid in attempts:
        standing = calendar.standing(taken, now)
        assert standing.why not in NEVER
        if standing.phase in {Phase.VOID, Phase.COMPLETE}:
            break
        now = (standing.not_before_unix_us or now) + late_s * US_PER_S
        if calendar.standing(taken, now).phase is Phase.READY:
            # A clock that was set back shows a time before the last run; runs are as they are.
            now = max([now, *(each.ended_unix_us for each in taken[-1:])])
            end = now + length_s * US_PER_S
            taken.append(Taken(started_unix_us=now, ended_unix_us=end, valid=valid))
    good = [each for each in taken if each.valid]
    for earlier, later in pairwise(good):
        assert later.started_unix_us - earlier.ended_unix_us >= 300 * US_PER_S
    days = sorted({day_at(each.started_unix_us, zone) for each in good})
    assert all((later - earlier).days >= 2 for earlier, later in pairwise(days))
    assert not days or (days[-1] - days[0]).days < 14
    assert len(good) <= 30


@given(zone=ZONES, begin=BEGINS, attempts=ATTEMPTS)
def test_a_campaign_of_cycles_is_never_void(
    zone: ZoneInfo, begin: int, attempts: list[tuple[int, int, bool]]
) -> None:
    shape = rule(RTR).campaign
    assert shape is not None
    calendar, taken, now = calendar_of(shape, zone), list[Taken](), begin
    for late_s, length_s, valid in attempts:
        standing = calendar.standing(taken, now)
        assert standing.phase is not Phase.VOID
        assert 0 <= standing.done <= standing.needed
        now = max(now, (standing.not_before_unix_us or now)) + abs(late_s) * US_PER_S
        if standing.phase is not Phase.COMPLETE:
            end = now + length_s * US_PER_S
            taken.append(Taken(started_unix_us=now, ended_unix_us=end, valid=valid))
            now = end


@given(zone=ZONES, at=BEGINS)
def test_a_moment_lies_in_its_day_and_in_no_other(zone: ZoneInfo, at: int) -> None:
    day = day_at(at, zone)
    assert begin_of(day, zone) <= at
    assert day_at(begin_of(day, zone), zone) == day
