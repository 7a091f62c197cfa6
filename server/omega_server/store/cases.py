"""`port.CaseStore` over SQL: subscribers, sheets, tickets and their logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, LogGrewError, NotThereError
from omega_server.store.events import append, read
from omega_server.store.rows import EventRow, SheetRow, Subject, SubscriberRow, TicketRow
from omega_server.store.tables import sheets, subscribers, tickets


class SqlCases:
    """Subscribers, sheets, tickets, and the log of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_subscriber(self, subscriber: SubscriberRow, event: EventRow) -> None:
        """See `CaseStore.add_subscriber`."""
        self._add(subscribers, asdict(subscriber), event, subscriber.subscriber_ref)

    def activate(self, subscriber_ref: str, event: EventRow) -> SubscriberRow:
        """See `CaseStore.activate`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"subscriber {subscriber_ref}")
            subscriber = _subscriber(connection, subscriber_ref)
            if subscriber is None:
                raise NotThereError(f"subscriber {subscriber_ref} is not known")
            if subscriber.activated_unix_us is not None:
                return subscriber
            activated = event.at_unix_us
            mine = subscribers.c.subscriber_ref == subscriber_ref
            connection.execute(
                sa.update(subscribers).where(mine).values(activated_unix_us=activated)
            )
            append(connection, [event])
            return replace(subscriber, activated_unix_us=activated)

    def subscriber(self, subscriber_ref: str) -> SubscriberRow | None:
        """See `CaseStore.subscriber`."""
        with self._database.read() as connection:
            return _subscriber(connection, subscriber_ref)

    def subscribers(self) -> Sequence[SubscriberRow]:
        """See `CaseStore.subscribers`."""
        select = sa.select(subscribers).order_by(subscribers.c.subscriber_ref)
        with self._database.read() as connection:
            return [SubscriberRow(**row) for row in connection.execute(select).mappings()]

    def add_sheet(self, sheet: SheetRow, event: EventRow) -> None:
        """See `CaseStore.add_sheet`."""
        self._add(sheets, asdict(sheet), event, sheet.sheet_id, owner=sheet.subscriber_ref)

    def sheet(self, sheet_id: str) -> SheetRow | None:
        """See `CaseStore.sheet`."""
        select = sa.select(sheets).where(sheets.c.sheet_id == sheet_id)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else SheetRow(**row)

    def sheets(self, subscriber_ref: str | None = None) -> Sequence[SheetRow]:
        """See `CaseStore.sheets`."""
        select = sa.select(sheets).order_by(sheets.c.sheet_id)
        if subscriber_ref is not None:
            select = select.where(sheets.c.subscriber_ref == subscriber_ref)
        with self._database.read() as connection:
            return [SheetRow(**row) for row in connection.execute(select).mappings()]

    def add_ticket(self, ticket: TicketRow, event: EventRow) -> None:
        """See `CaseStore.add_ticket`."""
        self._add(tickets, asdict(ticket), event, ticket.ticket_id, owner=ticket.subscriber_ref)

    def ticket(self, ticket_id: str) -> TicketRow | None:
        """See `CaseStore.ticket`."""
        select = sa.select(tickets).where(tickets.c.ticket_id == ticket_id)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else TicketRow(**row)

    def tickets(
        self, *, after: str = "", count: int | None = None, subscriber_ref: str | None = None
    ) -> Sequence[TicketRow]:
        """See `CaseStore.tickets`."""
        select = sa.select(tickets).where(tickets.c.ticket_id > after)
        if subscriber_ref is not None:
            select = select.where(tickets.c.subscriber_ref == subscriber_ref)
        select = select.order_by(tickets.c.ticket_id).limit(count)
        with self._database.read() as connection:
            return [TicketRow(**row) for row in connection.execute(select).mappings()]

    def count_tickets(self) -> int:
        """See `CaseStore.count_tickets`."""
        select = sa.select(sa.func.count()).select_from(tickets)
        with self._database.read() as connection:
            return int(connection.execute(select).scalar_one())

    def log(self, event: EventRow) -> None:
        """See `CaseStore.log`."""
        try:
            with self._database.write() as connection:
                append(connection, [event])
        except IntegrityError as error:
            raise LogGrewError(f"the log of {event.subject_id} has grown since") from error

    def events(self, subject: Subject, subject_id: str) -> Sequence[EventRow]:
        """See `CaseStore.events`."""
        with self._database.read() as connection:
            return read(connection, subject, subject_id)

    def _add(
        self,
        table: sa.Table,
        row: dict[str, Any],
        event: EventRow,
        name: str,
        owner: str | None = None,
    ) -> None:
        try:
            with self._database.write() as connection:
                if owner is not None and _subscriber(connection, owner) is None:
                    raise NotThereError(f"subscriber {owner} is not known")
                connection.execute(sa.insert(table), row)
                append(connection, [event])
        except IntegrityError as error:
            raise AlreadyThereError(f"{name} is there already") from error


def _subscriber(connection: Connection, subscriber_ref: str) -> SubscriberRow | None:
    select = sa.select(subscribers).where(subscribers.c.subscriber_ref == subscriber_ref)
    row = connection.execute(select).mappings().first()
    return None if row is None else SubscriberRow(**row)
