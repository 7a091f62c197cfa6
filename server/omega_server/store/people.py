"""People in SQL: see `people_port`; links are in `people_links`, tries and log in `people_log`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.people_links import SqlLinks
from omega_server.store.people_log import SqlPeopleLog, append
from omega_server.store.people_port import AccountRow, AuditRow, SessionRow
from omega_server.store.people_tables import accounts, people_sessions

_SESSION = [column for column in people_sessions.c if column.name != "session_no"]
_CHANGED = ("role", "level", "language", "password_hash", "oidc_subject", "locked_unix_us")


class SqlPeople(SqlLinks, SqlPeopleLog):
    """Implements `PeopleStore`."""

    def __init__(self, database: Database) -> None:
        SqlLinks.__init__(self, database)
        SqlPeopleLog.__init__(self, database)
        self._database = database

    def add_account(self, account: AccountRow, audit: AuditRow) -> None:
        """See `PeopleStore.add_account`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(accounts), asdict(account))
                append(connection, audit)
        except IntegrityError as error:
            raise AlreadyThereError(f"account {account.name} is there already") from error

    def account(self, name: str) -> AccountRow | None:
        """See `PeopleStore.account`."""
        return self._one_account(accounts.c.name == name)

    def account_of_subject(self, oidc_subject: str) -> AccountRow | None:
        """See `PeopleStore.account_of_subject`."""
        return self._one_account(accounts.c.oidc_subject == oidc_subject)

    def account_of(self, account_id: str) -> AccountRow | None:
        """See `PeopleStore.account_of`."""
        return self._one_account(accounts.c.account_id == account_id)

    def accounts(self, *, after: str = "", count: int) -> Sequence[AccountRow]:
        """See `PeopleStore.accounts`."""
        select = sa.select(accounts).where(accounts.c.name > after).order_by(accounts.c.name)
        with self._database.read() as connection:
            rows = connection.execute(select.limit(count)).mappings()
            return [AccountRow(**row) for row in rows]

    def change_account(
        self, account: AccountRow, audit: AuditRow | None, *, end_sessions: bool = False
    ) -> None:
        """See `PeopleStore.change_account`."""
        mine = accounts.c.account_id == account.account_id
        values = {name: getattr(account, name) for name in _CHANGED}
        try:
            with self._database.write() as connection:
                if connection.execute(sa.update(accounts).where(mine).values(values)).rowcount == 0:
                    raise NotThereError(f"account {account.name} is not known")
                new_pin = accounts.c.pin_hash.is_distinct_from(account.pin_hash)
                connection.execute(
                    sa.update(accounts)
                    .where(mine & new_pin)
                    .values(pin_hash=account.pin_hash, pin_tries=0)
                )
                if end_sessions:
                    _end(connection, people_sessions.c.account_id == account.account_id)
                if audit is not None:
                    append(connection, audit)
        except IntegrityError as error:
            raise AlreadyThereError("another account is bound to this subject") from error

    def count_pin_try(self, account_id: str, *, tries_max: int) -> bool:
        """See `PeopleStore.count_pin_try`."""
        free = (accounts.c.account_id == account_id) & (accounts.c.pin_tries < tries_max)
        update = sa.update(accounts).where(free).values(pin_tries=accounts.c.pin_tries + 1)
        with self._database.write() as connection:
            return connection.execute(update).rowcount == 1

    def forget_pin_tries(self, account_id: str) -> None:
        """See `PeopleStore.forget_pin_tries`."""
        mine = accounts.c.account_id == account_id
        with self._database.write() as connection:
            connection.execute(sa.update(accounts).where(mine).values(pin_tries=0))

    def add_session(self, session: SessionRow, audit: AuditRow, *, sessions_max: int) -> None:
        """See `PeopleStore.add_session`."""
        now = session.created_unix_us
        with self._database.write() as connection:
            _end(connection, people_sessions.c.ends_unix_us <= now)
            connection.execute(sa.insert(people_sessions), asdict(session))
            if session.account_id is not None:
                _keep_newest(connection, session.account_id, sessions_max)
            append(connection, audit)

    def session(self, digest: str) -> SessionRow | None:
        """See `PeopleStore.session`."""
        select = sa.select(*_SESSION).where(people_sessions.c.digest == digest)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().one_or_none()
        return None if row is None else SessionRow(**row)

    def note_use(self, digest: str, *, used_unix_us: int, idle_unix_us: int) -> None:
        """See `PeopleStore.note_use`."""
        mine = people_sessions.c.digest == digest
        values = {"used_unix_us": used_unix_us, "idle_unix_us": idle_unix_us}
        with self._database.write() as connection:
            connection.execute(sa.update(people_sessions).where(mine).values(values))

    def end_session(self, digest: str, audit: AuditRow) -> None:
        """See `PeopleStore.end_session`."""
        with self._database.write() as connection:
            if _end(connection, people_sessions.c.digest == digest):
                append(connection, audit)

    def _one_account(self, where: sa.ColumnElement[bool]) -> AccountRow | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(accounts).where(where)).mappings().one_or_none()
        return None if row is None else AccountRow(**row)


def _end(connection: Connection, where: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.delete(people_sessions).where(where)).rowcount


def _keep_newest(connection: Connection, account_id: str, sessions_max: int) -> None:
    mine = people_sessions.c.account_id == account_id
    newest = (
        sa.select(people_sessions.c.session_no)
        .where(mine)
        .order_by(people_sessions.c.session_no.desc())
        .limit(sessions_max)
    )
    kept = [row.session_no for row in connection.execute(newest)]
    _end(connection, mine & people_sessions.c.session_no.not_in(kept))
