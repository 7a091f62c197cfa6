"""When the runs of a campaign may be taken: pauses, days, spans, and clocks that change or jump."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from omega_acceptance.rules.by_cycle import ByCycle
from omega_acceptance.rules.by_day import ByDay
from omega_acceptance.rules.campaign import (
    NotPlanned,
    calendar_of,
    planned,
    why_not_planned,
)
from omega_acceptance.rules.rule import CampaignShape, Rule
from omega_acceptance.rules.standing import Phase, Standing, Taken, Why
from omega_core.limits import CAMPAIGN_RUNS_MAX
from omega_core.units import US_PER_S
from support.rules import BNETZA, FCC, FIRST_DAY, RTR, changed, rule

BERLIN = ZoneInfo("Europe/Berlin")
RUN_S = 120
DAY = timedelta(days=1)


def berlin(day: int, clock: str) -> int:
    """The moment of a clock time in Berlin, so many days after the first of the campaign."""
    on = FIRST_DAY + timedelta(days=day)
    moment = datetime.combine(on, time.fromisoformat(clock), BERLIN)
    return int(moment.timestamp()) * US_PER_S


def shape_of(rule_id: str) -> CampaignShape:
    shape = rule(rule_id).campaign
    assert shape is not None
    return shape


def calendar(run_s: int = RUN_S) -> ByDay:
    return ByDay(shape=shape_of(BNETZA), zone=BERLIN, run_s=run_s)


def run_from(start: int, *, valid: bool = True) -> Taken:
    return Taken(started_unix_us=start, ended_unix_us=start + RUN_S * US_PER_S, valid=valid)


def runs_of(day: int, count: int = 10, *, begin: str = "09:00") -> list[Taken]:
    """Runs of one day as early as the rule lets them be."""
    taken: list[Taken] = []
    start = berlin(day, begin)
    for index in range(count):
        if index:
            start += (RUN_S + (10_800 if index == 5 else 300)) * US_PER_S
        taken.append(run_from(start))
    return taken


def after(taken: Sequence[Taken], seconds: int) -> int:
    return taken[-1].ended_unix_us + seconds * US_PER_S


def asked(taken: Sequence[Taken], now: int) -> tuple[Phase, Why | None]:
    standing = calendar().standing(taken, now)
    return standing.phase, standing.why


class TestPauses:
    @pytest.mark.parametrize(
        ("runs", "seconds", "phase", "why"),
        [
            pytest.param(1, 299, Phase.TOO_EARLY, Why.GAP, id="299 s after the one before"),
            pytest.param(1, 300, Phase.READY, None, id="300 s"),
            pytest.param(4, 299, Phase.TOO_EARLY, Why.GAP, id="fourth to fifth: 299 s"),
            pytest.param(4, 300, Phase.READY, None, id="fourth to fifth: 300 s"),
            pytest.param(5, 10_799, Phase.TOO_EARLY, Why.LONG_GAP, id="fifth to sixth: 10,799 s"),
            pytest.param(5, 10_800, Phase.READY, None, id="fifth to sixth: 10,800 s"),
            pytest.param(6, 300, Phase.READY, None, id="sixth to seventh: 300 s"),
        ],
    )
    def test_between_two_runs(self, runs: int, seconds: int, phase: Phase, why: Why | None) -> None:
        taken = runs_of(0, runs)
        assert asked(taken, after(taken, seconds)) == (phase, why)

    def test_too_early_says_when_it_is_not(self) -> None:
        taken = runs_of(0, 5)
        standing = calendar().standing(taken, after(taken, 60))
        assert standing.not_before_unix_us == after(taken, 10_800)
        assert (standing.done, standing.needed) == (5, 30)

    def test_a_failed_attempt_keeps_the_pause_and_makes_no_run(self) -> None:
        taken = [*runs_of(0, 2), run_from(after(runs_of(0, 2), 300), valid=False)]
        standing = calendar().standing(taken, after(taken, 10))
        assert (standing.phase, standing.done) == (Phase.TOO_EARLY, 2)
        assert standing.not_before_unix_us == after(taken, 300)

    def test_a_failed_sixth_does_not_ask_for_three_more_hours(self) -> None:
        taken = [*runs_of(0, 5), run_from(after(runs_of(0, 5), 10_800), valid=False)]
        assert asked(taken, after(taken, 300)) == (Phase.READY, None)

    @pytest.mark.parametrize(("seconds", "why"), [(299, Why.RUNS_TOO_CLOSE), (300, None)])
    def test_runs_that_were_taken_too_close_make_the_campaign_void(
        self, seconds: int, why: Why | None
    ) -> None:
        first = run_from(berlin(0, "09:00"))
        taken = [first, run_from(first.ended_unix_us + seconds * US_PER_S)]
        standing = calendar().standing(taken, after(taken, 300))
        assert standing.why is why
        assert (standing.phase is Phase.VOID) == (why is not None)

    @pytest.mark.parametrize(("seconds", "void"), [(10_799, True), (10_800, False)])
    def test_the_long_pause_too(self, seconds: int, *, void: bool) -> None:
        five = runs_of(0, 5)
        taken = [*five, run_from(after(five, seconds))]
        standing = calendar().standing(taken, after(taken, 300))
        assert (standing.phase is Phase.VOID) is void


class TestDays:
    def test_a_day_that_is_done(self) -> None:
        standing = calendar().standing(runs_of(0), berlin(0, "20:00"))
        assert (standing.phase, standing.why) == (Phase.TOO_EARLY, Why.DAY_DONE)
        assert standing.not_before_unix_us == berlin(2, "00:00")

    def test_the_free_day_between(self) -> None:
        standing = calendar().standing(runs_of(0), berlin(1, "12:00"))
        assert (standing.phase, standing.why) == (Phase.TOO_EARLY, Why.DAY_GAP)
        assert asked(runs_of(0), berlin(1, "23:59:59")) == (Phase.TOO_EARLY, Why.DAY_GAP)
        assert asked(runs_of(0), berlin(2, "00:00")) == (Phase.READY, None)

    def test_measuring_days_without_a_free_day_between_are_void(self) -> None:
        taken = [*runs_of(0), *runs_of(1, 1)]
        assert asked(taken, after(taken, 300)) == (Phase.VOID, Why.DAYS_TOO_CLOSE)

    @pytest.mark.parametrize(
        ("third_day", "phase"),
        [pytest.param(13, Phase.COMPLETE, id="14 days"), pytest.param(14, Phase.VOID, id="15")],
    )
    def test_the_span(self, third_day: int, phase: Phase) -> None:
        taken = [*runs_of(0), *runs_of(2), *runs_of(third_day)]
        standing = calendar().standing(taken, after(taken, 0))
        assert standing.phase is phase
        assert standing.why is (Why.SPAN if phase is Phase.VOID else None)
        assert standing.day == (FIRST_DAY + third_day * DAY if phase is Phase.VOID else None)

    @pytest.mark.parametrize(
        ("day", "phase"),
        [
            pytest.param(13, Phase.READY, id="the last day on which it can be done"),
            pytest.param(14, Phase.VOID, id="the day after"),
        ],
    )
    def test_what_can_no_longer_be_completed_is_void(self, day: int, phase: Phase) -> None:
        taken = [*runs_of(0), *runs_of(2)]
        standing = calendar().standing(taken, berlin(day, "09:00"))
        assert standing.phase is phase

    def test_two_days_are_left_and_only_one_has_room(self) -> None:
        assert asked(runs_of(0), berlin(11, "09:00")) == (Phase.READY, None)
        assert asked(runs_of(0), berlin(12, "09:00")) == (Phase.VOID, Why.SPAN)

    def test_a_day_that_was_not_finished_makes_it_void_and_says_which(self) -> None:
        standing = calendar().standing(runs_of(0, 9), berlin(2, "09:00"))
        assert (standing.phase, standing.why) == (Phase.VOID, Why.DAY_UNFINISHED)
        assert standing.day == FIRST_DAY

    def test_a_day_on_which_the_rest_does_not_fit_is_lost_at_once(self) -> None:
        six = runs_of(0, 6)
        # four runs of 120 s and three pauses more after the first pause: 480 + 900 s
        assert asked(six, berlin(0, "23:37:00")) == (Phase.READY, None)
        assert asked(six, berlin(0, "23:37:01")) == (Phase.VOID, Why.DAY_UNFINISHED)

    def test_a_pause_that_ends_tomorrow_loses_the_day(self) -> None:
        five = runs_of(0, 5, begin="20:55")
        assert asked(five, after(five, 60)) == (Phase.VOID, Why.DAY_UNFINISHED)

    def test_a_day_is_not_begun_when_ten_runs_do_not_fit_any_more(self) -> None:
        # ten runs of 120 s, eight pauses of 300 s and one of 10,800 s: 14,400 s
        assert asked([], berlin(0, "20:00:00")) == (Phase.READY, None)
        standing = calendar().standing([], berlin(0, "20:00:01"))
        assert (standing.phase, standing.why) == (Phase.TOO_EARLY, Why.DAY_TOO_SHORT)
        assert standing.not_before_unix_us == berlin(1, "00:00")

    def test_a_failed_first_attempt_begins_no_day(self) -> None:
        failed = [run_from(berlin(0, "19:00"), valid=False)]
        standing = calendar().standing(failed, after(failed, 60))
        assert (standing.phase, standing.why) == (Phase.TOO_EARLY, Why.GAP)
        assert asked(failed, berlin(1, "09:00")) == (Phase.READY, None)

    def test_a_pause_that_ends_after_the_last_possible_day_loses_the_campaign(self) -> None:
        taken = [*runs_of(0), *runs_of(2), run_from(berlin(13, "23:56"), valid=False)]
        assert asked(taken, berlin(13, "23:58:30")) == (Phase.VOID, Why.SPAN)

    def test_thirty_valid_runs_are_a_campaign(self) -> None:
        taken = [*runs_of(0), *runs_of(2), *runs_of(4)]
        assert asked(taken, berlin(200, "09:00")) == (Phase.COMPLETE, None)

    def test_a_shape_that_binds_less(self) -> None:
        bare = CampaignShape(shape="runs", n=2, days=2, per_day=1)
        taken = [run_from(berlin(0, "09:00"))]
        standing = ByDay(shape=bare, zone=BERLIN, run_s=RUN_S).standing(taken, berlin(300, "10:00"))
        assert (standing.phase, standing.done, standing.needed) == (Phase.READY, 1, 2)

    def test_a_shape_without_pauses_lets_runs_and_days_follow_each_other(self) -> None:
        bare = CampaignShape(shape="runs", n=4, days=2, per_day=2)
        free = ByDay(shape=bare, zone=BERLIN, run_s=RUN_S)
        taken: list[Taken] = []
        for start in (berlin(0, "09:00"), berlin(0, "09:02"), berlin(1, "00:00")):
            assert free.standing(taken, start).phase is Phase.READY
            taken.append(run_from(start))
        taken.append(run_from(taken[-1].ended_unix_us))
        assert free.standing(taken, taken[-1].ended_unix_us).phase is Phase.COMPLETE


class TestClocks:
    def test_a_clock_set_back_makes_no_second_day(self) -> None:
        taken = runs_of(2)
        for days in (1, 2, 365):
            standing = calendar().standing(taken, taken[-1].ended_unix_us - days * 86_400 * 10**6)
            assert (standing.phase, standing.why) == (Phase.TOO_EARLY, Why.DAY_DONE)
            assert standing.not_before_unix_us == berlin(4, "00:00")

    def test_a_clock_set_back_within_a_pause_only_waits(self) -> None:
        taken = runs_of(0, 3)
        standing = calendar().standing(taken, berlin(0, "06:00"))
        assert (standing.phase, standing.not_before_unix_us) == (
            Phase.TOO_EARLY,
            after(taken, 300),
        )

    def test_days_are_those_of_the_line_and_not_of_greenwich(self) -> None:
        # half past eleven at night in Greenwich is the next day in Berlin
        evening = int(datetime(2026, 11, 2, 23, 30, tzinfo=UTC).timestamp()) * US_PER_S
        one = CampaignShape(shape="runs", n=2, days=2, per_day=1, day_gap_min=1)
        in_berlin = ByDay(shape=one, zone=BERLIN, run_s=RUN_S)
        in_greenwich = ByDay(shape=one, zone=UTC, run_s=RUN_S)
        taken = [run_from(evening)]
        assert in_berlin.standing(taken, after(taken, 60)).not_before_unix_us == berlin(3, "00:00")
        at = datetime(2026, 11, 4, tzinfo=UTC)
        standing = in_greenwich.standing(taken, after(taken, 60))
        assert standing.not_before_unix_us == int(at.timestamp()) * US_PER_S

    @pytest.mark.parametrize(
        ("day", "hours"),
        [
            pytest.param(date(2026, 10, 25), 25, id="clocks go back"),
            pytest.param(date(2026, 3, 29), 23, id="clocks go forward"),
            pytest.param(date(2026, 7, 1), 24, id="an ordinary day"),
        ],
    )
    def test_a_day_is_as_long_as_it_is_at_the_line(self, day: date, hours: int) -> None:
        one = CampaignShape(shape="runs", n=2, days=2, per_day=1)
        noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=BERLIN).timestamp()) * US_PER_S
        taken = [run_from(noon)]
        in_berlin = ByDay(shape=one, zone=BERLIN, run_s=RUN_S)
        begins = in_berlin.standing(taken, noon).not_before_unix_us
        eve = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
        assert begins == (int(eve.timestamp()) + hours * 3_600) * US_PER_S


def test_the_plan_names_every_run_and_taking_them_then_completes_it() -> None:
    starts = planned(calendar(), [], berlin(0, "09:00"), run_s=RUN_S)
    assert len(starts) == 30
    days = [datetime.fromtimestamp(start // 10**6, BERLIN).date() - FIRST_DAY for start in starts]
    assert [days.count(each * DAY) for each in range(6)] == [10, 0, 10, 0, 10, 0]
    taken = [run_from(start) for start in starts]
    assert asked(taken, after(taken, 0)) == (Phase.COMPLETE, None)
    first = [start // 10**6 - starts[0] // 10**6 for start in starts[:10]]
    assert first == [0, 420, 840, 1260, 1680, 12_600, 13_020, 13_440, 13_860, 14_280]


def test_nothing_is_planned_for_a_campaign_that_is_void() -> None:
    assert planned(calendar(), runs_of(0, 9), berlin(2, "09:00")) == ()


def test_a_plan_has_an_end_whatever_the_calendar_says() -> None:
    class Endless:
        def standing(self, taken: Sequence[Taken], now_unix_us: int) -> Standing:
            assert now_unix_us >= len(taken)
            return Standing(phase=Phase.READY, done=0, needed=1)

    assert len(planned(Endless(), [], 0)) == CAMPAIGN_RUNS_MAX


class TestCycles:
    ZONE = ZoneInfo("Europe/Vienna")

    def standing(self, taken: Sequence[Taken], now: int) -> Standing:
        return ByCycle(shape=shape_of(RTR), zone=self.ZONE).standing(taken, now)

    def cycle(self, day: int, tests: int = 9, *, begin: str = "09:00") -> list[Taken]:
        return [run_from(berlin(day, begin) + index * 900 * US_PER_S) for index in range(tests)]

    @pytest.mark.parametrize(
        ("seconds", "phase"), [(899, Phase.TOO_EARLY), (900, Phase.READY), (1_799, Phase.READY)]
    )
    def test_a_test_every_quarter_of_an_hour(self, seconds: int, phase: Phase) -> None:
        taken = self.cycle(0, 3)
        now = taken[-1].started_unix_us + seconds * US_PER_S
        standing = self.standing(taken, now)
        assert (standing.phase, standing.done, standing.needed) == (phase, 0, 3)
        if phase is Phase.TOO_EARLY:
            assert standing.why is Why.INTERVAL
            assert standing.not_before_unix_us == taken[-1].started_unix_us + 900 * US_PER_S

    def test_a_cycle_that_lacks_a_test_is_begun_again_on_the_same_day(self) -> None:
        broken = self.cycle(0, 8)  # 6,300 s
        taken = [*broken, *self.cycle(0, begin="12:00")]
        standing = self.standing(taken, after(taken, 60))
        assert (standing.phase, standing.why, standing.done) == (
            Phase.TOO_EARLY,
            Why.DAY_DONE,
            1,
        )

    @pytest.mark.parametrize(
        ("seconds", "done"),
        [pytest.param(7_199, 0, id="7,199 s: too short"), pytest.param(7_200, 1, id="7,200 s")],
    )
    def test_a_cycle_is_whole_after_two_hours(self, seconds: int, done: int) -> None:
        last = run_from(berlin(0, "09:00") + seconds * US_PER_S)
        taken = [*self.cycle(0, 8), last]
        assert self.standing(taken, after(taken, 60)).done == done

    def test_after_a_whole_cycle_the_next_day_comes(self) -> None:
        taken = self.cycle(0)
        standing = self.standing(taken, after(taken, 60))
        assert (standing.why, standing.not_before_unix_us) == (Why.DAY_DONE, berlin(1, "00:00"))
        assert self.standing(taken, berlin(1, "00:00")).phase is Phase.READY

    def test_three_cycles_on_three_days_complete_it(self) -> None:
        taken = [*self.cycle(0), *self.cycle(1), *self.cycle(2)]
        assert self.standing(taken, after(taken, 0)).phase is Phase.COMPLETE

    def test_days_too_far_apart_drop_out_and_nothing_is_lost(self) -> None:
        taken = [*self.cycle(0), *self.cycle(12)]
        standing = self.standing(taken, berlin(14, "09:00"))
        assert (standing.phase, standing.done) == (Phase.READY, 2)
        taken += self.cycle(14)
        assert self.standing(taken, after(taken, 0)).done == 2

    def test_a_failed_test_is_repeated_while_its_time_lasts(self) -> None:
        taken = self.cycle(0, 2)
        failed = run_from(taken[-1].started_unix_us + 900 * US_PER_S, valid=False)
        standing = self.standing([*taken, failed], failed.ended_unix_us)
        assert standing.phase is Phase.READY

    def test_its_plan(self) -> None:
        starts = planned(calendar_of(shape_of(RTR), self.ZONE), [], berlin(0, "09:00"))
        assert len(starts) == 27


@pytest.mark.parametrize(
    ("of", "because"),
    [
        pytest.param(rule(BNETZA), None, id="thirty runs"),
        pytest.param(rule(RTR), None, id="three cycles"),
        pytest.param(rule(FCC), NotPlanned.HOURS_UNKNOWN, id="a week, and no hours"),
        pytest.param(rule("RS-pravilnik-2023"), NotPlanned.NO_CALENDAR, id="no campaign"),
        pytest.param(rule("IT-AGCOM-nemesys"), NotPlanned.OTHER_EVENTS, id="certificates"),
        pytest.param(rule("UK-Ofcom-speeds-codes"), NotPlanned.OTHER_EVENTS, id="a report"),
        pytest.param(rule("EU-2015-2120-contract"), NotPlanned.CONTRACT_ONLY, id="a contract"),
        pytest.param(rule("DE-BNetzA-2026-mobile"), NotPlanned.DRAFT, id="a draft"),
        pytest.param(changed(rule(BNETZA), status="retired"), NotPlanned.RETIRED, id="retired"),
        pytest.param(
            changed(rule(BNETZA), effective_from="2027-01-01"),
            NotPlanned.NOT_IN_FORCE,
            id="of next year",
        ),
    ],
)
def test_for_which_rules_a_campaign_is_planned(of: Rule, because: NotPlanned | None) -> None:
    assert why_not_planned(of, FIRST_DAY) is because
