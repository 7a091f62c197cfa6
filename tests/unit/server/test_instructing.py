"""Instructions from a clerk's wish to the last report, and what waiting agents are answered."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core.envelope import PayloadType
from omega_core.instruction import LAST_STATES
from omega_core.limits import ADDRESS_PROOF_LIFE_S, INSTRUCTIONS_HELD_MAX
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.verdict import Mode
from omega_server.addresses import Proved
from omega_server.instructing import roll, suppressing
from omega_server.instructing.check_ins import Found
from omega_server.instructing.wishes import InstructionView, SuppressionWish
from omega_server.lines import placing
from omega_server.refusals import Code, RefusalError
from support.builders import sealed
from support.instructions import (
    CLERK,
    INSTANCE,
    NONCE,
    OTHER_INSTANCE,
    check_in,
    diagnosed_ticket,
    instructions_in,
    opened,
    presence_row,
    report,
    sealed_check_in,
    wish,
)
from support.server_rig import AGENT_ADDRESS, SERVER_ADDRESS, Device, Rig

QUARTER_US = 900 * US_PER_S
PROVED = Proved(AGENT_ADDRESS, SERVER_ADDRESS)


def issued(rig: Rig, **changes: Any) -> tuple[InstructionView, Device]:  # noqa: ANN401 - fields of the wish
    ticket_id, device = diagnosed_ticket(rig)
    return rig.services.desk.issue(wish(ticket_id=ticket_id, **changes)), device


def refusal_of(call: Any) -> Code:  # noqa: ANN401 - a call without arguments
    with pytest.raises(RefusalError) as refusal:
        call()
    return refusal.value.code


def ticket_log(rig: Rig, view: InstructionView) -> list[str]:
    """Return what is in the ticket's log, a diagnosis by its step."""
    events = rig.store.cases.events("ticket", view.ticket_id)
    return [event.content.get("step", event.kind) for event in events]


