"""`delivery_port.DeliveryStore` over SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_core.limits import CONNECTOR_RECENT_RECORDS
from omega_server.store.database import Database
from omega_server.store.delivery_port import IN_HAND, DeliveryRow, DeliveryState, Ended, LinkRow
from omega_server.store.delivery_tables import deliveries, ticket_links
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.events import append
from omega_server.store.rows import EventRow
from omega_server.store.tables import records, tickets

_OPEN = deliveries.c.state != DeliveryState.POSTED
_LINKED = (ticket_links.c.system == deliveries.c.system) & (
    ticket_links.c.ticket_id == deliveries.c.ticket_id
)


class SqlDeliveries:
    """Links and deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def link(self, link: LinkRow, event: EventRow) -> bool:
        """See `DeliveryStore.link`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"deliveries {link.system}")
            known = sa.select(tickets.c.ticket_id).where(tickets.c.ticket_id == link.ticket_id)
            if connection.execute(known).first() is None:
                raise NotThereError(f"ticket {link.ticket_id} is not known")
            mine = (ticket_links.c.system == link.system) & (
                ticket_links.c.ticket_id == link.ticket_id
            )
            there = connection.execute(sa.select(ticket_links.c.external_id).where(mine)).scalar()
            if there is not None:
                if there != link.external_id:
                    raise AlreadyThereError(f"{link.ticket_id} is {there} in {link.system}")
                return False
            connection.execute(sa.insert(ticket_links), asdict(link))
            self._make(connection, link.system, link.linked_unix_us, link.ticket_id)
            append(connection, [event])
            return True

    def links(self, ticket_id: str) -> Sequence[LinkRow]:
        """See `DeliveryStore.links`."""
        mine = ticket_links.c.ticket_id == ticket_id
        select = sa.select(ticket_links).where(mine).order_by(ticket_links.c.system)
        with self._database.read() as connection:
            return [LinkRow(**row) for row in connection.execute(select).mappings()]

    def gather(self, system: str, now_unix_us: int, *, everything: bool = True) -> int:
        """See `DeliveryStore.gather`."""
        with self._database.read() as connection:  # most often nothing is: no lock is taken for it
            since = None if everything else _recent(connection)
            if not self._missing(connection, system, since=since):
                return 0
        with self._database.write() as connection:
            self._database.alone(connection, f"deliveries {system}")
            return self._make(connection, system, now_unix_us)

    def _make(
        self, connection: Connection, system: str, now_unix_us: int, ticket_id: str | None = None
    ) -> int:
        missing = self._missing(connection, system, ticket_id=ticket_id)
        rows = [{**row, **_new(system, now_unix_us)} for row in missing]
        if rows:
            connection.execute(sa.insert(deliveries), rows)
        return len(rows)

    def _missing(
        self,
        connection: Connection,
        system: str,
        *,
        ticket_id: str | None = None,
        since: int | None = None,
    ) -> list[dict[str, Any]]:
        made = sa.exists().where(
            deliveries.c.system == system,
            deliveries.c.ticket_id == records.c.ticket_id,
            deliveries.c.record_digest == records.c.digest,
        )
        select = (
            sa.select(records.c.ticket_id, records.c.digest.label("record_digest"))
            .join(ticket_links, ticket_links.c.ticket_id == records.c.ticket_id)
            .where(ticket_links.c.system == system, ~made)
            .order_by(records.c.record_no)
        )
        if ticket_id is not None:
            select = select.where(records.c.ticket_id == ticket_id)
        if since is not None:
            select = select.where(records.c.record_no > since)
        return [dict(row) for row in connection.execute(select).mappings()]

    def take(self, system: str, *, now_unix_us: int, until_unix_us: int) -> DeliveryRow | None:
        """See `DeliveryStore.take`."""
        with self._database.read() as connection:  # as above
            if self._next(connection, system, now_unix_us) is None:
                return None
        with self._database.write() as connection:
            self._database.alone(connection, f"deliveries {system}")
            number = self._next(connection, system, now_unix_us)
            if number is None:
                return None
            change = {
                "due_unix_us": until_unix_us,
                "attempts": deliveries.c.attempts + 1,
                "changed_unix_us": now_unix_us,
                "code": IN_HAND,
                "detail": None,
            }
            mine = deliveries.c.delivery_no == number
            connection.execute(sa.update(deliveries).where(mine).values(**change))
            return _read(connection, mine)[0]

    def _next(self, connection: Connection, system: str, now_unix_us: int) -> int | None:
        earlier = deliveries.alias("earlier")
        behind = sa.exists().where(
            earlier.c.system == deliveries.c.system,
            earlier.c.ticket_id == deliveries.c.ticket_id,
            earlier.c.delivery_no < deliveries.c.delivery_no,
            earlier.c.state != DeliveryState.POSTED,
        )
        select = (
            sa.select(deliveries.c.delivery_no)
            .where(
                deliveries.c.system == system,
                deliveries.c.state == DeliveryState.WAITING,
                deliveries.c.due_unix_us <= now_unix_us,
                ~behind,
            )
            .order_by(deliveries.c.due_unix_us, deliveries.c.delivery_no)
            .limit(1)
        )
        number: int | None = connection.execute(select).scalar()
        return number

    def end(
        self,
        taken: DeliveryRow,
        ended: Ended,
        event: EventRow | None,
        *,
        whole_system: bool = False,
    ) -> bool:
        """See `DeliveryStore.end`."""
        change = {
            "state": ended.state.value,
            "changed_unix_us": ended.at_unix_us,
            "due_unix_us": ended.due_unix_us,
            "code": ended.code,
            "detail": ended.detail,
        }
        mine = (
            (deliveries.c.delivery_no == taken.delivery_no)
            & (deliveries.c.due_unix_us == taken.due_unix_us)
            & (deliveries.c.attempts == taken.attempts)
            & _OPEN
        )
        others = (deliveries.c.system == taken.system) & (
            deliveries.c.state == DeliveryState.WAITING
        )
        with self._database.write() as connection:
            self._database.alone(connection, f"deliveries {taken.system}")
            done = connection.execute(sa.update(deliveries).where(mine).values(**change))
            if done.rowcount == 0:
                return False
            if whole_system:
                connection.execute(sa.update(deliveries).where(others).values(**change))
            append(connection, [event] if event is not None else [])
            return True

    def deliveries(
        self, *, system: str | None = None, ticket_id: str | None = None, undelivered: bool = False
    ) -> Sequence[DeliveryRow]:
        """See `DeliveryStore.deliveries`."""
        wanted: sa.ColumnElement[bool] = sa.true()
        if system is not None:
            wanted &= deliveries.c.system == system
        if ticket_id is not None:
            wanted &= deliveries.c.ticket_id == ticket_id
        if undelivered:
            wanted &= _OPEN
        with self._database.read() as connection:
            return _read(connection, wanted)

    def retry(self, system: str, now_unix_us: int, *, ticket_id: str | None = None) -> int:
        """See `DeliveryStore.retry`."""
        in_hand = (deliveries.c.code == IN_HAND) & (deliveries.c.due_unix_us > now_unix_us)
        mine = (deliveries.c.system == system) & _OPEN & sa.func.coalesce(~in_hand, sa.true())
        if ticket_id is not None:
            mine &= deliveries.c.ticket_id == ticket_id
        change = {"state": DeliveryState.WAITING.value, "due_unix_us": now_unix_us}
        with self._database.write() as connection:
            self._database.alone(connection, f"deliveries {system}")
            return connection.execute(sa.update(deliveries).where(mine).values(**change)).rowcount


def _recent(connection: Connection) -> int:
    """Return the number behind which records are new."""
    newest = connection.execute(sa.select(sa.func.max(records.c.record_no))).scalar()
    return (newest or 0) - CONNECTOR_RECENT_RECORDS


def _new(system: str, now_unix_us: int) -> dict[str, Any]:
    return {
        "system": system,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "due_unix_us": 0,  # at once, whatever the clock of whoever takes it says
        "changed_unix_us": now_unix_us,
    }


def _read(connection: Connection, wanted: sa.ColumnElement[bool]) -> list[DeliveryRow]:
    select = (
        sa.select(deliveries, ticket_links.c.external_id)
        .join(ticket_links, _LINKED)
        .where(wanted)
        .order_by(deliveries.c.delivery_no)
    )
    return [
        DeliveryRow(**{**row, "state": DeliveryState(row["state"])})
        for row in connection.execute(select).mappings()
    ]
