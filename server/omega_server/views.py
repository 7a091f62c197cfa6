"""What operators read: sheets and tickets as JSON, and as the lines that `omega-server` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from omega_core.verdict import Verdict
from omega_server.epoch_views import EpochView, epoch_views
from omega_server.sheets import Sheet, load
from omega_server.store.port import Store
from omega_server.store.rows import Attempt, EventRow, Posting
from omega_server.tickets import Ticket


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class PlanView(_View):
    """The subscriber's plan."""

    id: str
    activated_unix_us: int | None


class AttemptView(_View):
    """A grant that was handed out. `record_digest` is null while no record came of it."""

    grant_id: str
    session_id: str
    agent_id: str | None
    seq: int
    purpose: str
    mode: str
    issued_unix_us: int
    record_digest: str | None


class RecordView(_View):
    """A record that was posted; `verdict` is the server's own.

    `key_state` is what its key was when it entered: `active`, or `compromised` where it is known by
    now that somebody else may have had the key. `received_unix_us` is the time of record, whatever
    the device's clock said: that was `clock_offset_us` ahead, as the test point saw it.
    """

    digest: str
    session_id: str | None
    agent_id: str | None
    mode: str
    granted: bool
    observers: str
    verdict: str | None
    received_unix_us: int
    seq: int | None
    clock_offset_us: int | None
    key_state: str


class EventView(_View):
    """One entry of the log."""

    kind: str
    at_unix_us: int
    content: dict[str, Any]


class CountsView(_View):
    """How many grants were handed out, and what came of them. No attempt can hide."""

    attempts: int
    missing: int
    valid: int
    invalid: int


class SheetView(_View):
    """An installation sheet: `GET /v1/sheets/{sheet_id}`.

    `verdict` is that of the last of `epochs`: of all valid attempts since the last recorded change
    together. Both are left out where many sheets are listed.
    """

    sheet_id: str
    state: str
    subscriber_ref: str
    plan: PlanView
    created_unix_us: int
    counts: CountsView
    attempts: tuple[AttemptView, ...]
    records: tuple[RecordView, ...]
    events: tuple[EventView, ...]
    verdict: str | None = None
    epochs: tuple[EpochView, ...] = ()


class TicketView(_View):
    """A ticket with its diagnostics: `GET /v1/tickets/{ticket_id}`."""

    ticket_id: str
    state: str
    subscriber_ref: str
    plan: PlanView
    description: str
    created_unix_us: int
    counts: CountsView
    attempts: tuple[AttemptView, ...]
    records: tuple[RecordView, ...]
    events: tuple[EventView, ...]


def sheet_view(sheet: Sheet, epochs: Sequence[EpochView] = ()) -> SheetView:
    """Return a sheet as it is shown, with what its epochs came to."""
    return SheetView(
        sheet_id=sheet.row.sheet_id,
        state=sheet.state,
        subscriber_ref=sheet.row.subscriber_ref,
        plan=_plan(sheet),
        created_unix_us=sheet.row.created_unix_us,
        counts=counts_of(sheet.attempts, sheet.postings),
        attempts=_attempts(sheet.attempts),
        records=_records(sheet),
        events=_events(sheet.events),
        verdict=epochs[-1].verdict if epochs else None,
        epochs=tuple(epochs),
    )


def judged_sheet_view(store: Store, sheet_id: str) -> SheetView:
    """Return a stored sheet with its epochs judged; raises RefusalError `sheet_unknown`."""
    sheet = load(store, sheet_id)
    return sheet_view(sheet, epoch_views(store, sheet.epochs))


def ticket_view(ticket: Ticket) -> TicketView:
    """Return a ticket as it is shown."""
    return TicketView(
        ticket_id=ticket.row.ticket_id,
        state=ticket.state,
        subscriber_ref=ticket.row.subscriber_ref,
        plan=_plan(ticket),
        description=ticket.row.description,
        created_unix_us=ticket.row.created_unix_us,
        counts=counts_of(ticket.attempts, ticket.postings),
        attempts=_attempts(ticket.attempts),
        records=_records(ticket),
        events=_events(ticket.events),
    )


def counts_of(attempts: Sequence[Attempt], postings: Sequence[Posting]) -> CountsView:
    """Count attempts and what came of them; a record without a grant is no attempt here."""
    granted = [posting for posting in postings if posting.granted]
    invalid = sum(posting.verdict == Verdict.INVALID for posting in granted)
    return CountsView(
        attempts=len(attempts),
        missing=sum(attempt.record_digest is None for attempt in attempts),
        valid=len(granted) - invalid,
        invalid=invalid,
    )


def _plan(case: Sheet | Ticket) -> PlanView:
    subscriber = case.subscriber
    return PlanView(id=subscriber.plan_id, activated_unix_us=subscriber.activated_unix_us)


def _attempts(attempts: Iterable[Attempt]) -> tuple[AttemptView, ...]:
    return tuple(AttemptView.model_validate(attempt) for attempt in attempts)


def _records(case: Sheet | Ticket) -> tuple[RecordView, ...]:
    return tuple(
        RecordView(**asdict(posting), key_state=case.key_states[posting.digest])
        for posting in case.postings
    )


def _events(events: Iterable[EventRow]) -> tuple[EventView, ...]:
    return tuple(EventView.model_validate(event) for event in events)
