"""`omega-server subscriber`, `sheet` and `ticket`: the back office's and the helpdesk's work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from omega_core.key_history import KeyState
from omega_server import sheets as sheet_book
from omega_server import subscribers as subscriber_book
from omega_server import tickets as ticket_book
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    moment,
    name,
    now_unix_us,
    show,
    store_of,
)
from omega_server.ids import day_of
from omega_server.store.rows import SubscriberRow
from omega_server.views import (
    CountsView,
    RecordView,
    SheetView,
    TicketView,
    sheet_view,
    ticket_view,
)

subscribers = typer.Typer(help="Subscribers and their plans.", no_args_is_help=True)
sheets = typer.Typer(help="Installation sheets.", no_args_is_help=True)
tickets = typer.Typer(help="Tickets.", no_args_is_help=True)

_Subscriber = Annotated[str, typer.Option("--subscriber", metavar="REF", help="Whose it is.")]


@subscribers.command("add")
def add_subscriber(
    subscriber_ref: Annotated[str, typer.Argument(metavar="REF")],
    *,
    plan: Annotated[str, typer.Option(metavar="ID", help="The plan that was sold.")],
    activate: Annotated[bool, typer.Option("--activate", help="Activate it at once.")] = False,
    plans: Plans = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Add a subscriber; REF refers to the operator's own file, and is no person's name."""
    now = now_unix_us()
    known_plans(plans, data).for_plan(plan, day_of(now))
    with store_of(data, database) as store:
        row = subscriber_book.add(store, name(subscriber_ref), name(plan), now)
        if activate:
            row = subscriber_book.activate(store, row.subscriber_ref, now)
    show(asdict(row), lambda: [_subscriber_line(row)], as_json=as_json)


@subscribers.command("activate")
def activate_subscriber(
    subscriber_ref: Annotated[str, typer.Argument(metavar="REF")],
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Activate the subscriber's plan, and dispatch the sheets that waited for it."""
    with store_of(data, database) as store:
        row = subscriber_book.activate(store, name(subscriber_ref), now_unix_us())
    show(asdict(row), lambda: [_subscriber_line(row)], as_json=as_json)


@subscribers.command("list")
def list_subscribers(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every subscriber."""
    with store_of(data, database) as store:
        rows = store.cases.subscribers()
    show([asdict(row) for row in rows], lambda: map(_subscriber_line, rows), as_json=as_json)


@sheets.command("create")
def create_sheet(
    subscriber_ref: _Subscriber,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an installation sheet; it is dispatched as soon as the plan is activated."""
    with store_of(data, database) as store:
        subscriber = subscriber_book.known(store, name(subscriber_ref))
        row = sheet_book.create(store, subscriber, now_unix_us())
        view = sheet_view(sheet_book.load(store, row.sheet_id))
    show(view.model_dump(mode="json"), lambda: [view.sheet_id], as_json=as_json)


@sheets.command("show")
def show_sheet(
    sheet_id: str, data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """Show a sheet with its attempts and records."""
    with store_of(data, database) as store:
        view = sheet_view(sheet_book.load(store, name(sheet_id)))
    show(view.model_dump(mode="json"), lambda: _case_lines(view.sheet_id, view), as_json=as_json)


@sheets.command("list")
def list_sheets(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every sheet."""
    with store_of(data, database) as store:
        views = [sheet_view(sheet_book.load(store, row.sheet_id)) for row in store.cases.sheets()]
    lines = [f"{view.sheet_id}  {view.subscriber_ref}  {view.state}" for view in views]
    show([view.model_dump(mode="json") for view in views], lambda: lines, as_json=as_json)


@tickets.command("open")
def open_ticket(
    subscriber_ref: _Subscriber,
    description: Annotated[str, typer.Option(help="What the customer says.")],
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Open a ticket; its number is kept for ever."""
    with store_of(data, database) as store:
        subscriber = subscriber_book.known(store, name(subscriber_ref))
        row = ticket_book.open_ticket(store, subscriber, description, now_unix_us())
        view = ticket_view(ticket_book.load(store, row.ticket_id))
    show(view.model_dump(mode="json"), lambda: [view.ticket_id], as_json=as_json)


@tickets.command("show")
def show_ticket(
    ticket_id: str, data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """Show a ticket with its diagnostics."""
    with store_of(data, database) as store:
        view = ticket_view(ticket_book.load(store, name(ticket_id)))
    show(view.model_dump(mode="json"), lambda: _case_lines(view.ticket_id, view), as_json=as_json)


@tickets.command("list")
def list_tickets(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every ticket."""
    with store_of(data, database) as store:
        rows = store.cases.tickets()
        views = [ticket_view(ticket_book.load(store, row.ticket_id)) for row in rows]
    lines = [f"{view.ticket_id}  {view.subscriber_ref}  {view.state}" for view in views]
    show([view.model_dump(mode="json") for view in views], lambda: lines, as_json=as_json)


def _subscriber_line(row: SubscriberRow) -> str:
    activated = row.activated_unix_us
    state = "not activated" if activated is None else f"activated {moment(activated)}"
    return f"{row.subscriber_ref}  {row.plan_id}  {state}"


def _case_lines(number: str, view: SheetView | TicketView) -> Iterator[str]:
    yield f"{number}  {view.state}"
    yield f"  subscriber  {view.subscriber_ref}, plan {view.plan.id}"
    yield f"  activated   {moment(view.plan.activated_unix_us)}"
    yield f"  attempts    {_counts(view.counts)}"
    yield from (f"  {_record_line(record)}" for record in view.records)


def _counts(counts: CountsView) -> str:
    return (
        f"{counts.attempts}: {counts.valid} valid, {counts.invalid} invalid,"
        f" {counts.missing} without a record"
    )


def _record_line(record: RecordView) -> str:
    verdict = record.verdict or "not judged"
    return (
        f"{moment(record.received_unix_us)}  {record.mode:9} {verdict:13}"
        f" {record.observers:20} {record.digest[:12]}{_key_remark(record)}"
    )


def _key_remark(record: RecordView) -> str:
    """Return what is to be known of the record's key; nothing where all is well."""
    return "" if record.key_state == KeyState.ACTIVE else f"  valid, key {record.key_state}"
