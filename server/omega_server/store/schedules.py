"""Schedules in SQL: see `schedule_port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.schedule_port import ScheduleRow
from omega_server.store.schedule_tables import schedules

_COLUMNS = [column for column in schedules.c if column.name != "schedule_no"]
_NOT_ENDED = schedules.c.ended_unix_us.is_(None)


class SqlSchedules:
    """Implements `ScheduleStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, schedule: ScheduleRow) -> None:
        """See `ScheduleStore.begin`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(schedules), asdict(schedule))
        except IntegrityError as error:
            name = schedule.schedule_id
            raise AlreadyThereError(f"schedule {name} is there already") from error

    def end(self, schedule_id: str, *, by: str, at_unix_us: int) -> ScheduleRow:
        """See `ScheduleStore.end`."""
        mine = schedules.c.schedule_id == schedule_id
        with self._database.write() as connection:
            connection.execute(
                sa.update(schedules)
                .where(mine & _NOT_ENDED)
                .values(ended_unix_us=at_unix_us, ended_by=by)
            )
            found = _rows(connection, mine)
        if not found:
            raise NotThereError(f"schedule {schedule_id} is not known")
        return found[0]

    def schedules(self, *, in_force: bool = False) -> Sequence[ScheduleRow]:
        """See `ScheduleStore.schedules`."""
        with self._database.read() as connection:
            return _rows(connection, _NOT_ENDED if in_force else sa.true())


def _rows(connection: Connection, where: sa.ColumnElement[bool]) -> list[ScheduleRow]:
    select = sa.select(*_COLUMNS).where(where).order_by(schedules.c.schedule_no)
    return [ScheduleRow(**row) for row in connection.execute(select).mappings()]
