"""Where agents stand, and the windows they have watched, in SQL: see `line_port`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_server.store.database import Database
from omega_server.store.errors import NotThereError
from omega_server.store.events import append
from omega_server.store.line_port import MeasuredRow, PlacedBy, PlaceRow, Stand
from omega_server.store.line_tables import agent_lines, watch_windows
from omega_server.store.rows import EventRow, WindowRow
from omega_server.store.tables import agents, records, sheets, subscribers, tickets

_PLACE = [column for column in agent_lines.c if column.name != "place_no"]


def add_window(connection: Connection, window: WindowRow) -> None:
    """Keep a window in the transaction of its record."""
    row = {**asdict(window), "is_down": int(window.is_down)}
    connection.execute(sa.insert(watch_windows), row)


class SqlLines:
    """Implements `LineStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, row: PlaceRow, event: EventRow) -> PlaceRow:
        """See `LineStore.place`."""
        with self._database.write() as connection:
            self._check_known(connection, row)
            newest = _newest(connection, row.agent_id)
            if (newest.subscriber_ref if newest else None) == row.subscriber_ref:
                return newest or row
            _keep(connection, row, event)
            return row

    def place_if(self, row: PlaceRow, event: EventRow, *, newest: PlaceRow | None) -> bool:
        """See `LineStore.place_if`."""
        with self._database.write() as connection:
            self._check_known(connection, row)
            if _newest(connection, row.agent_id) != newest:
                return False
            _keep(connection, row, event)
            return True

    def place_of(self, agent_id: str) -> PlaceRow | None:
        """See `LineStore.place_of`."""
        with self._database.read() as connection:
            return _newest(connection, agent_id)

    def places(self) -> Mapping[str, PlaceRow]:
        """See `LineStore.places`."""
        last = sa.select(sa.func.max(agent_lines.c.place_no)).group_by(agent_lines.c.agent_id)
        select = sa.select(*_PLACE).where(agent_lines.c.place_no.in_(last))
        with self._database.read() as connection:
            rows = [_place(row) for row in connection.execute(select).mappings()]
        return {row.agent_id: row for row in rows}

    def stands(self, subscriber_ref: str) -> Sequence[Stand]:
        """See `LineStore.stands`."""
        here = sa.select(agent_lines.c.agent_id).where(
            agent_lines.c.subscriber_ref == subscriber_ref
        )
        until = sa.func.lead(agent_lines.c.since_unix_us).over(
            partition_by=agent_lines.c.agent_id, order_by=agent_lines.c.place_no
        )
        rows = (
            sa.select(
                agent_lines.c.agent_id,
                agent_lines.c.subscriber_ref,
                agent_lines.c.since_unix_us,
                until.label("until_unix_us"),
            )
            .where(agent_lines.c.agent_id.in_(here))
            .subquery()
        )
        is_time = rows.c.until_unix_us.is_(None) | (rows.c.until_unix_us > rows.c.since_unix_us)
        select = (
            sa.select(rows.c.agent_id, rows.c.since_unix_us, rows.c.until_unix_us)
            .where((rows.c.subscriber_ref == subscriber_ref) & is_time)
            .order_by(rows.c.since_unix_us, rows.c.agent_id)
        )
        with self._database.read() as connection:
            return [Stand(**row) for row in connection.execute(select).mappings()]

    def lines_measured_by(self, agent_id: str) -> frozenset[str]:
        """See `LineStore.lines_measured_by`."""
        mine = (records.c.agent_id == agent_id) & records.c.grant_digest.is_not(None)
        on_sheets = (
            sa.select(sheets.c.subscriber_ref)
            .join(records, records.c.sheet_id == sheets.c.sheet_id)
            .where(mine)
        )
        on_tickets = (
            sa.select(tickets.c.subscriber_ref)
            .join(records, records.c.ticket_id == tickets.c.ticket_id)
            .where(mine)
        )
        with self._database.read() as connection:
            return frozenset(connection.execute(on_sheets.union(on_tickets)).scalars())

    def windows(
        self, agent_id: str, *, from_us: int, to_us: int, count: int
    ) -> Sequence[WindowRow]:
        """See `LineStore.windows`."""
        select = (
            sa.select(watch_windows)
            .where(_shares(agent_id, from_us, to_us))
            .order_by(watch_windows.c.started_us, watch_windows.c.seq)
            .limit(count)
        )
        with self._database.read() as connection:
            return [_window(row) for row in connection.execute(select).mappings()]

    def last_window(self, agent_id: str, *, since_unix_us: int) -> WindowRow | None:
        """See `LineStore.last_window`."""
        mine = watch_windows.c.agent_id == agent_id
        select = (
            sa.select(watch_windows)
            .where(mine & (watch_windows.c.received_unix_us >= since_unix_us))
            .order_by(watch_windows.c.received_unix_us.desc(), watch_windows.c.seq.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else _window(row)

    def newest_window(
        self, agent_id: str, *, from_us: int, to_us: int, with_outage: bool = False
    ) -> WindowRow | None:
        """See `LineStore.newest_window`."""
        select = (
            sa.select(watch_windows)
            .where(_shares(agent_id, from_us, to_us))
            .order_by(watch_windows.c.started_us.desc(), watch_windows.c.seq.desc())
            .limit(1)
        )
        if with_outage:
            select = select.where(watch_windows.c.sure_outages > 0)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else _window(row)

    def last_record(self, subscriber_ref: str) -> MeasuredRow | None:
        """See `LineStore.last_record`."""
        its_sheets = sa.select(sheets.c.sheet_id).where(sheets.c.subscriber_ref == subscriber_ref)
        its_tickets = sa.select(tickets.c.ticket_id).where(
            tickets.c.subscriber_ref == subscriber_ref
        )
        select = (
            sa.select(*(records.c[each.name] for each in fields(MeasuredRow)))
            .where(records.c.sheet_id.in_(its_sheets) | records.c.ticket_id.in_(its_tickets))
            .order_by(records.c.record_no.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else MeasuredRow(**row)

    def _check_known(self, connection: Connection, row: PlaceRow) -> None:
        """Let one at a time place the agent; raises NotThereError."""
        self._database.alone(connection, f"place of {row.agent_id}")
        known = sa.select(agents.c.agent_id).where(agents.c.agent_id == row.agent_id)
        if connection.execute(known).first() is None:
            raise NotThereError(f"agent {row.agent_id} is not known")
        if row.subscriber_ref is None:
            return
        mine = subscribers.c.subscriber_ref == row.subscriber_ref
        if connection.execute(sa.select(subscribers.c.subscriber_ref).where(mine)).first() is None:
            raise NotThereError(f"subscriber {row.subscriber_ref} is not known")


def _keep(connection: Connection, row: PlaceRow, event: EventRow) -> None:
    connection.execute(sa.insert(agent_lines), asdict(row))
    append(connection, [event])


def _newest(connection: Connection, agent_id: str) -> PlaceRow | None:
    select = (
        sa.select(*_PLACE)
        .where(agent_lines.c.agent_id == agent_id)
        .order_by(agent_lines.c.place_no.desc())
        .limit(1)
    )
    row = connection.execute(select).mappings().first()
    return None if row is None else _place(row)


def _shares(agent_id: str, from_us: int, to_us: int) -> sa.ColumnElement[bool]:
    return (
        (watch_windows.c.agent_id == agent_id)
        & (watch_windows.c.started_us < to_us)
        & (watch_windows.c.ended_us > from_us)
    )


def _place(row: Mapping[Any, Any]) -> PlaceRow:
    return PlaceRow(**{**row, "placed_by": PlacedBy(row["placed_by"])})


def _window(row: Mapping[Any, Any]) -> WindowRow:
    return WindowRow(**{**row, "is_down": bool(row["is_down"])})