class TestIssue:
    def test_a_ticket_is_diagnosed_by_the_subscribers_own_device(self, rig: Rig) -> None:
        view, device = issued(rig)
        assert (view.agent_id, view.state, view.is_new) == (device.agent_id, "issued", True)
        assert view.not_after_unix_us - view.issued_unix_us == QUARTER_US
        assert ticket_log(rig, view) == ["opened", "asked"]

    def test_of_several_devices_the_one_that_was_seen_last(self, rig: Rig) -> None:
        sheet_id = rig.sheet()
        first, second = (rig.enrolled(for_sheet=sheet_id) for _ in range(2))
        ticket = rig.services.desk
        rows = [
            presence_row(agent_id=first.agent_id, seen_unix_us=rig.clock.unix_us()),
            presence_row(agent_id=second.agent_id, seen_unix_us=rig.clock.unix_us() - 1),
        ]
        rig.store.presence.seen(rows)
        assert ticket.issue(wish(sheet_id=sheet_id)).agent_id == first.agent_id

    def test_a_device_that_stands_on_the_line(self, rig: Rig) -> None:
        ticket_id, own = diagnosed_ticket(rig)
        ref = rig.store.cases.ticket(ticket_id).subscriber_ref
        placed = rig.enrolled()
        placing.place(rig.store, str(placed.agent_id), ref, 1)
        rig.store.presence.seen([presence_row(agent_id=placed.agent_id)])
        view = rig.services.desk.issue(wish(ticket_id=ticket_id))
        assert view.agent_id in {own.agent_id, placed.agent_id}
        placing.place(rig.store, str(own.agent_id), None, 2)
        view = rig.services.desk.issue(wish(ticket_id=ticket_id, mode="standard"))
        assert view.agent_id == placed.agent_id

    def test_a_device_that_was_taken_away_is_not_asked(self, rig: Rig) -> None:
        ticket_id, own = diagnosed_ticket(rig)
        placing.place(rig.store, str(own.agent_id), rig.subscriber().subscriber_ref, 1)
        call = rig.services.desk.issue
        assert refusal_of(lambda: call(wish(ticket_id=ticket_id))) is Code.AGENT_UNKNOWN

    def test_a_technicians_device_for_a_ticket(self, rig: Rig) -> None:
        ticket_id, _ = diagnosed_ticket(rig)
        device = rig.enrolled()
        view = rig.services.desk.issue(wish(ticket_id=ticket_id, agent_id=device.agent_id))
        assert view.agent_id == device.agent_id

    def test_a_sweep_names_an_agent_and_may_name_a_plan(self, rig: Rig) -> None:
        device = rig.enrolled()
        view = rig.services.desk.issue(wish(agent_id=device.agent_id, plan_id="FTTH-300-100"))
        assert (view.ticket_id, view.sheet_id) == (None, None)

    def test_two_clerks_want_the_same(self, rig: Rig) -> None:
        view, _ = issued(rig)
        again = rig.services.desk.issue(wish(ticket_id=view.ticket_id, by="clerk-8"))
        assert (again.instruction_id, again.is_new) == (view.instruction_id, False)
        assert again.issued_by == CLERK
        assert ticket_log(rig, view) == ["opened", "asked"]

    def test_another_mode_is_another_wish(self, rig: Rig) -> None:
        view, _ = issued(rig)
        other = rig.services.desk.issue(wish(ticket_id=view.ticket_id, mode="standard"))
        assert other.is_new

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param({"ticket_id": "TT-1"}, Code.TICKET_UNKNOWN, id="no such ticket"),
            pytest.param({"sheet_id": "FI-1"}, Code.SHEET_UNKNOWN, id="no such sheet"),
            pytest.param({"agent_id": "MA-9"}, Code.AGENT_UNKNOWN, id="no such agent"),
            pytest.param(
                {"agent_id": "MA-9", "plan_id": "X"}, Code.PLAN_UNKNOWN, id="no such plan"
            ),
        ],
    )
    def test_what_is_not_there(self, rig: Rig, changes: dict[str, str], code: Code) -> None:
        assert refusal_of(lambda: rig.services.desk.issue(wish(**changes))) is code

    def test_a_subscriber_without_a_device(self, rig: Rig) -> None:
        ticket_id = rig.ticket()
        assert (
            refusal_of(lambda: rig.services.desk.issue(wish(ticket_id=ticket_id)))
            is Code.AGENT_UNKNOWN
        )

    def test_another_plan_than_the_subscribers(self, rig: Rig) -> None:
        ticket_id, _ = diagnosed_ticket(rig)
        wanted = wish(ticket_id=ticket_id, plan_id="ADSL-HOME-20M")
        assert refusal_of(lambda: rig.services.desk.issue(wanted)) is Code.PLAN_MISMATCH

    def test_an_agent_with_too_much_to_do(self, rig: Rig) -> None:
        device = rig.enrolled()
        plans = ("FTTH-300-100", "ADSL-HOME-20M")
        wishes = [
            wish(agent_id=device.agent_id, plan_id=plan, kind=f"kind_{letter}")
            for plan in plans
            for letter in "abcdefghijklmnop"
        ]
        for each in wishes[:INSTRUCTIONS_HELD_MAX]:
            rig.services.desk.issue(each)
        more = wish(agent_id=device.agent_id, kind="one_more")
        assert refusal_of(lambda: rig.services.desk.issue(more)) is Code.AGENT_OVERLOADED

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({}, id="for nobody"),
            pytest.param({"ticket_id": "TT-1", "sheet_id": "FI-1"}, id="for two things"),
        ],
    )
    def test_a_wish_names_one_thing(self, changes: dict[str, str]) -> None:
        with pytest.raises(ValueError, match=r"named|not both"):
            wish(**changes)


