"""Tickets: a number that is kept for ever, a subscriber, a description, and a log.

Where a ticket stands follows from its log alone: `omega_server.ticket_life` says how. This module
keeps new tickets and puts a stored one together; what people do to it goes through
`omega_server.ticket_desk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from omega_acceptance.zone.edge import ZoneReport
from omega_acceptance.zone.finding import WRONG_PPM_MAX, ZoneFinding
from omega_core.key_history import KeyState
from omega_core.limits import DESCRIPTION_CHARS_MAX
from omega_core.models import content_of
from omega_core.units import PPM
from omega_core.verdict import CriterionOutcome, Judgement, Outcome
from omega_server.ids import day_of, ticket_number
from omega_server.keys import states_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store
from omega_server.store.rows import (
    Attempt,
    EventRow,
    Posting,
    RecordDraft,
    SubscriberRow,
    TicketRow,
)
from omega_server.ticket_life.entries import (
    Actor,
    Opened,
    RecordPosted,
    ZoneCode,
    ZoneFound,
)
from omega_server.ticket_life.entry import Entry, entries_of, row_of
from omega_server.ticket_life.life import Life, Status, life_of
from omega_server.ticket_life.priority import CURRENT_RULES

_PLAINLY = Opened()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket with its diagnostics."""

    row: TicketRow
    life: Life
    entries: Sequence[Entry]
    subscriber: SubscriberRow
    attempts: Sequence[Attempt]
    postings: Sequence[Posting]
    key_states: Mapping[str, KeyState]
    events: Sequence[EventRow]

    @property
    def state(self) -> Status:
        """Where it stands."""
        return self.life.status


def open_ticket(
    store: Store,
    subscriber: SubscriberRow,
    description: str,
    now_unix_us: int,
    *,
    opened: Opened = _PLAINLY,
    actor: Actor | None = None,
) -> TicketRow:
    """Keep a new ticket, opened under the priority rules of today; return it.

    Raises RefusalError `schema_invalid` for a description that is empty or too long.
    """
    if not 0 < len(description) <= DESCRIPTION_CHARS_MAX or "\0" in description:
        detail = f"a description has 1 to {DESCRIPTION_CHARS_MAX} characters"
        raise RefusalError(Code.SCHEMA_INVALID, detail)
    year = day_of(now_unix_us).year
    number = store.enrolment.next_number(f"ticket {year}")
    row = TicketRow(
        ticket_id=ticket_number(year, number),
        subscriber_ref=subscriber.subscriber_ref,
        description=description,
        created_unix_us=now_unix_us,
    )
    body = replace(opened, rules=CURRENT_RULES)
    entry = Entry(at_unix_us=now_unix_us, actor=actor, body=body)
    store.cases.add_ticket(row, row_of(row.ticket_id, entry))
    return row


def load(store: Store, ticket_id: str) -> Ticket:
    """Return the whole ticket; raises RefusalError `ticket_unknown`."""
    row = known(store, ticket_id)
    subscriber = store.cases.subscriber(row.subscriber_ref)
    if subscriber is None:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"ticket {ticket_id} has no subscriber")
    events = store.cases.events("ticket", ticket_id)
    entries = entries_of(events)
    postings = store.sessions.postings(ticket_id=ticket_id)
    return Ticket(
        row=row,
        life=life_of(entries),
        entries=entries,
        subscriber=subscriber,
        attempts=store.sessions.attempts(ticket_id=ticket_id),
        postings=postings,
        key_states=states_of(store, postings),
        events=events,
    )


def known(store: Store, ticket_id: str) -> TicketRow:
    """Return the ticket; raises RefusalError `ticket_unknown`."""
    row = store.cases.ticket(ticket_id)
    if row is None:
        raise RefusalError(Code.TICKET_UNKNOWN, f"there is no ticket {ticket_id}")
    return row


def plan_to_compare(store: Store, ticket_id: str) -> str | None:
    """Return the plan a diagnosis is judged against; None while none is activated.

    A fault may be reported at any time, so a missing activation is no reason to refuse here.
    Raises RefusalError `ticket_unknown`.
    """
    subscriber = store.cases.subscriber(known(store, ticket_id).subscriber_ref)
    if subscriber is None or subscriber.activated_unix_us is None:
        return None
    return subscriber.plan_id


def zone_event(row: RecordDraft, finding: ZoneFinding) -> EventRow:
    """Return the log entry of the zone that a posted record shows, told to everybody."""
    wrong_ppm = WRONG_PPM_MAX.get(finding.confidence)
    found = ZoneFound(
        zone=ZoneCode(finding.zone.value),
        confidence_ppm=None if wrong_ppm is None else PPM - wrong_ppm,
        reason=finding.reason.value,
        evidence=(row.digest,),
        finding=content_of(ZoneReport.of(finding)),
    )
    entry = Entry(at_unix_us=row.received_unix_us, actor=None, body=found)
    return row_of(row.ticket_id or "", entry)


def record_event(
    row: RecordDraft, judgement: Judgement | None, asked_unix_us: int | None
) -> EventRow:
    """Return the log entry of a record that was posted to a ticket.

    `asked_unix_us` is when its session was granted; None where none could be had.
    """
    outcomes = () if judgement is None else judgement.outcomes
    posted = RecordPosted(
        digest=row.digest,
        verdict=row.verdict,
        mode=row.mode,
        granted=row.grant_digest is not None,
        asked_unix_us=asked_unix_us,
        passed=_passed(outcomes),
        failed=_failed(outcomes),
    )
    return row_of(
        row.ticket_id or "", Entry(at_unix_us=row.received_unix_us, actor=None, body=posted)
    )


def _passed(outcomes: Iterable[CriterionOutcome]) -> tuple[str, ...]:
    """Return the metrics all of whose mandatory criteria pass."""
    found: dict[str, bool] = {}
    for each in outcomes:
        if each.mandatory:
            found[each.metric] = found.get(each.metric, True) and each.outcome is Outcome.PASS
    return tuple(sorted(metric for metric, passes in found.items() if passes))


def _failed(outcomes: Iterable[CriterionOutcome]) -> tuple[str, ...]:
    """Return the metrics with a mandatory criterion that fails."""
    failing = (each for each in outcomes if each.mandatory and each.outcome is Outcome.FAIL)
    return tuple(sorted({each.metric for each in failing}))
