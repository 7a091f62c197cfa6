"""What the daemon does next, given what came and what time it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omega_agent.daemon.foreman import (
    BEGUN_MAX,
    Begin,
    Ending,
    Foreman,
    LeaveOut,
    LookAtLine,
    Rest,
    Say,
    Step,
    Stop,
)
from omega_agent.daemon.journal import MemoryJournal
from omega_agent.daemon.local_limits import LocalLimits, Used
from omega_agent.daemon.work import Stage
from omega_core.errors import StorageError
from omega_core.instruction import AVAILABILITY, InstructionReport, Suppression
from omega_core.limits import INSTRUCTIONS_HELD_MAX
from omega_core.units import US_PER_S
from support.instructions import INSTANCE, OTHER_INSTANCE, instruction
from support.store_rows import NOW

DIGEST = "ab" * 32


class Yard:
    """A foreman, his journal, and a clock that is moved by hand."""

    def __init__(self, limits: LocalLimits | None = None, **changes: Any) -> None:  # noqa: ANN401 - fields of the instruction
        self.journal = MemoryJournal()
        self.limits = limits or LocalLimits()
        self.used: list[Used] = []
        self.now = NOW
        self.foreman = self.another()
        if changes.pop("with_one", True):
            self.foreman.arrived(instruction(**changes))

    def another(self, instance: str = INSTANCE) -> Foreman:
        """Return the foreman of a daemon that is started on this journal."""
        return Foreman(self.journal, self.limits, instance=instance, used=lambda: self.used)

    def next(self) -> Step:
        local = datetime.fromtimestamp(self.now // US_PER_S, UTC)
        return self.foreman.next(self.now, local)

    def said(self) -> InstructionReport:
        """Return what is to be said now, and let the server answer."""
        step = self.next()
        assert isinstance(step, Say), step
        self.foreman.answered(step.report)
        return step.report

    def look(self, *, in_use: bool = False) -> None:
        step = self.next()
        assert isinstance(step, LookAtLine), step
        self.foreman.line_was(step.name, in_use=in_use, now_unix_us=self.now)

    def begun(self) -> str:
        """Go on until the instruction is carried out."""
        self.look()
        assert self.said().state == "accepted"
        step = self.next()
        assert isinstance(step, Begin), step
        self.foreman.begun(step.work.name)
        return step.work.name

    def ended(self, name: str, **ending: Any) -> None:  # noqa: ANN401 - fields of Ending
        self.foreman.ended(name, Ending(**ending), now_unix_us=self.now)


class TestOneInstruction:
    def test_from_its_arrival_to_its_end(self) -> None:
        yard = Yard()
        name = yard.begun()
        assert yard.foreman.running == name
        assert yard.next() == Rest(None)
        yard.ended(name, record_digest=DIGEST)
        report = yard.said()
        assert (report.state, report.record_digest, report.report_no) == ("done", DIGEST, 2)
        assert yard.foreman.holding == ()
        assert yard.journal.load() == []
        assert yard.next() == Rest(None)

    def test_nothing_begins_before_the_server_has_answered(self) -> None:
        yard = Yard()
        yard.look()
        first, again = yard.next(), yard.next()
        assert isinstance(first, Say)
        assert first == again

    def test_what_the_server_does_not_give_is_forgotten(self) -> None:
        yard = Yard()
        yard.look()
        step = yard.next()
        assert isinstance(step, Say)
        yard.foreman.refused(step.report)
        assert (yard.next(), yard.foreman.holding) == (Rest(None), ())

    def test_the_same_again_is_the_same_one(self) -> None:
        yard = Yard()
        yard.begun()
        yard.foreman.arrived(instruction())
        assert len(yard.foreman.holding) == 1
        assert yard.next() == Rest(None)

    def test_no_more_than_may_be_held(self) -> None:
        yard = Yard(with_one=False)
        for number in range(INSTRUCTIONS_HELD_MAX + 1):
            yard.foreman.arrived(instruction(number))
        assert len(yard.foreman.holding) == INSTRUCTIONS_HELD_MAX

    def test_after_its_time_it_is_forgotten_in_silence(self) -> None:
        yard = Yard()
        yard.now += 901 * US_PER_S
        assert (yard.next(), yard.foreman.holding) == (Rest(None), ())

    def test_at_the_last_moment(self) -> None:
        yard = Yard()
        yard.now += 900 * US_PER_S
        yard.begun()

    def test_what_was_watched_is_told_on_a_line_in_use_and_while_measurement_is_suppressed(
        self,
    ) -> None:
        yard = Yard(kind=AVAILABILITY)
        yard.foreman.suppressed(Suppression(reason="works", until_unix_us=None, stop_running=False))
        assert yard.said().state == "accepted"
        assert isinstance(yard.next(), Begin)

    @pytest.mark.parametrize(
        ("ending", "state", "code"),
        [
            pytest.param({"code": "no_answer", "detail": "x"}, "failed", "no_answer", id="why"),
            pytest.param({}, "failed", "no_record", id="nothing at all came of it"),
            pytest.param(
                {"was_stopped": True, "record_digest": DIGEST},
                "cancelled",
                "stopped",
                id="stopped, and what was measured until then",
            ),
            pytest.param({"was_stopped": True}, "cancelled", "stopped", id="stopped"),
        ],
    )
    def test_how_it_may_end(self, ending: dict[str, Any], state: str, code: str) -> None:
        yard = Yard()
        yard.ended(yard.begun(), **ending)
        report = yard.said()
        assert (report.state, report.code) == (state, code)
        assert yard.foreman.holding == ()


class TestLocalLimits:
    def test_what_is_not_allowed_is_refused(self) -> None:
        yard = Yard(LocalLimits(kinds=()))
        report = yard.said()
        assert (report.state, report.code) == ("refused", "kind_not_allowed")
        assert yard.foreman.holding == ()

    def test_what_is_not_allowed_now_is_deferred_and_looked_at_again(self) -> None:
        yard = Yard(LocalLimits(tests_an_hour_max=1))
        hour_us = 3_600 * US_PER_S
        yard.used.append(Used(begun_unix_us=NOW - hour_us + 60 * US_PER_S, octets=1))
        report = yard.said()
        until = NOW + 60 * US_PER_S
        assert (report.state, report.code) == ("deferred", "tests_used_up")
        assert report.until_unix_us == until
        assert yard.next() == Rest(until)
        yard.now = until
        yard.begun()


class TestBusy:
    def test_one_at_a_time(self) -> None:
        yard = Yard()
        name = yard.begun()
        yard.foreman.arrived(instruction(2))
        report = yard.said()
        assert (report.instruction_id, report.state, report.code) == (
            "i-002",
            "busy",
            "another_test",
        )
        assert yard.next() == Rest(None)  # it is said once
        yard.ended(name, record_digest=DIGEST)
        assert yard.said().state == "done"
        assert yard.begun() == "i-002"

    def test_a_line_in_use_is_waited_for(self) -> None:
        yard = Yard(calm_s=15)
        yard.look(in_use=True)
        report = yard.said()
        assert (report.state, report.code) == ("busy", "line_in_use")
        assert yard.next() == Rest(NOW + 5 * US_PER_S)
        yard.now += 5 * US_PER_S
        yard.look(in_use=True)
        assert yard.next() == Rest(yard.now + 5 * US_PER_S)  # it is said once
        yard.now += 5 * US_PER_S
        yard.begun()

    def test_a_line_that_stays_in_use_is_refused(self) -> None:
        yard = Yard(calm_s=5)
        yard.look(in_use=True)
        assert yard.said().state == "busy"
        yard.now += 5 * US_PER_S
        yard.look(in_use=True)
        report = yard.said()
        assert (report.state, report.code) == ("refused", "line_in_use")

    def test_a_line_is_not_waited_for_where_that_is_not_wanted(self) -> None:
        yard = Yard(calm_s=0)
        yard.look(in_use=True)
        assert yard.said().state == "refused"

    def test_another_program_measures(self) -> None:
        yard = Yard()
        name = yard.begun()
        yard.ended(name, device_was_busy=True)
        report = yard.said()
        assert (report.state, report.code) == ("busy", "another_measurement")
        assert yard.next() == Rest(NOW + 5 * US_PER_S)
        yard.now += 5 * US_PER_S
        step = yard.next()
        assert isinstance(step, Begin)  # it is ours already
        assert step.work.begun == 0


class TestWithdrawn:
    def test_before_it_began(self) -> None:
        yard = Yard()
        yard.foreman.withdrawn(["i-001", "i-unknown"])
        assert (yard.next(), yard.foreman.holding) == (Rest(None), ())

    def test_while_it_runs_it_is_stopped_once(self) -> None:
        yard = Yard()
        name = yard.begun()
        yard.foreman.withdrawn([name])
        assert yard.next() == Stop(name)
        assert yard.next() == Rest(None)
        yard.ended(name, was_stopped=True, record_digest=DIGEST)
        assert (yard.next(), yard.foreman.holding) == (Rest(None), ())

    def test_a_report_that_is_refused_stops_what_runs(self) -> None:
        yard = Yard()
        name = yard.begun()
        work = yard.journal.load()[0].with_report("busy", code="x")
        yard.foreman.refused(work.unsent[0])
        assert yard.next() == Stop(name)


class TestSuppression:
    NONE_UNTIL = Suppression(reason="planned work", until_unix_us=None, stop_running=False)

    def test_nothing_begins(self) -> None:
        yard = Yard()
        yard.foreman.suppressed(self.NONE_UNTIL)
        report = yard.said()
        assert (report.state, report.code, report.detail) == (
            "deferred",
            "suppressed",
            "planned work",
        )
        assert yard.next() == Rest(report.until_unix_us)

    def test_it_begins_once_that_is_lifted(self) -> None:
        yard = Yard()
        yard.foreman.suppressed(self.NONE_UNTIL)
        yard.said()
        yard.foreman.suppressed(None)
        yard.now += 300 * US_PER_S
        yard.begun()

    def test_until_after_its_time_it_is_refused(self) -> None:
        yard = Yard()
        until = NOW + 901 * US_PER_S
        said = Suppression(reason="x", until_unix_us=until, stop_running=False)
        yard.foreman.suppressed(said)
        assert yard.said().state == "refused"

    def test_what_runs_goes_on(self) -> None:
        yard = Yard()
        yard.begun()
        yard.foreman.suppressed(self.NONE_UNTIL)
        assert yard.next() == Rest(None)

    def test_what_runs_is_stopped_where_that_is_said(self) -> None:
        yard = Yard()
        name = yard.begun()
        said = self.NONE_UNTIL.model_copy(update={"stop_running": True})
        yard.foreman.suppressed(said)
        assert yard.next() == Stop(name)
        yard.ended(name, was_stopped=True)
        assert yard.said().state == "cancelled"


class TestAnotherStart:
    def test_what_was_received_is_there(self) -> None:
        yard = Yard()
        yard.foreman = yard.another(OTHER_INSTANCE)
        assert yard.foreman.holding == ("i-001",)
        yard.look()
        assert yard.said().instance == INSTANCE  # it was received under that name

    def test_what_was_to_be_said_is_said(self) -> None:
        yard = Yard()
        yard.look()
        before = yard.next()
        yard.foreman = yard.another(OTHER_INSTANCE)
        assert yard.next() == before

    def test_what_was_cut_off_is_begun_once_more(self) -> None:
        yard = Yard()
        name = yard.begun()
        yard.foreman = yard.another(OTHER_INSTANCE)
        (work,) = yard.foreman.interrupted
        assert (work.name, work.stage) == (name, Stage.RUNNING)
        yard.foreman.resume(name, None)
        step = yard.next()
        assert isinstance(step, Begin)
        yard.foreman.begun(name)
        assert yard.foreman.interrupted == ()

    def test_what_was_cut_off_after_its_record_was_safe_is_done(self) -> None:
        yard = Yard()
        name = yard.begun()
        yard.foreman = yard.another(OTHER_INSTANCE)
        yard.foreman.resume(name, DIGEST)
        report = yard.said()
        assert (report.state, report.record_digest, report.instance) == ("done", DIGEST, INSTANCE)

    def test_what_was_cut_off_again_has_failed(self) -> None:
        yard = Yard()
        name = yard.begun()
        for _ in range(BEGUN_MAX - 1):
            yard.foreman = yard.another(OTHER_INSTANCE)
            yard.foreman.resume(name, None)
            yard.foreman.begun(name)
        yard.foreman = yard.another(OTHER_INSTANCE)
        yard.foreman.resume(name, None)
        report = yard.said()
        assert (report.state, report.code) == ("failed", "interrupted")


class FullDisk(MemoryJournal):
    """A journal whose disk is full from some moment on."""

    is_full = False

    def keep(self, work: Any) -> None:  # noqa: ANN401 - Work
        if self.is_full:
            raise StorageError("no space left on device")
        super().keep(work)


def test_what_cannot_be_written_down_is_not_done() -> None:
    yard, journal = Yard(with_one=False), FullDisk()
    yard.journal = journal
    yard.foreman = yard.another()
    journal.is_full = True
    with pytest.raises(StorageError):
        yard.foreman.arrived(instruction())
    assert yard.foreman.holding == ()  # so the server hands it out again
    journal.is_full = False
    yard.foreman.arrived(instruction())
    yard.look()
    journal.is_full = True
    with pytest.raises(StorageError):
        yard.next()
    journal.is_full = False
    assert yard.said().report_no == 1


def test_an_end_that_cannot_be_written_down_has_not_come_yet() -> None:
    yard, journal = Yard(with_one=False), FullDisk()
    yard.journal = journal
    yard.foreman = yard.another()
    yard.foreman.arrived(instruction())
    name = yard.begun()
    journal.is_full = True
    with pytest.raises(StorageError):
        yard.ended(name, record_digest=DIGEST)
    seen = [yard.foreman.running]
    journal.is_full = False
    yard.ended(name, record_digest=DIGEST)
    assert [*seen, yard.foreman.running] == [name, None]
    assert yard.said().record_digest == DIGEST


def test_what_is_withdrawn_and_still_runs_is_not_named_to_the_server() -> None:
    """Or the server would answer each check-in at once, until the measurement has ended."""
    yard = Yard()
    name = yard.begun()
    seen = [yard.foreman.holding]
    yard.foreman.withdrawn([name])
    assert yard.foreman.running == name
    assert [*seen, yard.foreman.holding] == [(name,), ()]


class TestWhatAScheduleWants:
    OWN = instruction(7, ticket_id=None, purpose="sweep", instruction_id="own-1")

    def due(self, **limits: Any) -> Yard:  # noqa: ANN401 - fields of the limits
        yard = Yard(LocalLimits(**limits), with_one=False)
        yard.foreman.is_due(self.OWN)
        return yard

    def test_it_begins_without_a_word_to_the_server(self) -> None:
        yard = self.due()
        yard.look()
        step = yard.next()
        assert isinstance(step, Begin)
        assert step.work.is_own
        assert yard.foreman.holding == (), "no server knows it"
        yard.foreman.begun(step.work.name)
        yard.ended(step.work.name, record_digest=DIGEST)
        assert (yard.next(), yard.journal.load()) == (Rest(None), [])

    def test_what_the_owner_does_not_allow_is_left_out_and_told_here(self) -> None:
        yard = self.due(kinds=("availability",))
        left_out = yard.next()
        assert isinstance(left_out, LeaveOut)
        assert left_out.code == "kind_not_allowed"
        assert (yard.next(), yard.journal.load()) == (Rest(None), [])

    def test_a_line_that_stays_in_use_is_let_be(self) -> None:
        yard = self.due()
        yard.next()
        yard.foreman.line_was("own-1", in_use=True, now_unix_us=NOW)
        assert isinstance(yard.next(), Rest), "it waits"
        later = NOW + self.OWN.calm_s * US_PER_S
        yard.foreman.line_was("own-1", in_use=True, now_unix_us=later)
        assert yard.next() == LeaveOut("line_in_use", "the line is in use")
        assert (yard.next(), yard.journal.load()) == (Rest(None), [])

    def test_it_waits_for_its_hour(self) -> None:
        yard = self.due(tests_an_hour_max=1)
        yard.used = [Used(begun_unix_us=NOW, octets=1)]
        left_out = yard.next()
        assert isinstance(left_out, LeaveOut), "there is no time for it within this one's period"
        assert yard.next() == Rest(None)

    def test_one_that_is_not_over_is_not_joined_by_another(self) -> None:
        yard = self.due()
        yard.foreman.is_due(self.OWN.model_copy(update={"instruction_id": "own-2"}))
        assert [work.name for work in yard.journal.load()] == ["own-1"]

    def test_one_that_was_cut_off_is_begun_once_more_and_then_forgotten(self) -> None:
        yard = self.due()
        yard.look()
        step = yard.next()
        assert isinstance(step, Begin)
        yard.foreman.begun(step.work.name)
        for _ in range(BEGUN_MAX - 1):
            yard.foreman = yard.another(OTHER_INSTANCE)
            yard.foreman.resume("own-1", None)
            step = yard.next()
            assert isinstance(step, Begin)
            yard.foreman.begun("own-1")
        yard.foreman = yard.another(INSTANCE)
        yard.foreman.resume("own-1", None)
        assert (yard.next(), yard.journal.load()) == (Rest(None), [])

    def test_a_clerk_who_waits_comes_second_to_what_runs(self) -> None:
        yard = self.due()
        yard.look()
        step = yard.next()
        assert isinstance(step, Begin)
        yard.foreman.begun(step.work.name)
        yard.foreman.arrived(instruction())
        assert (yard.said().state, yard.foreman.running) == ("busy", "own-1")
