"""All lines together in SQL: see `fleet_port`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_server.store.database import Database
from omega_server.store.fleet_port import (
    BinCount,
    Changes,
    Kept,
    LineRow,
    MetricRow,
    NewRecord,
    SpreadKey,
    StateCount,
    Tally,
)
from omega_server.store.fleet_tables import (
    fleet_cursor,
    fleet_lines,
    fleet_metrics,
    fleet_spread,
)
from omega_server.store.tables import records, sheets, tickets

_ALONE: Final = "fleet"
_CURSOR: Final = "records"
_NAMES_AT_ONCE: Final = 500  # what a statement may name: SQLite takes a thousand


class SqlFleet:
    """Implements `FleetStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self) -> int:
        """See `FleetStore.cursor`."""
        with self._database.read() as connection:
            return _cursor(connection)

    def new_records(self, after: int, count: int, *, settled_unix_us: int) -> Sequence[NewRecord]:
        """See `FleetStore.new_records`."""
        subscriber = sa.func.coalesce(sheets.c.subscriber_ref, tickets.c.subscriber_ref)
        select = (
            sa.select(
                records.c.record_no,
                records.c.digest,
                records.c.envelope,
                records.c.agent_id,
                subscriber.label("subscriber_ref"),
                records.c.verdict,
                records.c.received_unix_us,
            )
            .select_from(
                records.outerjoin(sheets, sheets.c.sheet_id == records.c.sheet_id).outerjoin(
                    tickets, tickets.c.ticket_id == records.c.ticket_id
                )
            )
            .where(records.c.record_no > after)
            .order_by(records.c.record_no)
            .limit(count)
        )
        with self._database.read() as connection:
            found = [NewRecord(**row) for row in connection.execute(select).mappings()]
        return list(takewhile(lambda each: each.received_unix_us <= settled_unix_us, found))

    def add(self, after: int, to: int, subscriber_refs: frozenset[str], tally: Tally) -> bool:
        """See `FleetStore.add`."""
        with self._database.write() as connection:
            self._database.alone(connection, _ALONE)
            if _cursor(connection) != after:
                return False
            self._write(connection, tally(_kept(connection, sorted(subscriber_refs))))
            self._set_cursor(connection, to)
        return True

    def clear(self) -> None:
        """See `FleetStore.clear`."""
        with self._database.write() as connection:
            self._database.alone(connection, _ALONE)
            for table in (fleet_spread, fleet_metrics):
                connection.execute(sa.delete(table))
            never = {"verdict": None, "digest": "", "seen_unix_us": 0}
            connection.execute(sa.update(fleet_lines).values(**never))
            self._set_cursor(connection, 0)

    def change(self, subscriber_ref: str, tally: Tally) -> None:
        """See `FleetStore.change`."""
        with self._database.write() as connection:
            self._database.alone(connection, _ALONE)
            self._write(connection, tally(_kept(connection, [subscriber_ref])))

    def states(self) -> Sequence[StateCount]:
        """See `FleetStore.states`."""
        columns = fleet_lines.c.sector, fleet_lines.c.verdict
        select = sa.select(*columns, sa.func.count().label("lines")).group_by(*columns)
        with self._database.read() as connection:
            found = [StateCount(**row) for row in connection.execute(select).mappings()]
        return sorted(found, key=lambda each: (each.sector, each.verdict or ""))

    def spread(
        self, week: int, metric: str, *, plan_id: str | None = None, sector: str | None = None
    ) -> Sequence[BinCount]:
        """See `FleetStore.spread`."""
        table = fleet_spread.c
        columns = table.plan_id, table.bin
        select = (
            sa.select(*columns, sa.func.sum(table.lines).label("lines"))
            .where((table.week == week) & (table.metric == metric))
            .group_by(*columns)
            .order_by(*columns)
        )
        if plan_id is not None:
            select = select.where(table.plan_id == plan_id)
        if sector is not None:
            select = select.where(table.sector == sector)
        with self._database.read() as connection:
            rows = connection.execute(select).mappings()
            found = [BinCount(**{**row, "lines": int(row["lines"])}) for row in rows]
        return [each for each in found if each.lines > 0]

    def worse(
        self,
        week: int,
        metric: str,
        *,
        below: tuple[int, str] | None = None,
        count: int,
        sector: str | None = None,
    ) -> Sequence[MetricRow]:
        """See `FleetStore.worse`."""
        table = fleet_metrics.c
        got_worse = (table.week == week) & (table.metric == metric) & (table.worse_ppm > 0)
        select = (
            sa.select(fleet_metrics)
            .where(got_worse)
            .order_by(table.worse_ppm.desc(), table.subscriber_ref.desc())
            .limit(count)
        )
        if below is not None:
            place = sa.tuple_(table.worse_ppm, table.subscriber_ref)
            select = select.where(place < sa.tuple_(*map(sa.literal, below)))
        if sector is not None:
            select = select.where(table.sector == sector)
        with self._database.read() as connection:
            return [MetricRow(**row) for row in connection.execute(select).mappings()]

    def lines(
        self, *, after: str = "", count: int, sector: str | None = None, verdict: str | None = None
    ) -> Sequence[LineRow]:
        """See `FleetStore.lines`."""
        table = fleet_lines.c
        select = sa.select(fleet_lines).where(table.subscriber_ref > after)
        if sector is not None:
            select = select.where(table.sector == sector)
        if verdict is not None:
            select = select.where(table.verdict == verdict)
        ordered = select.order_by(table.subscriber_ref).limit(count)
        with self._database.read() as connection:
            return [LineRow(**row) for row in connection.execute(ordered).mappings()]

    def line(self, subscriber_ref: str) -> tuple[LineRow, Sequence[MetricRow]] | None:
        """See `FleetStore.line`."""
        with self._database.read() as connection:
            kept = _kept(connection, [subscriber_ref])
        line = kept.lines.get(subscriber_ref)
        if line is None:
            return None
        return line, [kept.metrics[key] for key in sorted(kept.metrics)]

    def _write(self, connection: Connection, changes: Changes) -> None:
        _upsert(self._database, connection, fleet_lines, map(asdict, changes.lines.values()))
        _upsert(self._database, connection, fleet_metrics, map(asdict, changes.metrics.values()))
        counts = [_counted(key, number) for key, number in changes.spread.items() if number]
        if not counts:
            return
        insert = self._database.insert(fleet_spread)
        added = fleet_spread.c.lines + insert.excluded.lines
        upsert = insert.on_conflict_do_update(
            index_elements=list(fleet_spread.primary_key), set_={"lines": added}
        )
        connection.execute(upsert, counts)

    def _set_cursor(self, connection: Connection, record_no: int) -> None:
        row = {"name": _CURSOR, "record_no": record_no}
        _upsert(self._database, connection, fleet_cursor, [row])


def _cursor(connection: Connection) -> int:
    select = sa.select(fleet_cursor.c.record_no).where(fleet_cursor.c.name == _CURSOR)
    return int(connection.execute(select).scalar() or 0)


def _kept(connection: Connection, subscriber_refs: Sequence[str]) -> Kept:
    lines: dict[str, LineRow] = {}
    metrics: dict[tuple[str, str], MetricRow] = {}
    for start in range(0, len(subscriber_refs), _NAMES_AT_ONCE):
        names = subscriber_refs[start : start + _NAMES_AT_ONCE]
        of_lines = sa.select(fleet_lines).where(fleet_lines.c.subscriber_ref.in_(names))
        for row in connection.execute(of_lines).mappings():
            lines[row["subscriber_ref"]] = LineRow(**row)
        of_metrics = sa.select(fleet_metrics).where(fleet_metrics.c.subscriber_ref.in_(names))
        for row in connection.execute(of_metrics).mappings():
            metrics[row["subscriber_ref"], row["metric"]] = MetricRow(**row)
    return Kept(lines=lines, metrics=metrics)


def _upsert(
    database: Database, connection: Connection, table: sa.Table, rows: Iterable[dict[str, Any]]
) -> None:
    """Write rows whole, over those with the same key."""
    found = list(rows)
    if not found:
        return
    insert = database.insert(table)
    keys = list(table.primary_key)
    others = {each.name: insert.excluded[each.name] for each in table.c if each not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), found)


def _counted(key: SpreadKey, lines: int) -> dict[str, Any]:
    return {**asdict(key), "lines": lines}
