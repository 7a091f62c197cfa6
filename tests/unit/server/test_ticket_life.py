"""What a log says: states, owners, estimates, and which record proves a remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_server.ticket_life import entries as log
from omega_server.ticket_life.entries import Body
from omega_server.ticket_life.entry import Entry, entry_of, row_of
from omega_server.ticket_life.life import Status, life_of
from support.ticket_story import (
    MINUTE_US,
    OPENED_UNIX_US,
    READY,
    RESOLVED,
    at,
    consent,
    eta,
    owned,
    record,
    told,
    written,
    zone,
)

FAIL = record(1, "fail", failed=("goodput_bps_down",))
DEAD = record(None, None)
OUT = record(1, "fail", failed=("reachable_ppm",))
AFTER = 30  # minutes: later than every entry of these logs


@pytest.mark.parametrize(
    ("bodies", "status"),
    [
        pytest.param((), Status.ACKNOWLEDGED, id="opened"),
        pytest.param((owned(), eta(), zone()), Status.ACKNOWLEDGED, id="talked about"),
        pytest.param((FAIL,), Status.IN_PROGRESS, id="a record begins the localising"),
        pytest.param((owned(), log.Started()), Status.IN_PROGRESS, id="begun by hand"),
        pytest.param(
            (log.Waiting(status="held", party="depot", reason="r"),), Status.HELD, id="held"
        ),
        pytest.param(
            (
                log.Waiting(status="pending", party="customer", reason="r"),
                log.Resumed(event="e"),
            ),
            Status.IN_PROGRESS,
            id="what was waited for has come",
        ),
        pytest.param((log.Dispatched(to="v", reason="r"),), Status.IN_PROGRESS, id="sent at once"),
        pytest.param(RESOLVED, Status.RESOLVED, id="mended"),
        pytest.param(
            (*RESOLVED, consent(6, agrees=False)), Status.IN_PROGRESS, id="the customer says no"
        ),
        pytest.param((*RESOLVED, record(AFTER, "fail")), Status.IN_PROGRESS, id="fails after it"),
        pytest.param((*RESOLVED, record(2, "fail")), Status.RESOLVED, id="failed before it, late"),
        pytest.param((*RESOLVED, record(AFTER, "invalid")), Status.RESOLVED, id="spoiled after it"),
        pytest.param((*RESOLVED, DEAD), Status.RESOLVED, id="a dead line whose time is not known"),
        pytest.param(
            (*RESOLVED, log.FaultReturned(reason="r")), Status.IN_PROGRESS, id="it came back"
        ),
        pytest.param((*RESOLVED, log.Closed()), Status.CLOSED, id="closed"),
        pytest.param(
            (*RESOLVED, log.Closed(), record(AFTER, "fail")),
            Status.CLOSED,
            id="closed stays closed",
        ),
    ],
)
def test_where_a_log_leads(bodies: tuple[Body, ...], status: Status) -> None:
    life = told(*bodies)
    assert life.status is status
    assert life.history[-1].status is status
    assert life.ended == (status is Status.CLOSED)


@pytest.mark.parametrize(
    ("before", "after", "proves"),
    [
        pytest.param((FAIL,), record(AFTER, "pass"), True, id="a pass in mode standard"),
        pytest.param((), record(AFTER, "pass"), True, id="a pass where nothing had been measured"),
        pytest.param((FAIL,), record(4, "pass"), False, id="asked for before the remedy"),
        pytest.param((FAIL,), record(5, "pass"), False, id="asked for in the same moment"),
        pytest.param((FAIL,), record(AFTER, "pass", mode="quick"), False, id="quick is too little"),
        pytest.param((FAIL,), record(AFTER, "fail"), False, id="a fail"),
        pytest.param((FAIL,), record(AFTER, "invalid"), False, id="a spoiled run"),
        pytest.param((FAIL,), record(AFTER, None), False, id="judged by nobody"),
        pytest.param((FAIL,), record(None, "pass"), False, id="not granted"),
        pytest.param(
            (FAIL,),
            record(AFTER, "inconclusive", passed=("goodput_bps_down",)),
            True,
            id="what had failed passes, the rest is open",
        ),
        pytest.param(
            (FAIL,),
            record(AFTER, "inconclusive", passed=("loss_ppm_up",)),
            False,
            id="what had failed is open",
        ),
        pytest.param((), record(AFTER, "inconclusive"), False, id="open, and nothing had failed"),
        pytest.param(
            (OUT,),
            record(AFTER, "inconclusive", mode="quick", passed=("reachable_ppm",)),
            True,
            id="quick, where only connectivity failed",
        ),
        pytest.param(
            (DEAD,),
            record(AFTER, "inconclusive", mode="quick", passed=("reachable_ppm",)),
            True,
            id="quick, where the line was dead",
        ),
        pytest.param(
            (OUT, FAIL),
            record(AFTER, "inconclusive", mode="quick", passed=("reachable_ppm",)),
            False,
            id="quick, where more than connectivity failed",
        ),
        pytest.param(
            (OUT,),
            record(AFTER, "fail", mode="quick", passed=("reachable_ppm",), failed=("loss_ppm_up",)),
            False,
            id="quick, reached, and something else fails",
        ),
        pytest.param(
            (OUT,), record(AFTER, "pass", mode="measure"), False, id="a mode that proves nothing"
        ),
        pytest.param(
            (OUT,), record(AFTER, "inconclusive", mode="quick"), False, id="quick, not reached"
        ),
    ],
)
def test_what_proves_a_remedy(
    before: tuple[Body, ...], after: log.RecordPosted, *, proves: bool
) -> None:
    mended = log.Resolved(remedy="r", done_unix_us=OPENED_UNIX_US + 5 * MINUTE_US)
    entries = (
        at(0, log.Opened(), None),
        *(at(1, each, None) for each in before),
        *(at(2 + number, each) for number, each in enumerate(READY)),
        at(9, mended),
        at(40, after, None),
    )
    assert life_of(entries[:-1]).proof is None
    assert (life_of(entries).proof is not None) == proves


def test_the_newest_valid_record_speaks() -> None:
    good, open_ = record(AFTER, "pass"), record(AFTER + 1, "inconclusive")
    assert told(*RESOLVED, good).proof == good
    newer = record(AFTER + 1, "pass")
    assert told(*RESOLVED, good, newer).proof == newer
    assert told(*RESOLVED, good, open_).proof is None
    assert told(*RESOLVED, good, record(AFTER + 1, "invalid")).proof == good


def test_a_change_of_the_line_makes_what_was_measured_and_agreed_history() -> None:
    agreed = told(*RESOLVED, record(6, "pass"), consent(7), log.Waiver(reason="r"))
    assert agreed.proof is not None
    assert agreed.consent is not None
    changed = told(
        *RESOLVED,
        record(6, "pass"),
        consent(7),
        log.Waiver(reason="r"),
        log.Note(text="moved the antenna", changes_line=True),
    )
    assert (changed.proof, changed.consent, changed.waiver) == (None, None, None)
    assert changed.status is Status.RESOLVED
    plain = told(*RESOLVED, record(6, "pass"), consent(7), log.Note(text="called"))
    assert plain.proof is not None


def test_a_no_takes_back_what_was_agreed() -> None:
    life = told(*RESOLVED, log.Waiver(reason="r"), consent(7), consent(8, agrees=False))
    assert (life.waiver, life.consent, life.remedy, life.resolved_unix_us) == (None,) * 4


def test_estimates_are_kept_and_the_first_telling_counts() -> None:
    phone, mail = log.EtaTold(channel=log.Channel.PHONE), log.EtaTold(channel=log.Channel.MAIL)
    first, second = told(eta(60), phone, mail, eta(90, told_by=log.Channel.WEB)).etas
    assert (first.eta_unix_us, first.channel) == (OPENED_UNIX_US + 60 * MINUTE_US, "phone")
    assert first.notified_at_unix_us == OPENED_UNIX_US + 2 * MINUTE_US
    assert second.notified_at_unix_us == second.set_at_unix_us
    assert told(phone).etas == ()


def test_who_and_why_stand_in_the_history() -> None:
    life = told(*RESOLVED)
    assert [(change.status, change.by) for change in life.history] == [
        (Status.ACKNOWLEDGED, "omega"),
        (Status.IN_PROGRESS, "Ana"),
        (Status.RESOLVED, "Ana"),
    ]
    assert life.history[-1].reason == "another connector"


def test_levels_and_links() -> None:
    life = told(
        zone(),
        log.Escalated(level=3, reason="r", question="which firmware?"),
        log.Linked(ticket_id="TT-1", relation="same_sector"),
    )
    assert (life.level, life.question, len(life.links)) == (3, "which firmware?", 1)
    assert told(log.Escalated(level=3, reason="r"), log.Returned(level=2, reason="r")).level == 2


def test_a_fault_that_recurs_is_localised_at_once() -> None:
    opened = at(0, log.Opened(predecessor="TT-1", recurs=True), None)
    assert life_of([opened]).status is Status.IN_PROGRESS


def test_a_log_begins_with_its_opening() -> None:
    with pytest.raises(ValueError, match="opening"):
        life_of([])
    with pytest.raises(TypeError, match="opening"):
        life_of([at(1, owned())])


@pytest.mark.parametrize("entry", written(*RESOLVED, FAIL, consent(7), log.Waiver(reason="r")))
def test_an_entry_is_the_same_after_the_store(entry: Entry) -> None:
    assert entry_of(row_of("TT-2026-000001", entry)) == entry


def test_what_an_older_program_wrote_is_read() -> None:
    opened = row_of("TT-1", at(0, log.Opened(), None))
    posted = row_of("TT-1", at(1, FAIL, None))
    old = (
        replace(opened, content={}),
        replace(posted, content={"digest": "b" * 64, "verdict": "fail"}),
    )
    life = life_of(entry_of(row) for row in old)
    assert life.status is Status.IN_PROGRESS
    assert life.records[0].granted is None
