"""What was watched of a line, judged; its page; and how an agent comes to stand on it."""

from __future__ import annotations

from typing import Any

import pytest

from omega_acceptance.decision.availability import Availability, Outage
from omega_core.availability import Unwatched
from omega_core.limits import LINE_RANGE_S_MAX
from omega_core.units import US_PER_S
from omega_core.verdict import Outcome
from omega_server import tickets
from omega_server.instructing import roll
from omega_server.lines import desk, placing, watching
from omega_server.lines.desk import Asked
from omega_server.lines.views import CriterionView, LineAvailabilityView, LineView
from omega_server.refusals import Code, RefusalError
from omega_server.store.line_port import PlacedBy
from support.builders import session
from support.line_watch import DAY_S, LineWatch, at, gap, outage
from support.server_rig import Rig


def availability(watch: LineWatch, **asked: Any) -> LineAvailabilityView:  # noqa: ANN401 - fields
    return watch.rig.services.lines.availability(watch.subscriber_ref, Asked(**asked))


def between(watch: LineWatch, from_s: int, to_s: int, **asked: Any) -> LineAvailabilityView:  # noqa: ANN401 - fields
    return availability(watch, from_unix_us=at(from_s), to_unix_us=at(to_s), **asked)


def page(watch: LineWatch) -> LineView:
    return watch.rig.services.lines.page(watch.subscriber_ref)


def refusal_of(call: Any) -> Code:  # noqa: ANN401 - a call without arguments
    with pytest.raises(RefusalError) as refusal:
        call()
    return refusal.value.code


def spans(view: LineAvailabilityView) -> list[tuple[int, int | None]]:
    """Return the outages listed, by seconds of the story."""

    def second(unix_us: int | None) -> int | None:
        return None if unix_us is None else (unix_us - at(0)) // US_PER_S

    return [(second(each.since_unix_us) or 0, second(each.until_unix_us)) for each in view.outages]


