"""Whatever people do to a ticket: the log can be read, and nothing is closed without consent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omega_server.ticket_life import entries as log
from omega_server.ticket_life.calendar import calendar
from omega_server.ticket_life.clocks import clocks_of, eta_report, reminders_of
from omega_server.ticket_life.entries import Actor, Body
from omega_server.ticket_life.entry import Entry, entry_of, row_of
from omega_server.ticket_life.life import ENDED, Status, life_of
from omega_server.ticket_life.steps import StepRefusedError, check
from support.ticket_story import (
    DAY_US,
    MINUTE_US,
    OPENED_UNIX_US,
    at,
    consent,
    eta,
    owned,
    record,
    zone,
)

LATEST = 10**6
BODIES: list[Body] = [
    owned(),
    eta(LATEST),
    log.EtaTold(channel=log.Channel.MAIL),
    log.Started(),
    zone(),
    zone(log.ZoneCode.UNKNOWN, reason="no agent"),
    log.Waiting(status="pending", party="customer", reason="r"),
    log.Waiting(status="held", party="depot", reason="r"),
    log.Resumed(event="e"),
    log.Note(text="t"),
    log.Note(text="t", changes_line=True),
    log.Dispatched(to="v", reason="r"),
    log.Escalated(level=3, reason="r"),
    log.Returned(level=1, reason="r"),
    log.Contacted(channel=log.Channel.PHONE, reached=False, text="t"),
    log.Resolved(remedy="r"),
    log.FaultReturned(reason="r"),
    consent(0),
    consent(0, agrees=False),
    log.Waiver(reason="r"),
    log.Closed(),
    log.Cancelled(reason="r", person="p", channel=log.Channel.WEB),
    log.Rejected(reason="r", turn_to="t"),
    record(0, "pass"),
    record(0, "fail", failed=("goodput_bps_down",)),
    record(0, "invalid"),
    record(None, None),
]
STEPS = st.lists(
    st.tuples(st.sampled_from(BODIES), st.integers(1, 4), st.integers(1, 3_000)), max_size=60
)
FR = calendar("fr-1")


def timed(body: Body, now_unix_us: int) -> Body:
    """Return what is said now: consents and records have a moment of their own."""
    match body:
        case log.Consent(agrees=agrees):
            return consent((now_unix_us - OPENED_UNIX_US) // MINUTE_US, agrees=agrees)
        case log.RecordPosted(asked_unix_us=int(), verdict=verdict, failed=failed):
            asked = (now_unix_us - OPENED_UNIX_US) // MINUTE_US
            return record(asked, verdict, failed=failed)
        case _:
            return body


def written(steps: list[tuple[Body, int, int]]) -> tuple[list[Entry], int]:
    """Return the log that these steps leave, as far as they may be taken, and its last minute."""
    entries, minutes, place = [at(0, log.Opened(), None)], 0, 0
    for body, level, later in steps:
        minutes += later
        now = OPENED_UNIX_US + minutes * MINUTE_US
        said = timed(body, now)
        if isinstance(said, log.RecordPosted):
            entries.append(Entry(at_unix_us=now, actor=None, body=said))
            continue
        actor = Actor(name="x", level=level)
        entry = Entry(at_unix_us=now, actor=actor, body=said, place=place + 1)
        try:
            check(life_of(entries), entry)
        except StepRefusedError:
            continue
        place += 1
        entries.append(entry)
    return entries, minutes


@given(STEPS)
def test_the_state_follows_from_the_log_alone(steps: list[tuple[Body, int, int]]) -> None:
    entries, _ = written(steps)
    life = life_of(entries)
    stored = [entry_of(row_of("TT-2026-000001", entry)) for entry in entries]
    assert life_of(stored) == life
    assert life.places == sum(entry.place is not None for entry in entries)


@given(STEPS)
def test_never_closed_without_consent_and_proof_or_waiver(
    steps: list[tuple[Body, int, int]],
) -> None:
    entries, _ = written(steps)
    life = life_of(entries)
    if life.status is not Status.CLOSED:
        return
    closed = next(number for number, e in enumerate(entries) if isinstance(e.body, log.Closed))
    before = entries[:closed]
    last_remedy = max(n for n, e in enumerate(before) if isinstance(e.body, log.Resolved))
    since = [entry.body for entry in before[last_remedy:]]
    assert any(isinstance(body, log.Consent) and body.agrees for body in since)
    waived = any(isinstance(body, log.Waiver) for body in since)
    passed = any(isinstance(e.body, log.RecordPosted) and e.body.verdict == "pass" for e in before)
    assert waived or passed
    assert all(
        entry.actor is None or entry.actor.level == 3
        for entry in before
        if isinstance(entry.body, log.Waiver)
    )


@given(STEPS)
def test_what_is_over_stays_over(steps: list[tuple[Body, int, int]]) -> None:
    entries, _ = written(steps)
    states = [life_of(entries[: number + 1]).status for number in range(len(entries))]
    ended = [status for status in states if status in ENDED]
    assert len(set(ended)) <= 1
    assert states[len(states) - len(ended) :] == ended


@given(STEPS, st.integers(0, 30 * DAY_US))
def test_clocks_of_any_log(steps: list[tuple[Body, int, int]], later_us: int) -> None:
    entries, minutes = written(steps)
    now = OPENED_UNIX_US + minutes * MINUTE_US + later_us
    life = life_of(entries)
    for clock in clocks_of(life, entries, FR, now):
        assert clock.due_unix_us is not None
        assert clock.started_unix_us <= clock.due_unix_us
        assert clock.stood_still_us >= 0
        assert clock.missed == ((clock.stopped_unix_us or now) > clock.due_unix_us)
    counts = eta_report(life, now)
    assert counts.late + counts.missing <= len(life.etas)
    assert len(reminders_of(life, entries)) in {0, 3}


@given(st.integers(0, 700 * DAY_US), st.integers(0, 20 * DAY_US), st.integers(1, 10))
def test_what_comes_later_is_not_due_earlier(at_us: int, later_us: int, days: int) -> None:
    first = FR.due_unix_us(OPENED_UNIX_US + at_us, days)
    assert first <= FR.due_unix_us(OPENED_UNIX_US + at_us + later_us, days)
    assert first > OPENED_UNIX_US + at_us
