"""A ticket as the helpdesk reads it: where it stands, what was promised, what comes next."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from omega_server.baseline import BirthCertificate, birth_certificate, compared
from omega_server.store.port import Store
from omega_server.ticket_life.calendar import Calendar, calendar
from omega_server.ticket_life.clocks import (
    clocks_of,
    eta_report,
    is_unreachable,
    reminders_of,
)
from omega_server.ticket_life.entries import Channel, Criticality
from omega_server.ticket_life.life import Status
from omega_server.ticket_life.priority import priority_of, rules_named
from omega_server.tickets import Ticket, load
from omega_server.views import TicketView, ticket_view

CALENDAR = "fr-1"
"""The working days of the helpdesk; a site elsewhere needs its own table."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class StatusChangeView(_View):
    """When a ticket came to stand where, by whom and why."""

    status: Status
    at_unix_us: int
    by: str
    reason: str


class EtaView(_View):
    """An estimate, and when the customer was told it."""

    eta_unix_us: int
    set_at_unix_us: int
    reason: str
    notified_at_unix_us: int | None
    channel: Channel | None


class EtaReportView(_View):
    """Extensions of the estimate, and notices that came late or not at all."""

    extensions: int
    late: int
    missing: int


class ClockView(_View):
    """A clock; `due_unix_us` is null where the calendar does not speak of that day."""

    id: str
    started_unix_us: int
    due_unix_us: int | None
    stopped_unix_us: int | None
    stood_still_us: int
    missed: bool
    calendar: str | None


class ReminderView(_View):
    """A customer is to be asked again."""

    due_unix_us: int
    done_unix_us: int | None


class PriorityView(_View):
    """How urgent (1 before all others), how grave, and by which rules."""

    priority: int
    criticality: Criticality | None
    rules: str
    rules_digest: str
    reason: str


class ComparedView(_View):
    """One metric, then and now."""

    metric: str
    unit: str
    then: int | None
    now: int | None
    worse_by_ppm: int | None


class BaselineView(_View):
    """The line's birth certificate, and the newest record of the ticket beside it."""

    sheet_id: str
    digest: str
    compared_digest: str | None
    metrics: tuple[ComparedView, ...]


class TicketLifeView(TicketView):
    """A ticket with its life: `GET /v1/tickets/{ticket_id}`.

    `proof_digest` is the record that proves the remedy. `places` is how many entries people have
    written: what to give as `seen` to a step that must be the next one.
    """

    owner: str | None
    level: int
    priority: PriorityView
    zone: dict[str, Any] | None
    waits_for: str | None
    etas: tuple[EtaView, ...]
    eta_report: EtaReportView
    clocks: tuple[ClockView, ...]
    reminders: tuple[ReminderView, ...]
    customer_unreachable: bool
    remedy: str | None
    proof_digest: str | None
    waived: bool
    consented: bool
    predecessor: str | None
    links: tuple[dict[str, str], ...]
    history: tuple[StatusChangeView, ...]
    places: int
    baseline: BaselineView | None


class TicketLineView(_View):
    """A ticket in a list."""

    ticket_id: str
    state: Status
    subscriber_ref: str
    priority: int
    owner: str | None
    level: int
    eta_unix_us: int | None
    customer_unreachable: bool
    created_unix_us: int


class TicketPageView(_View):
    """Tickets by number; `next_after` is null at the end."""

    tickets: tuple[TicketLineView, ...]
    next_after: str | None


def life_view(
    store: Store, ticket: Ticket, now_unix_us: int, days: Calendar | None = None
) -> TicketLifeView:
    """Return a ticket as it is shown now."""
    life = ticket.life
    eta_counts = eta_report(life, now_unix_us)
    clocks = clocks_of(life, ticket.entries, days or calendar(CALENDAR), now_unix_us)
    return TicketLifeView(
        **ticket_view(ticket).model_dump(),
        owner=life.owner,
        level=life.level,
        priority=PriorityView.model_validate(priority_of(life, rules_named(life.opened.rules))),
        zone=None if life.zone is None else asdict(life.zone),
        waits_for=None if life.waiting is None else life.waiting.party,
        etas=tuple(EtaView.model_validate(each) for each in life.etas),
        eta_report=EtaReportView.model_validate(eta_counts),
        clocks=tuple(ClockView.model_validate(each) for each in clocks),
        reminders=tuple(
            ReminderView.model_validate(each) for each in reminders_of(life, ticket.entries)
        ),
        customer_unreachable=is_unreachable(life),
        remedy=None if life.remedy is None else life.remedy.remedy,
        proof_digest=None if life.proof is None else life.proof.digest,
        waived=life.waiver is not None,
        consented=life.consent is not None,
        predecessor=life.opened.predecessor,
        links=tuple({"ticket_id": e.ticket_id, "relation": e.relation} for e in life.links),
        history=tuple(StatusChangeView.model_validate(each) for each in life.history),
        places=life.places,
        baseline=_baseline(store, ticket),
    )


def shown(store: Store, ticket_id: str, now_unix_us: int) -> TicketLifeView:
    """Return a stored ticket as it is shown now; raises RefusalError `ticket_unknown`."""
    return life_view(store, load(store, ticket_id), now_unix_us)


def line_view(ticket: Ticket) -> TicketLineView:
    """Return a ticket as a list has it."""
    life = ticket.life
    return TicketLineView(
        ticket_id=ticket.row.ticket_id,
        state=ticket.state,
        subscriber_ref=ticket.row.subscriber_ref,
        priority=priority_of(life, rules_named(life.opened.rules)).priority,
        owner=life.owner,
        level=life.level,
        eta_unix_us=None if life.eta is None else life.eta.eta_unix_us,
        customer_unreachable=is_unreachable(life),
        created_unix_us=ticket.row.created_unix_us,
    )


def _baseline(store: Store, ticket: Ticket) -> BaselineView | None:
    certificate = birth_certificate(store, ticket.row.subscriber_ref)
    if certificate is None:
        return None
    return baseline_view(store, ticket, certificate)


def baseline_view(store: Store, ticket: Ticket, certificate: BirthCertificate) -> BaselineView:
    """Return the birth certificate with the ticket's newest record beside it."""
    newest = ticket.postings[-1].digest if ticket.postings else None
    comparison = None if newest is None else compared(store, certificate, newest)
    metrics = () if comparison is None else comparison.metrics
    return BaselineView(
        sheet_id=certificate.sheet_id,
        digest=certificate.digest,
        compared_digest=newest,
        metrics=tuple(ComparedView.model_validate(each) for each in metrics),
    )
