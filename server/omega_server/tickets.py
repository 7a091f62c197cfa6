"""Tickets: a number that is kept for ever, a subscriber, a description, and a log.

    acknowledged ----> inProgress        a record was posted: localising the fault has begun

States are those of TMF621. The ways on from here (owner, ETA, remedy, consent) come with the
helpdesk; until then a ticket is never closed, because nothing here could check the guards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from omega_core.key_history import KeyState
from omega_core.limits import DESCRIPTION_CHARS_MAX
from omega_server.ids import day_of, ticket_number
from omega_server.keys import states_of
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store
from omega_server.store.rows import Attempt, EventRow, Posting, SubscriberRow, TicketRow


class TicketState(StrEnum):
    """Where a ticket stands: the TMF621 status."""

    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "inProgress"


class TicketEvent(StrEnum):
    """What can happen to a ticket."""

    OPENED = "opened"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket with its diagnostics."""

    row: TicketRow
    state: TicketState
    subscriber: SubscriberRow
    attempts: Sequence[Attempt]
    postings: Sequence[Posting]
    key_states: Mapping[str, KeyState]
    events: Sequence[EventRow]


def state_of(events: Iterable[EventRow]) -> TicketState:
    """Return the state that a log leads to."""
    begun = any(event.kind == TicketEvent.RECORD for event in events)
    return TicketState.IN_PROGRESS if begun else TicketState.ACKNOWLEDGED


def open_ticket(
    store: Store, subscriber: SubscriberRow, description: str, now_unix_us: int
) -> TicketRow:
    """Keep a new ticket; return it.

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
    opened = EventRow(
        subject="ticket",
        subject_id=row.ticket_id,
        kind=TicketEvent.OPENED,
        at_unix_us=now_unix_us,
        content={},
    )
    store.cases.add_ticket(row, opened)
    return row


def load(store: Store, ticket_id: str) -> Ticket:
    """Return the whole ticket; raises RefusalError `ticket_unknown`."""
    row = known(store, ticket_id)
    subscriber = store.cases.subscriber(row.subscriber_ref)
    if subscriber is None:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, f"ticket {ticket_id} has no subscriber")
    events = store.cases.events("ticket", ticket_id)
    postings = store.sessions.postings(ticket_id=ticket_id)
    return Ticket(
        row=row,
        state=state_of(events),
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


def record_event(ticket_id: str, digest: str, *, verdict: str | None, now_unix_us: int) -> EventRow:
    """Return the log entry of a record that was posted to a ticket."""
    return EventRow(
        subject="ticket",
        subject_id=ticket_id,
        kind=TicketEvent.RECORD,
        at_unix_us=now_unix_us,
        content={"digest": digest, "verdict": verdict},
    )
