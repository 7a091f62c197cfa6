"""Rows of old files in SQL: see `old_file_port`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.events import append
from omega_server.store.old_file_port import TakenRow
from omega_server.store.old_file_tables import taken_rows
from omega_server.store.rows import EventRow, SheetRow, SubscriberRow
from omega_server.store.tables import sheets, subscribers

_COLUMNS = [column for column in taken_rows.c if column.name != "taken_no"]


class SqlOldFiles:
    """Implements `OldFileStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self,
        row: TakenRow,
        *,
        sheet: SheetRow,
        subscriber: SubscriberRow | None,
        events: Sequence[EventRow],
    ) -> TakenRow:
        """See `OldFileStore.take`."""
        mine = taken_rows.c.digest == row.digest
        mine |= taken_rows.c.subscriber_ref == row.subscriber_ref
        try:
            with self._database.write() as connection:
                self._database.alone(connection, "old files")
                if known := _rows(connection, mine):
                    return known[0]
                if subscriber is not None:
                    connection.execute(sa.insert(subscribers), asdict(subscriber))
                elif not _is_there(connection, row.subscriber_ref):
                    raise NotThereError(f"subscriber {row.subscriber_ref} is not known")
                connection.execute(sa.insert(sheets), asdict(sheet))
                connection.execute(sa.insert(taken_rows), _columns_of(row))
                append(connection, events)
        except IntegrityError as error:
            raise AlreadyThereError(f"subscriber {row.subscriber_ref} is there already") from error
        return row

    def alike(
        self, *, subscriber_ref: str, cpe_serial: str | None, cpe_mac: str | None
    ) -> Sequence[TakenRow]:
        """See `OldFileStore.alike`."""
        where = taken_rows.c.subscriber_ref == subscriber_ref
        if cpe_serial is not None:
            where |= taken_rows.c.cpe_serial == cpe_serial
        if cpe_mac is not None:
            where |= taken_rows.c.cpe_mac == cpe_mac
        with self._database.read() as connection:
            return _rows(connection, where)

    def taken(self, *, after: str = "", count: int | None = None) -> Sequence[TakenRow]:
        """See `OldFileStore.taken`."""
        with self._database.read() as connection:
            where = taken_rows.c.sheet_id > after
            return _rows(connection, where, order=taken_rows.c.sheet_id, count=count)


def _is_there(connection: Connection, subscriber_ref: str) -> bool:
    mine = subscribers.c.subscriber_ref == subscriber_ref
    return connection.execute(sa.select(sa.literal(1)).where(mine)).first() is not None


def _rows(
    connection: Connection,
    where: sa.ColumnElement[bool],
    *,
    order: sa.Column[Any] = taken_rows.c.taken_no,
    count: int | None = None,
) -> list[TakenRow]:
    select = sa.select(*_COLUMNS).where(where).order_by(order).limit(count)
    return [_row(found) for found in connection.execute(select).mappings()]


def _columns_of(row: TakenRow) -> dict[str, Any]:
    columns = asdict(row)
    content = columns.pop("values")
    columns["content"] = _json(content)
    columns["personal"] = _json(columns["personal"])
    columns["missing"] = _json(list(columns["missing"]))
    return columns


def _row(found: sa.RowMapping) -> TakenRow:
    columns = dict(found)
    values = json.loads(columns.pop("content"))
    columns["personal"] = json.loads(columns["personal"])
    columns["missing"] = tuple(json.loads(columns["missing"]))
    return TakenRow(values=values, **columns)


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)