class TestAvailability:
    def test_a_month_is_judged_by_the_plan(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        for day in range(30):
            events = [outage(day * DAY_S + 100, day * DAY_S + 160)] if day == 3 else []
            watch.post(day * DAY_S, (day + 1) * DAY_S, *events)
        watch.go_to(30 * DAY_S)
        view = availability(watch)
        assert (view.outcome, view.is_plan_window, view.why_open) == (Outcome.PASS, True, None)
        assert (view.from_unix_us, view.to_unix_us) == (at(0), at(30 * DAY_S))
        assert view.criterion is not None
        assert (view.criterion.window_days, view.criterion.limit_ppm) == (30, 999_000)
        assert (view.low_ppm, view.high_ppm) == (999_976, 999_978)
        assert (view.pessimistic_ppm, view.optimistic_ppm) == (999_976, 999_978)
        assert (view.observed_us, view.unobserved_us) == (30 * DAY_S * US_PER_S, 0)
        assert spans(view) == [(3 * DAY_S + 100, 3 * DAY_S + 160)]
        assert len(view.records) == 30
        assert view.holes == ()
        assert {each.key_state for each in view.records} == {"active"}

    def test_a_line_that_was_down_too_long(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 10_000, outage(100, 200))
        view = between(watch, 0, 10_000)
        assert (view.outcome, view.is_plan_window) == (Outcome.FAIL, False)
        (seen,) = view.outages
        assert (seen.least_us, seen.most_us) == (97_980_000, 100_000_000)

    def test_bounds_that_lie_about_the_promise(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 10_000, outage(100, 111))
        view = between(watch, 0, 10_000)
        assert (view.outcome, view.why_open) == (Outcome.INCONCLUSIVE, "inside_bounds")
        assert (view.low_ppm, view.high_ppm) == (998_900, 999_102)

    def test_too_little_was_observed(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 10_000, gap(100, 1_101), gap(2_000, 2_001, Unwatched.STALLED))
        view = between(watch, 0, 10_000)
        assert (view.outcome, view.why_open) == (Outcome.INCONCLUSIVE, "observed_time_too_short")
        assert view.low_ppm == 1_000_000
        times = [(each.cause, each.unobserved_us // US_PER_S) for each in view.unobserved]
        assert times == [(Unwatched.REBOOTED, 1_001), (Unwatched.STALLED, 1)]
        assert [each.cause for each in view.gaps] == [Unwatched.STALLED, Unwatched.REBOOTED]

    def test_a_line_nobody_watched(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        view = availability(watch)
        assert (view.outcome, view.why_open) == (Outcome.INCONCLUSIVE, "observed_time_too_short")
        assert (view.low_ppm, view.high_ppm) == (None, None)
        assert (view.pessimistic_ppm, view.optimistic_ppm) == (0, 1_000_000)
        assert (view.gaps_count, view.records, view.agents) == (1, (), ())
        assert view.clock_step_us_largest is None

    def test_a_plan_that_no_profile_knows_is_shown_and_not_judged(self, rig: Rig) -> None:
        watch = LineWatch(rig, subscriber_ref=rig.subscriber("OLD-PLAN").subscriber_ref)
        watch.post(0, 100)
        watch.go_to(30 * DAY_S)
        view = availability(watch)
        assert (view.outcome, view.criterion, view.is_plan_window) == ("not_in_plan", None, False)
        assert (view.to_unix_us - view.from_unix_us) // US_PER_S == 30 * DAY_S
        assert view.low_ppm == 1_000_000

    def test_an_outage_that_lasts_has_no_end_until_a_record_tells_it(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 100, outage(90, None, last_s=99))
        view = between(watch, 0, 1_000)
        assert spans(view) == [(90, None)]
        assert view.outages[0].most_us == 10 * US_PER_S
        assert view.observed_us == 100 * US_PER_S
        watch.post(100, 200, outage(90, 120))
        assert spans(between(watch, 0, 1_000)) == [(90, 120)]

    def test_an_outage_before_a_lost_record_ends_where_its_own_does(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 100, outage(90, None, last_s=99))
        watch.lose(watch.sealed(100, 200))
        watch.post(200, 300)
        assert spans(between(watch, 0, 300)) == [(90, 100)]

    def test_holes_of_the_chain_are_told(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.lose(watch.sealed(0, 100))
        watch.post(100, 200)
        watch.lose(watch.sealed(200, 300))
        watch.lose(watch.sealed(300, 400))
        watch.post(400, 500)
        watch.seq, watch.prev = 0, None
        watch.post(500, 600)
        watch.post(600, 700)
        holes = [
            (each.after_seq, each.before_seq, each.why) for each in between(watch, 0, 700).holes
        ]
        assert holes == [(None, 1, "missing"), (1, 4, "missing"), (4, 0, "begun_anew")]

    def test_a_copied_device_is_a_hole(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        first = watch.post(0, 100)
        watch.post(100, 200)
        watch.seq, watch.prev = 1, first
        watch.post(100, 220)
        (hole,) = between(watch, 0, 700).holes
        assert (hole.after_seq, hole.before_seq, hole.why) == (1, 1, "begun_anew")

    def test_windows_count_only_while_the_agent_stood_there(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        other = str(rig.subscriber().subscriber_ref)
        watch.go_to(150)
        watch.place()
        watch.go_to(250)
        watch.place(other)
        watch.post(0, 100, outage(10, 20))
        watch.post(100, 200, outage(140, 160))
        watch.post(200, 300, outage(240, None, last_s=299))
        view = between(watch, 0, 400)
        assert spans(view) == [(240, 250), (150, 160)]
        assert view.observed_us == 100 * US_PER_S
        assert [each.seq for each in view.records] == [1, 2]
        assert view.holes == ()
        (agent,) = view.agents
        assert (agent.since_unix_us, agent.until_unix_us) == (at(150), at(250))
        watch.subscriber_ref = other
        assert spans(between(watch, 0, 400)) == [(250, None)]

    def test_an_agent_that_came_back_missed_nothing_of_the_chain(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.go_to(100)
        other = str(rig.subscriber().subscriber_ref)
        watch.place(other)
        watch.go_to(300)
        watch.place()
        for second in range(0, 500, 100):
            watch.post(second, second + 100)
        view = between(watch, 0, 500)
        assert [each.seq for each in view.records] == [0, 3, 4]
        assert view.holes == ()
        assert view.unobserved_us == 200 * US_PER_S

    def test_another_device_takes_over(self, rig: Rig) -> None:
        first = LineWatch(rig)
        second = LineWatch(rig, subscriber_ref=first.subscriber_ref, placed=False)
        first.go_to(100)
        placing.place(rig.store, first.agent_id, None, at(100))
        second.place()
        first.post(0, 120, outage(90, None, last_s=119))
        second.post(80, 200, outage(85, 130))
        view = between(first, 0, 200)
        assert spans(view) == [(100, 130), (90, 100)]
        assert (view.unobserved_us, view.outages_count) == (0, 2)
        assert [each.agent_id for each in view.agents] == [first.agent_id, second.agent_id]

    def test_the_newest_are_listed_and_the_rest_is_asked_for(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        events = [
            outage(second, second + 5) if second % 20 else gap(second, second + 5)
            for second in range(10, 100, 10)
        ]
        watch.post(0, 100, *events)
        first = between(watch, 0, 100, limit=3)
        assert (first.outages_count, first.gaps_count) == (5, 4)
        assert spans(first) == [(90, 95), (70, 75)]
        assert len(first.gaps) == 1
        assert first.next_before_unix_us == at(70)
        rest = between(watch, 0, 100, limit=9, before_unix_us=first.next_before_unix_us)
        assert spans(rest) == [(50, 55), (30, 35), (10, 15)]
        assert rest.next_before_unix_us is None

    def test_lost_packets_are_judged_and_told_apart(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 100, outage(10, 12), outage(20, 40), outage(60, 62))
        watch.post(100, 200, outage(198, None, last_s=199))
        view = between(watch, 0, 200)
        assert (view.outages_count, view.sure_outages_count) == (4, 1)
        assert [each.least_us for each in view.outages] == [0, 0, 17_980_000, 0]
        assert spans(between(watch, 0, 200, sure_only=True)) == [(20, 40)]
        line = page(watch)
        assert line.known_now == "silent", "one lost packet is no line that is down"
        assert line.last_outage is not None
        assert line.last_outage.outage.since_unix_us == at(20)

    def test_how_far_a_clock_was_off_is_told(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        for step in (5, -9, 7):
            watch.post(watch.seq * 100, watch.seq * 100 + 100, clock_step_us=step)
        assert between(watch, 0, 300).clock_step_us_largest == -9

    def test_a_time_that_is_none_or_too_long(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        for from_s, to_s in ((10, 10), (10, 9), (0, LINE_RANGE_S_MAX + 1)):
            assert refusal_of(lambda: between(watch, from_s, to_s)) is Code.TIME_NOT_TAKEN  # noqa: B023 - called at once
        assert between(watch, 0, LINE_RANGE_S_MAX).records == ()
        watch.subscriber_ref = "S-none"
        assert refusal_of(lambda: between(watch, 0, 9)) is Code.SUBSCRIBER_UNKNOWN
        assert refusal_of(lambda: page(watch)) is Code.SUBSCRIBER_UNKNOWN

    @pytest.mark.parametrize("limit", ["LINE_WINDOWS_MAX", "LINE_EVENTS_MAX"])
    def test_more_than_can_be_read_for_an_answer(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        watch = LineWatch(rig)
        for _ in range(3):
            start_s = watch.seq * 100
            watch.post(start_s, start_s + 100, outage(start_s + 10, start_s + 20))
        monkeypatch.setattr(watching, limit, 2)
        assert refusal_of(lambda: between(watch, 0, 300)) is Code.TIME_NOT_TAKEN
        assert len(between(watch, 0, 200).records) == 2

    def test_shares_are_rounded_away_from_each_other(self) -> None:
        criterion = CriterionView(
            profile_id="p",
            profile_version=1,
            criterion_id="avail",
            limit_ppm=666_667,
            window_days=1,
            observed_min_ppm=0,
        )
        third = Availability(window_us=3, unobserved_us=0, outages=(Outage(1, 1),))
        assert desk._judged(third, criterion) == (Outcome.FAIL, None)
        assert (desk._at_least(third.low), desk._at_most(third.high)) == (666_666, 666_667)


class TestPage:
    def test_a_line_without_anything(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        line = page(watch)
        assert (line.known_now, line.agents) == ("nobody_watches", ())
        assert (line.newest_window, line.last_outage, line.last_record) == (None, None, None)
        assert line.availability == f"/v1/lines/{watch.subscriber_ref}/availability"

    def test_what_is_known_of_this_moment(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        assert page(watch).known_now == "silent"
        watch.post(0, 100, outage(90, None, last_s=99))
        line = page(watch)
        assert line.known_now == "down_in_newest_record"
        assert line.last_outage is not None
        assert line.last_outage.outage.until_unix_us is None
        assert line.last_outage.outage.most_us == 10 * US_PER_S
        watch.check_in()
        assert page(watch).known_now == "connected"
        watch.go_to(1_000)
        digest = watch.post(100, 200, outage(90, 130))
        line = page(watch)
        assert line.known_now == "silent"
        assert line.agents[0].seen_unix_us == at(0)
        assert line.newest_window is not None
        assert line.newest_window.digest == digest
        assert line.last_outage is not None
        assert line.last_outage.record_digest == digest
        assert line.last_outage.outage.until_unix_us == at(130)

    def test_an_agent_that_lives_in_another_year_is_heard_of(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        year_s = 365 * DAY_S
        digest = watch.post(-year_s, 100 - year_s, clock_step_us=year_s * US_PER_S)
        line = page(watch)
        assert line.newest_window is not None
        assert line.newest_window.digest == digest
        assert between(watch, 0, 100).records == ()

    def test_what_is_posted_late_says_nothing_of_now(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        watch.go_to(200)
        watch.place()
        watch.post(0, 100, outage(90, None, last_s=99))
        assert page(watch).known_now == "silent"

    def test_the_last_outage_is_one_of_this_line(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        watch.post(0, 100, outage(10, 20))
        watch.post(100, 200, outage(170, 180))
        watch.go_to(150)
        watch.place(str(rig.subscriber().subscriber_ref))
        last = page(watch).last_outage
        assert last is not None
        assert last.outage.since_unix_us == at(10)

    def test_tickets_sheets_and_the_last_record(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        sheet_id = rig.sheet()
        watch.subscriber_ref = rig.store.cases.sheet(sheet_id).subscriber_ref
        posted = rig.post(rig.record(rig.installed(rig.enrolled(), sheet_id=sheet_id)))
        subscriber = rig.store.cases.subscriber(watch.subscriber_ref)
        tickets = placed_tickets(rig, subscriber, 2)
        line = page(watch)
        assert line.sheets == (sheet_id,)
        assert (line.open_tickets, line.tickets_count) == (tuple(tickets), 2)
        assert line.last_record is not None
        assert (line.last_record.digest, line.last_record.sheet_id) == (posted.row.digest, sheet_id)
        assert line.last_record.verdict == posted.row.verdict


def placed_tickets(rig: Rig, subscriber: Any, count: int) -> list[str]:  # noqa: ANN401 - a row
    now = rig.clock.unix_us()
    return [tickets.open_ticket(rig.store, subscriber, "slow", now).ticket_id for _ in range(count)]


class TestPlacing:
    def measured(self, watch: LineWatch, sheet_id: str | None = None) -> str:
        """Let the agent measure a sheet; return whose line it was."""
        rig = watch.rig
        granted = rig.installed(watch.device, sheet_id=sheet_id or rig.sheet())
        rig.post(rig.record(granted))
        return str(rig.store.cases.sheet(granted.grant.sheet_id).subscriber_ref)

    def place(self, watch: LineWatch) -> tuple[str | None, str | None]:
        row = watch.rig.store.lines.place_of(watch.agent_id)
        return (None, None) if row is None else (row.subscriber_ref, row.placed_by)

    def test_an_operators_word(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        view = roll.one(rig.store, watch.agent_id, rig.clock.unix_us())
        assert (view.subscriber_ref, view.line_since_unix_us) == (watch.subscriber_ref, at(0))
        assert roll.call(rig.store, at(0)).agents == (view,)
        placing.place(rig.store, watch.agent_id, None, at(5))
        view = roll.one(rig.store, watch.agent_id, at(5))
        assert (view.subscriber_ref, view.line_since_unix_us) == (None, None)
        events = rig.store.cases.events("agent", watch.agent_id)
        assert [each.content for each in events if each.kind == "placed"] == [
            {"subscriber_ref": watch.subscriber_ref, "by": "operator"},
            {"subscriber_ref": None, "by": "operator"},
        ]

    def test_who_or_what_is_not_known(self, rig: Rig) -> None:
        watch = LineWatch(rig)
        call = placing.place
        assert refusal_of(lambda: call(rig.store, "MA-9", None, 1)) is Code.AGENT_UNKNOWN
        code = refusal_of(lambda: call(rig.store, watch.agent_id, "S-none", 1))
        assert code is Code.SUBSCRIBER_UNKNOWN

    def test_a_daemon_that_measures_a_line_comes_to_stand_there(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        watch.check_in()
        ref = self.measured(watch)
        assert self.place(watch) == (ref, PlacedBy.RECORD)

    def test_a_device_that_does_not_wait_for_instructions_does_not(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        ref = self.measured(watch)
        assert self.place(watch) == (None, None)
        watch.check_in()
        watch.post(0, 100)
        assert self.place(watch) == (ref, PlacedBy.RECORD)

    def test_a_device_enrolled_for_a_sheet_comes_to_its_line(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        sheet_id = rig.sheet()
        watch.device = rig.enrolled(for_sheet=sheet_id)
        watch.agent_id = str(watch.device.agent_id)
        watch.check_in()
        watch.post(0, 100)
        ref = rig.store.cases.sheet(sheet_id).subscriber_ref
        assert self.place(watch) == (ref, PlacedBy.RECORD)
        row, agent = (
            rig.store.lines.place_of(watch.agent_id),
            rig.store.enrolment.agent(watch.agent_id),
        )
        assert row is not None
        assert agent is not None
        assert row.since_unix_us == agent.enrolled_unix_us, "its first record is of before"

    def test_one_enrolled_for_a_sheet_that_measures_another_line_does_not(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        watch.device = rig.enrolled(for_sheet=rig.sheet())
        watch.agent_id = str(watch.device.agent_id)
        watch.check_in()
        assert self.place(watch) == (None, None)
        self.measured(watch)
        assert self.place(watch) == (None, None)

    def test_a_technicians_device_that_has_measured_two_lines_does_not(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        self.measured(watch)
        watch.check_in()
        self.measured(watch)
        assert self.place(watch) == (None, None)

    def test_one_that_measures_elsewhere_later_stands_nowhere_for_good(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        watch.check_in()
        sheet_id = rig.sheet()
        ref = self.measured(watch, sheet_id)
        self.measured(watch, sheet_id)
        assert self.place(watch) == (ref, PlacedBy.RECORD)
        self.measured(watch)
        assert self.place(watch) == (None, PlacedBy.RECORD)
        self.measured(watch)
        assert self.place(watch) == (None, PlacedBy.RECORD)
        events = rig.store.cases.events("agent", watch.agent_id)
        assert [each.kind for each in events].count("placed") == 2, "there, and nowhere once"
        placing.place(rig.store, watch.agent_id, ref, at(1))
        self.measured(watch)
        assert self.place(watch) == (ref, PlacedBy.OPERATOR)

    def test_a_record_without_a_grant_places_nobody(self, rig: Rig) -> None:
        watch = LineWatch(rig, placed=False)
        watch.check_in()
        stated = session(id=None, test_point=None, address=None, sheet_id=rig.sheet())
        rig.post(rig.dead_line(watch.device, session=stated))
        assert self.place(watch) == (None, None)
