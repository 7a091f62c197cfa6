"""The desk on a real store: races, numbers, the line's past, and the whole life of a ticket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from omega_core.limits import TICKETS_PAGE_MAX
from omega_core.units import NS_PER_S
from omega_core.verdict import Mode
from omega_server import ticket_desk, tickets
from omega_server.baseline import birth_certificate
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import LogGrewError
from omega_server.store.rows import EventRow
from omega_server.ticket_desk import Wanted
from omega_server.ticket_life.life import Status
from omega_server.ticket_views import shown
from support.server_rig import Rig, make_rig
from support.ticket_story import (
    ANA,
    DAY_US,
    TESSA,
    TicketStory,
    bad_evidence,
    good_evidence,
)

CLERKS = 8


@pytest.fixture
def story(rig: Rig) -> TicketStory:
    return TicketStory(rig)


def refused(story: TicketStory, kind: str, **entry: Any) -> RefusalError:  # noqa: ANN401 - fields
    with pytest.raises(RefusalError) as refusal:
        story.do(kind, **entry)
    return refusal.value


def test_a_whole_life(story: TicketStory) -> None:
    before = story.measured(bad_evidence())
    assert story.ticket.state is Status.IN_PROGRESS
    story.ready()
    story.do("dispatched", to="van 3", reason="the connector")
    story.do("arrived", place="on site")
    story.do("eta", eta_unix_us=story.now + 2 * DAY_US, reason="a part", told_by="phone")
    story.do("resolved", remedy="another connector")
    assert "proof" in str(refused(story, "closed"))
    after = story.measured(good_evidence())
    assert "consent" in str(refused(story, "closed"))
    story.consented()
    assert story.do("closed").state is Status.CLOSED
    view = shown(story.rig.store, story.ticket_id, story.now)
    assert (view.proof_digest, view.consented, view.waived) == (after, True, False)
    assert [each.digest for each in view.records] == [before, after]
    assert (view.eta_report.extensions, view.eta_report.missing) == (1, 0)
    assert view.priority.criticality == "minor", "the newest record says so"
    assert not any(clock.missed for clock in view.clocks)


def test_a_quick_record_proves_nothing_but_connectivity(story: TicketStory) -> None:
    story.measured(bad_evidence())
    story.ready()
    story.do("resolved", remedy="r")
    story.measured(good_evidence(), Mode.QUICK)
    assert story.ticket.life.proof is None


def test_a_waiver_of_level_3_stands_for_the_record_and_not_for_the_customer(
    story: TicketStory,
) -> None:
    story.ready()
    story.do("resolved", remedy="r")
    assert "level 3" in str(refused(story, "waiver", reason="empty house"))
    story.do("waiver", by=TESSA, reason="empty house")
    assert "consent" in str(refused(story, "closed"))
    story.consented()
    assert story.do("closed").state is Status.CLOSED


def test_a_record_that_fails_after_the_remedy_begins_again(story: TicketStory) -> None:
    story.ready()
    story.do("resolved", remedy="r")
    story.consented()
    story.measured(bad_evidence())
    assert story.ticket.state is Status.IN_PROGRESS
    assert story.ticket.life.consent is None


def test_no_timer_closes(story: TicketStory) -> None:
    story.ready()
    story.do("resolved", remedy="r")
    for _ in range(3):
        story.pass_s(86_400)
        story.do("contacted", channel="phone", reached=False, text="no answer")
    story.pass_s(365 * 86_400)
    view = shown(story.rig.store, story.ticket_id, story.now)
    assert (view.state, view.customer_unreachable) == (Status.RESOLVED, True)
    listed = story.desk.page(count=10, wanted=Wanted(unreachable=True))
    assert [each.row.ticket_id for each in listed.tickets] == [story.ticket_id]
    assert story.desk.page(count=10, wanted=Wanted(unreachable=False)).tickets == ()


# Two at once


def test_of_two_who_close_at_once_the_second_is_told(rig: Rig) -> None:
    story = TicketStory(rig)
    story.ready()
    story.do("resolved", remedy="r")
    story.do("waiver", by=TESSA, reason="r")
    story.consented()
    ready = Barrier(CLERKS)

    def close(number: int) -> str:
        ready.wait()
        try:
            story.desk.act(story.ticket_id, _step(f"clerk {number}"))
        except RefusalError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(CLERKS) as pool:
        said = sorted(pool.map(close, range(CLERKS)))
    assert said[0] == ""
    assert all("closed is not possible in closed, where clerk" in each for each in said[1:])
    closed = [each for each in story.ticket.entries if each.kind == "closed"]
    assert len(closed) == 1


def _step(name: str) -> Any:  # noqa: ANN401 - a step of any kind
    return ticket_desk.step_model("closed").model_validate_json(
        f'{{"actor": {{"name": "{name}", "level": 1}}, "entry": {{}}}}'
    )


def test_who_says_what_they_had_seen_is_told_what_happened_since(story: TicketStory) -> None:
    story.do("owned", owner="Ana", seen=0)
    with pytest.raises(RefusalError) as refusal:
        story.do("owned", owner="Bob", seen=0)
    assert refusal.value.code is Code.TICKET_MOVED
    assert "owned by Ana; the ticket is acknowledged" in str(refusal.value)
    story.measured(good_evidence())
    story.do("owned", owner="Bob", seen=1)
    assert story.ticket.life.owner == "Bob", "a record is nobody's entry"
    with pytest.raises(RefusalError) as refusal:
        story.do("owned", owner="Eve", seen=9)
    assert refusal.value.code is Code.TICKET_MOVED


def test_a_lost_race_is_tried_again_on_what_the_log_says_then(
    story: TicketStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = story.rig.store
    write, lost = store.cases.log, [3]

    def sometimes(event: EventRow) -> None:
        if lost[0]:
            lost[0] -= 1
            raise LogGrewError("another was faster")
        write(event)

    monkeypatch.setattr(store.cases, "log", sometimes)
    assert story.do("owned", owner="Ana").life.owner == "Ana"
    lost[0] = 99
    assert refused(story, "owned", owner="Bob").code is Code.BUSY


def test_a_log_has_an_end(story: TicketStory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_desk, "TICKET_ENTRIES_MAX", 2)
    story.do("note", text="one")
    assert "linked ticket" in str(refused(story, "note", text="two"))


# Numbers


def test_a_hundred_at_once_get_a_hundred_numbers(rig: Rig) -> None:
    story = TicketStory(rig)
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda _: story.open().row.ticket_id, range(100)))
    assert len({*numbers, story.ticket_id}) == 101


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        first = TicketStory(rig)
        first.do("note", text="kept")
    with make_rig(tmp_path) as rig:
        second = TicketStory(rig, subscriber_ref=first.subscriber_ref)
        assert second.ticket_id > first.ticket_id
        assert tickets.load(rig.store, first.ticket_id).entries[-1].kind == "note"


# After the end


@pytest.mark.parametrize(
    ("days", "state"),
    [
        pytest.param(7, Status.IN_PROGRESS, id="within a week it is the same fault"),
        pytest.param(8, Status.ACKNOWLEDGED, id="after that it is a new one"),
    ],
)
def test_a_ticket_is_opened_again_only_as_another(rig: Rig, days: int, state: Status) -> None:
    story = TicketStory(rig)
    story.ready()
    story.do("resolved", remedy="r")
    story.do("waiver", by=TESSA, reason="r")
    story.consented()
    story.do("closed")
    rig.clock.pass_ns(days * 86_400 * NS_PER_S)
    again = story.open(predecessor=story.ticket_id)
    assert (again.state, again.life.opened.predecessor) == (state, story.ticket_id)
    (link,) = story.ticket.life.links
    assert (link.ticket_id, link.relation) == (again.row.ticket_id, "successor")
    assert story.ticket.state is Status.CLOSED


def test_a_predecessor_is_over_and_of_the_same_subscriber(story: TicketStory) -> None:
    for fields in (
        {"predecessor": story.ticket_id},
        {"predecessor": story.ticket_id, "subscriber_ref": story.rig.subscriber().subscriber_ref},
    ):
        with pytest.raises(RefusalError) as refusal:
            story.open(**fields)
        assert refusal.value.code is Code.TICKET_STEP
    story.do("cancelled", reason="r", person="Mme Roux", channel="phone")
    assert story.open(predecessor=story.ticket_id).state is Status.ACKNOWLEDGED


def test_a_link_leads_to_a_ticket(story: TicketStory) -> None:
    assert refused(story, "linked", ticket_id="TT-1", relation="related").code is (
        Code.TICKET_UNKNOWN
    )


# Lists


def test_pages_follow_each_other(rig: Rig) -> None:
    story = TicketStory(rig)
    numbers = [story.ticket_id, *(story.open().row.ticket_id for _ in range(4))]
    first = story.desk.page(count=3)
    assert [each.row.ticket_id for each in first.tickets] == numbers[:3]
    assert first.next_after == numbers[2]
    second = story.desk.page(after=first.next_after or "", count=3)
    assert [each.row.ticket_id for each in second.tickets] == numbers[3:]
    assert second.next_after is None
    assert len(story.desk.page(count=10 * TICKETS_PAGE_MAX).tickets) == 5


def test_lists_of_what_is_wanted(rig: Rig) -> None:
    story, other = TicketStory(rig), TicketStory(rig)
    story.do("cancelled", reason="r", person="p", channel="web")
    by_status = story.desk.page(count=9, wanted=Wanted(status=Status.CANCELLED))
    by_name = story.desk.page(count=9, wanted=Wanted(subscriber_ref=other.subscriber_ref))
    assert [each.row.ticket_id for each in by_status.tickets] == [story.ticket_id]
    assert [each.row.ticket_id for each in by_name.tickets] == [other.ticket_id]


def test_a_long_list_is_read_a_page_at_a_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_desk, "TICKETS_PAGE_MAX", 2)
    monkeypatch.setattr(ticket_desk, "TICKETS_LOOKED_AT_MAX", 4)
    story = TicketStory(rig)
    numbers = [story.ticket_id, *(story.open().row.ticket_id for _ in range(5))]
    nothing = story.desk.page(count=2, wanted=Wanted(status=Status.CLOSED))
    assert nothing.tickets == ()
    assert nothing.next_after == numbers[3], "so many were looked at; go on from there"


# The line's past


def test_a_line_without_an_accepted_installation_has_no_birth_certificate(
    story: TicketStory,
) -> None:
    story.measured(bad_evidence())
    view = shown(story.rig.store, story.ticket_id, story.now)
    assert view.baseline is None


def test_the_birth_certificate_is_the_last_pass_of_the_last_sheet(rig: Rig) -> None:
    story, certificate = accepted(rig)
    found = birth_certificate(rig.store, story.subscriber_ref)
    assert found is not None
    assert found.digest == certificate
    now = story.measured(bad_evidence())
    baseline = shown(rig.store, story.ticket_id, story.now).baseline
    assert baseline is not None
    assert (baseline.digest, baseline.compared_digest) == (certificate, now)
    by_name = {each.metric: each for each in baseline.metrics}
    rate = by_name["goodput_bps_down"]
    assert (rate.then, rate.now, rate.worse_by_ppm) == (289_600_000, 150_000_000, 482_045)
    assert by_name["idle_rtt_us_p50"].worse_by_ppm == 0
    assert by_name["availability_ppm"].worse_by_ppm is None


def accepted(rig: Rig) -> tuple[TicketStory, str]:
    """Return a ticket of a line that was accepted, and the digest of its birth certificate."""
    from omega_server import sheets  # noqa: PLC0415

    story = TicketStory(rig)
    subscriber = rig.store.cases.subscriber(story.subscriber_ref)
    certificate = ""
    for _ in range(2):
        sheet_id = sheets.create(rig.store, subscriber, story.now).sheet_id
        story.measured(bad_evidence(), sheet_id=sheet_id)
        certificate = story.measured(good_evidence(), sheet_id=sheet_id)
        story.measured(good_evidence(), Mode.QUICK, sheet_id=sheet_id)
    return story, certificate


def test_actors_stand_in_the_log(story: TicketStory) -> None:
    story.do("note", by=replace(ANA, name="Bob"), text="called")
    entry = story.ticket.entries[-1]
    assert entry.actor is not None
    assert (entry.actor.name, entry.place) == ("Bob", 1)