class TestReports:
    def test_a_whole_life(self, rig: Rig) -> None:
        view, _ = issued(rig)
        desk, digest = rig.services.desk, "ab" * 32
        desk.take(report(view, state="busy", code="line_in_use"))
        desk.take(report(view, report_no=2))
        desk.take(report(view, report_no=3, state="done", record_digest=digest))
        now = desk.view(view.instruction_id)
        assert (now.state, now.has_ended, now.record_digest) == ("done", True, digest)
        assert [each.state for each in now.events] == ["issued", "busy", "accepted", "done"]
        assert ticket_log(rig, view)[2:] == [
            "waits",
            "begun",
            "done",
        ]

    def test_of_two_devices_with_one_key_one_takes_it(self, rig: Rig) -> None:
        view, _ = issued(rig)
        rig.services.desk.take(report(view))
        other = report(view, instance=OTHER_INSTANCE)
        assert refusal_of(lambda: rig.services.desk.take(other)) is Code.INSTRUCTION_TAKEN

    def test_after_it_was_withdrawn(self, rig: Rig) -> None:
        view, _ = issued(rig)
        rig.services.desk.withdraw(view.instruction_id, by=CLERK, reason="hung up")
        said = report(view)
        assert refusal_of(lambda: rig.services.desk.take(said)) is Code.INSTRUCTION_ENDED

    def test_after_its_time(self, rig: Rig) -> None:
        view, _ = issued(rig)
        rig.clock.pass_ns(901 * NS_PER_S)
        assert rig.services.desk.view(view.instruction_id).state == "expired"
        said = report(view)
        assert refusal_of(lambda: rig.services.desk.take(said)) is Code.INSTRUCTION_ENDED

    def test_of_another_agents_instruction(self, rig: Rig) -> None:
        view, _ = issued(rig)
        said = report(view, agent_id="MA-999999")
        assert refusal_of(lambda: rig.services.desk.take(said)) is Code.INSTRUCTION_UNKNOWN

    def test_of_nothing(self, rig: Rig) -> None:
        view, _ = issued(rig)
        said = report(view, instruction_id="i-9")
        assert refusal_of(lambda: rig.services.desk.take(said)) is Code.INSTRUCTION_UNKNOWN
        assert refusal_of(lambda: rig.services.desk.view("i-9")) is Code.INSTRUCTION_UNKNOWN

    def test_withdrawing_says_who_and_why(self, rig: Rig) -> None:
        view, _ = issued(rig)
        now = rig.services.desk.withdraw(view.instruction_id, by="clerk-8", reason="hung up")
        assert (now.state, now.has_ended) == ("withdrawn", True)
        assert (now.events[-1].by, now.events[-1].detail) == ("clerk-8", "hung up")
        assert ticket_log(rig, view)[-1] == "cancelled"
        again = rig.services.desk.withdraw(view.instruction_id, by=CLERK, reason="again")
        assert again.events == now.events

    def test_every_last_state_is_an_end(self) -> None:
        assert {"refused", "done", "failed", "cancelled"} == LAST_STATES


def found(rig: Rig, device: Device, **changes: Any) -> Found:  # noqa: ANN401 - fields of the check-in
    return rig.services.check_ins.find(check_in(rig, device, **changes))


class TestCheckIns:
    def test_what_is_new_is_handed_out_sealed(self, rig: Rig) -> None:
        view, device = issued(rig)
        desk = rig.services.check_ins
        said = desk.checked(sealed_check_in(rig, device))
        answer = opened(
            rig,
            desk.answer(said, desk.find(said), PROVED, return_spread_s=7, is_seen_twice=False),
        )
        assert (answer.nonce, answer.agent_id) == (NONCE, device.agent_id)
        assert (answer.now_unix_us, answer.return_spread_s) == (rig.clock.unix_us(), 7)
        (told,) = instructions_in(rig, answer)
        assert (told.instruction_id, told.ticket_id) == (view.instruction_id, view.ticket_id)
        assert (told.purpose, told.mode, told.plan_id) == ("ticket", Mode.QUICK, None)
        assert told.bytes_down > 0
        assert rig.services.desk.view(view.instruction_id).state == "handed_out"

    def test_the_proof_in_the_answer_is_good_for_the_next(self, rig: Rig) -> None:
        device, desk = rig.enrolled(), rig.services.check_ins
        said = check_in(rig, device)
        sealed_answer = desk.answer(
            said, desk.find(said), PROVED, return_spread_s=0, is_seen_twice=False
        )
        proof = opened(rig, sealed_answer).proof
        rig.clock.pass_ns(ADDRESS_PROOF_LIFE_S * NS_PER_S)
        assert desk.checked(sealed_check_in(rig, device, proof=proof)).proof == proof

    def test_what_it_holds_is_not_handed_out_again(self, rig: Rig) -> None:
        view, device = issued(rig)
        assert found(rig, device).is_news
        assert not found(rig, device, holding=(view.instruction_id,)).is_news

    def test_what_it_holds_in_vain_is_told(self, rig: Rig) -> None:
        view, device = issued(rig)
        rig.services.desk.withdraw(view.instruction_id, by=CLERK, reason="hung up")
        holding = (view.instruction_id, "i-9")
        assert found(rig, device, holding=holding).withdrawn == holding

    def test_what_another_daemon_has_taken_is_not_handed_out(self, rig: Rig) -> None:
        view, device = issued(rig)
        rig.services.desk.take(report(view))
        assert not found(rig, device, instance=OTHER_INSTANCE).is_news
        assert found(rig, device, instance=INSTANCE).is_news  # its journal was lost

    def test_a_check_in_of_yesterday(self, rig: Rig) -> None:
        device = rig.enrolled()
        data = sealed_check_in(rig, device)
        rig.clock.pass_ns((ADDRESS_PROOF_LIFE_S + 1) * NS_PER_S)
        assert refusal_of(lambda: rig.services.check_ins.checked(data)) is Code.ADDRESS_NOT_PROVED

    def test_a_stranger(self, rig: Rig) -> None:
        device = Device(rig.new_key(), "MA-000001")
        data = sealed_check_in(rig, device)
        assert refusal_of(lambda: rig.services.check_ins.checked(data)) is Code.AGENT_UNKNOWN

    def test_in_another_agents_name(self, rig: Rig) -> None:
        device, other = rig.enrolled(), rig.enrolled()
        data = sealed_check_in(rig, device, agent_id=other.agent_id)
        assert refusal_of(lambda: rig.services.check_ins.checked(data)) is Code.KEY_MISMATCH

    def test_another_kind_of_message(self, rig: Rig) -> None:
        device = rig.enrolled()
        data = sealed(check_in(rig, device), PayloadType.INSTRUCTION_REPORT, device.key)
        assert refusal_of(lambda: rig.services.check_ins.checked(data)) is Code.NOT_AN_ENVELOPE


