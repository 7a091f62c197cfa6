"""The audit log, and counters of tries to log in, in SQL: see `people_port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_server.store.database import Database
from omega_server.store.people_port import AuditRow, TryCount, TrySubject
from omega_server.store.people_tables import audit as audit_log
from omega_server.store.people_tables import login_tries


class SqlPeopleLog:
    """The part of `PeopleStore` that is about tries and the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_try(
        self, subject: TrySubject, key: str, *, at_unix_us: int, window_us: int, rows_max: int
    ) -> TryCount:
        """See `PeopleStore.count_try`."""
        mine = _of(subject, key)
        with self._database.write() as connection:
            self._database.alone(connection, "login_tries")
            over = login_tries.c.since_unix_us <= at_unix_us - window_us
            connection.execute(sa.delete(login_tries).where(over))
            more = sa.update(login_tries).where(mine).values(tries=login_tries.c.tries + 1)
            if connection.execute(more).rowcount == 0:
                _make_room(connection, rows_max)
                first = {"subject": subject.value, "key": key, "since_unix_us": at_unix_us}
                connection.execute(sa.insert(login_tries), {**first, "tries": 1})
            row = connection.execute(sa.select(login_tries).where(mine)).one()
        return TryCount(row.tries, row.since_unix_us)

    def forget_try(self, subject: TrySubject, key: str, *, all_of_them: bool) -> None:
        """See `PeopleStore.forget_try`."""
        mine = _of(subject, key)
        with self._database.write() as connection:
            if not all_of_them:
                less = sa.update(login_tries).where(mine & (login_tries.c.tries > 1))
                if connection.execute(less.values(tries=login_tries.c.tries - 1)).rowcount == 1:
                    return
            connection.execute(sa.delete(login_tries).where(mine))

    def write_audit(self, audit: AuditRow) -> None:
        """See `PeopleStore.write_audit`."""
        with self._database.write() as connection:
            append(connection, audit)

    def audit(
        self,
        *,
        before: int | None = None,
        count: int,
        who: str | None = None,
        subject: str | None = None,
        subject_id: str | None = None,
    ) -> Sequence[AuditRow]:
        """See `PeopleStore.audit`."""
        select = sa.select(audit_log).order_by(audit_log.c.audit_no.desc()).limit(count)
        if before is not None:
            select = select.where(audit_log.c.audit_no < before)
        wanted = {"who": who, "subject": subject, "subject_id": subject_id}
        for name, value in wanted.items():
            if value is not None:
                select = select.where(audit_log.c[name] == value)
        with self._database.read() as connection:
            return [AuditRow(**row) for row in connection.execute(select).mappings()]


def append(connection: Connection, entry: AuditRow) -> None:
    """Append an entry to the audit log within a transaction."""
    fields = {name: each for name, each in asdict(entry).items() if name != "audit_no"}
    connection.execute(sa.insert(audit_log), fields)


def _of(subject: TrySubject, key: str) -> sa.ColumnElement[bool]:
    return (login_tries.c.subject == subject.value) & (login_tries.c.key == key)


def _make_room(connection: Connection, rows_max: int) -> None:
    """Remove the oldest counter where the table is full."""
    if (
        connection.execute(sa.select(sa.func.count()).select_from(login_tries)).scalar_one()
        < rows_max
    ):
        return
    oldest = sa.select(login_tries).order_by(login_tries.c.since_unix_us).limit(1)
    row = connection.execute(oldest).one()
    connection.execute(sa.delete(login_tries).where(_of(TrySubject(row.subject), row.key)))
