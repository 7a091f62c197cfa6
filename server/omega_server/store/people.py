"""Those who use the pages, in SQL: see `people_port`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.people_port import (
    AccountRow,
    AuditRow,
    FailureRow,
    InvitationRow,
    SessionRow,
)
from omega_server.store.people_tables import (
    people_accounts,
    people_audit,
    people_failures,
    people_invitations,
    people_sessions,
)


class SqlPeople:
    """Implements `PeopleStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: AccountRow) -> None:
        """See `PeopleStore.add`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(people_accounts), asdict(account))
        except IntegrityError as error:
            raise AlreadyThereError(f"account {account.name} is there already") from error

    def change(self, account: AccountRow) -> None:
        """See `PeopleStore.change`."""
        mine = people_accounts.c.name == account.name
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(people_accounts).where(mine).values(**asdict(account))
            )
        if not done.rowcount:
            raise NotThereError(f"account {account.name} is not known")

    def account(self, name: str) -> AccountRow | None:
        """See `PeopleStore.account`."""
        select = sa.select(people_accounts).where(people_accounts.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
        return None if row is None else AccountRow(**row)

    def accounts(self) -> Sequence[AccountRow]:
        """See `PeopleStore.accounts`."""
        select = sa.select(people_accounts).order_by(people_accounts.c.name)
        with self._database.read() as connection:
            return [AccountRow(**row) for row in connection.execute(select).mappings()]

    def open_session(self, session: SessionRow) -> None:
        """See `PeopleStore.open_session`."""
        table = people_sessions.c
        over = (table.name == session.name) & (table.expires_unix_us <= session.created_unix_us)
        with self._database.write() as connection:
            connection.execute(sa.delete(people_sessions).where(over))
            connection.execute(sa.insert(people_sessions), asdict(session))

    def session(self, token_digest: str) -> tuple[SessionRow, AccountRow] | None:
        """See `PeopleStore.session`."""
        mine = people_sessions.c.token_digest == token_digest
        with self._database.read() as connection:
            row = connection.execute(sa.select(people_sessions).where(mine)).mappings().first()
            if row is None:
                return None
            owner = sa.select(people_accounts).where(people_accounts.c.name == row["name"])
            account = connection.execute(owner).mappings().first()
        return None if account is None else (SessionRow(**row), AccountRow(**account))

    def used(self, token_digest: str, at_unix_us: int) -> None:
        """See `PeopleStore.used`."""
        mine = people_sessions.c.token_digest == token_digest
        with self._database.write() as connection:
            connection.execute(
                sa.update(people_sessions).where(mine).values(used_unix_us=at_unix_us)
            )

    def end_sessions(self, name: str, *, token_digest: str | None = None) -> None:
        """See `PeopleStore.end_sessions`."""
        those = people_sessions.c.name == name
        if token_digest is not None:
            those &= people_sessions.c.token_digest == token_digest
        with self._database.write() as connection:
            connection.execute(sa.delete(people_sessions).where(those))

    def invite(self, invitation: InvitationRow) -> None:
        """See `PeopleStore.invite`."""
        mine = people_invitations.c.name == invitation.name
        with self._database.write() as connection:
            connection.execute(sa.delete(people_invitations).where(mine))
            connection.execute(sa.insert(people_invitations), asdict(invitation))

    def accept(self, token_digest: str, at_unix_us: int) -> str | None:
        """See `PeopleStore.accept`."""
        mine = people_invitations.c.token_digest == token_digest
        good = mine & (people_invitations.c.expires_unix_us > at_unix_us)
        with self._database.write() as connection:
            name = connection.execute(sa.select(people_invitations.c.name).where(good)).scalar()
            done = connection.execute(sa.delete(people_invitations).where(good))
        return str(name) if name is not None and done.rowcount else None

    def failures(self, keys: Sequence[str]) -> Mapping[str, FailureRow]:
        """See `PeopleStore.failures`."""
        select = sa.select(people_failures).where(people_failures.c.key.in_(list(keys)))
        with self._database.read() as connection:
            return {
                row["key"]: FailureRow(failures=row["failures"], last_unix_us=row["last_unix_us"])
                for row in connection.execute(select).mappings()
            }

    def failed(self, keys: Sequence[str], at_unix_us: int, *, forget_before_unix_us: int) -> None:
        """See `PeopleStore.failed`."""
        old = people_failures.c.last_unix_us < forget_before_unix_us
        insert = self._database.insert(people_failures)
        upsert = insert.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "failures": people_failures.c.failures + 1,
                "last_unix_us": insert.excluded.last_unix_us,
            },
        )
        rows = [{"key": key, "failures": 1, "last_unix_us": at_unix_us} for key in sorted(keys)]
        with self._database.write() as connection:
            connection.execute(sa.delete(people_failures).where(old))
            connection.execute(upsert, rows)

    def forgive(self, key: str) -> None:
        """See `PeopleStore.forgive`."""
        with self._database.write() as connection:
            connection.execute(sa.delete(people_failures).where(people_failures.c.key == key))

    def note(self, entry: AuditRow) -> None:
        """See `PeopleStore.note`."""
        row = asdict(entry)
        del row["audit_no"]
        with self._database.write() as connection:
            connection.execute(sa.insert(people_audit), row)

    def audit(self, *, before: int | None = None, count: int) -> Sequence[AuditRow]:
        """See `PeopleStore.audit`."""
        number = people_audit.c.audit_no
        select = sa.select(people_audit).order_by(number.desc()).limit(count)
        if before is not None:
            select = select.where(number < before)
        with self._database.read() as connection:
            return [AuditRow(**row) for row in connection.execute(select).mappings()]