class TestSuppression:
    def test_by_tag(self, rig: Rig) -> None:
        north, south = rig.enrolled(), rig.enrolled()
        roll.tag(rig.store, north.agent_id or "", ["north"], rig.clock.unix_us())
        said = SuppressionWish(by=CLERK, reason="planned work", tag="north", stop_running=True)
        suppressing.suppress(rig.store, said, rig.clock.unix_us())
        told = found(rig, north).suppression
        assert told is not None
        assert (told.reason, told.until_unix_us, told.stop_running) == ("planned work", None, True)
        assert found(rig, south).suppression is None

    def test_of_several_the_one_that_lasts_longest(self, rig: Rig) -> None:
        device, now = rig.enrolled(), rig.clock.unix_us()
        for seconds, stop in ((60, True), (3_600, False)):
            said = SuppressionWish(
                by=CLERK, reason=f"{seconds} s", duration_s=seconds, stop_running=stop
            )
            suppressing.suppress(rig.store, said, now)
        told = found(rig, device).suppression
        assert told is not None
        assert (told.reason, told.stop_running) == ("3600 s", True)
        rig.clock.pass_ns(61 * NS_PER_S)
        told = found(rig, device).suppression
        assert told is not None
        assert not told.stop_running
        rig.clock.pass_ns(3_600 * NS_PER_S)
        assert found(rig, device).suppression is None

    def test_until_it_is_lifted(self, rig: Rig) -> None:
        device, now = rig.enrolled(), rig.clock.unix_us()
        view = suppressing.suppress(rig.store, SuppressionWish(by=CLERK, reason="x"), now)
        assert view.is_in_force
        lifted = suppressing.lift(rig.store, view.suppression_id, "clerk-8", now + 1)
        assert (lifted.is_in_force, lifted.lifted_by) == (False, "clerk-8")
        assert found(rig, device).suppression is None
        assert suppressing.every(rig.store, now + 1).suppressions == (lifted,)

    def test_lifting_nothing(self, rig: Rig) -> None:
        code = refusal_of(lambda: suppressing.lift(rig.store, "s-9", CLERK, 0))
        assert code is Code.SUPPRESSION_UNKNOWN


class TestRoll:
    def test_who_is_there(self, rig: Rig) -> None:
        there, away = rig.enrolled(), rig.enrolled()
        now = rig.clock.unix_us()
        rig.store.presence.seen(
            [presence_row(agent_id=there.agent_id, seen_unix_us=now, connected_until_unix_us=now)]
        )
        roll.tag(rig.store, away.agent_id or "", ["north", "wimax"], now)
        view = roll.call(rig.store, now)
        assert view.connected == 1
        first, second = view.agents
        assert (first.is_connected, first.software, first.tags) == (True, "omega 0.1.0", ())
        assert (second.is_connected, second.software) == (False, None)
        assert second.tags == ("north", "wimax")

    def test_tags_of_nobody(self, rig: Rig) -> None:
        code = refusal_of(lambda: roll.tag(rig.store, "MA-9", ["north"], 0))
        assert code is Code.AGENT_UNKNOWN
