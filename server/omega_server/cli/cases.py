"""`omega-server subscriber`, `sheet` and `ticket`: the back office's and the helpdesk's work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from omega_server import sheets as sheet_book
from omega_server import subscribers as subscriber_book
from omega_server import tickets as ticket_book
from omega_server.cli.case_lines import Language, case_lines
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
from omega_server.cli.ticket_lines import life_lines, ticket_line
from omega_server.ids import day_of
from omega_server.store.rows import SubscriberRow
from omega_server.ticket_views import line_view, shown
from omega_server.views import judged_sheet_view, sheet_view

subscribers = typer.Typer(help="Subscribers and their plans.", no_args_is_help=True)
sheets = typer.Typer(help="Installation sheets.", no_args_is_help=True)
tickets = typer.Typer(help="Tickets.", no_args_is_help=True)

_Subscriber = Annotated[str, typer.Option("--subscriber", metavar="REF", help="Whose it is.")]
_Lang = Annotated[Language, typer.Option("--lang", help="Language of the lines.")]


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
    sheet_id: str,
    language: _Lang = Language.EN,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a sheet: each attempt, when, what for, by whom, and what came of it."""
    with store_of(data, database) as store:
        view = judged_sheet_view(store, name(sheet_id))
    lines = case_lines(view.sheet_id, view, language)
    show(view.model_dump(mode="json"), lambda: lines, as_json=as_json)


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
        view = shown(store, row.ticket_id, now_unix_us())
    show(view.model_dump(mode="json"), lambda: [view.ticket_id], as_json=as_json)


@tickets.command("show")
def show_ticket(
    ticket_id: str,
    language: _Lang = Language.EN,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a ticket: each attempt, when, what for, by whom, and what came of it."""
    with store_of(data, database) as store:
        view = shown(store, name(ticket_id), now_unix_us())
    lines = [*case_lines(view.ticket_id, view, language), "", *life_lines(view)]
    show(view.model_dump(mode="json"), lambda: lines, as_json=as_json)


@tickets.command("list")
def list_tickets(
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    unreachable: Annotated[
        bool, typer.Option("--unreachable", help="Only those whose customer nobody could reach.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List every ticket."""
    with store_of(data, database) as store:
        rows = store.cases.tickets()
        views = [line_view(ticket_book.load(store, row.ticket_id)) for row in rows]
    if unreachable:
        views = [view for view in views if view.customer_unreachable]
    lines = [ticket_line(view) for view in views]
    show([view.model_dump(mode="json") for view in views], lambda: lines, as_json=as_json)


def _subscriber_line(row: SubscriberRow) -> str:
    activated = row.activated_unix_us
    state = "not activated" if activated is None else f"activated {moment(activated)}"
    return f"{row.subscriber_ref}  {row.plan_id}  {state}"
