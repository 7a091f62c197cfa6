"""Tests made in a browser, in SQL: see `browser_port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store.browser_port import BrowserTestRow, SeenRunRow
from omega_server.store.browser_tables import browser_runs, browser_tests
from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError


class SqlBrowser:
    """Implements `BrowserStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, test: BrowserTestRow) -> None:
        """See `BrowserStore.begin`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(browser_tests), asdict(test))
        except IntegrityError as error:
            raise AlreadyThereError(f"test {test.test_id} is there already") from error

    def begun_since(self, address: str, since_unix_us: int) -> int:
        """See `BrowserStore.begun_since`."""
        table = browser_tests.c
        those = (table.address == address) & (table.began_unix_us >= since_unix_us)
        select = sa.select(sa.func.count()).select_from(browser_tests).where(those)
        with self._database.read() as connection:
            return int(connection.execute(select).scalar_one())

    def finish(self, test: BrowserTestRow, seen: Sequence[SeenRunRow]) -> BrowserTestRow:
        """See `BrowserStore.finish`."""
        open_ = (browser_tests.c.test_id == test.test_id) & browser_tests.c.ended_unix_us.is_(None)
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(browser_tests)
                .where(open_)
                .values(ended_unix_us=test.ended_unix_us, said=test.said)
            )
            if done.rowcount and seen:
                connection.execute(sa.insert(browser_runs), [asdict(each) for each in seen])
            return _known(connection, test.test_id)

    def attach(self, test_id: str, ticket_id: str) -> BrowserTestRow:
        """See `BrowserStore.attach`."""
        free = (browser_tests.c.test_id == test_id) & browser_tests.c.ticket_id.is_(None)
        with self._database.write() as connection:
            connection.execute(sa.update(browser_tests).where(free).values(ticket_id=ticket_id))
            return _known(connection, test_id)

    def test(self, test_id: str) -> BrowserTestRow | None:
        """See `BrowserStore.test`."""
        with self._database.read() as connection:
            return _found(connection, test_id)

    def seen(self, test_id: str) -> Sequence[SeenRunRow]:
        """See `BrowserStore.seen`."""
        mine = browser_runs.c.test_id == test_id
        select = sa.select(browser_runs).where(mine).order_by(browser_runs.c.run)
        with self._database.read() as connection:
            return [SeenRunRow(**row) for row in connection.execute(select).mappings()]

    def tests_of(self, subscriber_ref: str, *, count: int) -> Sequence[BrowserTestRow]:
        """See `BrowserStore.tests_of`."""
        table = browser_tests.c
        select = (
            sa.select(browser_tests)
            .where(table.subscriber_ref == subscriber_ref)
            .order_by(table.began_unix_us.desc(), table.test_id.desc())
            .limit(count)
        )
        with self._database.read() as connection:
            return [BrowserTestRow(**row) for row in connection.execute(select).mappings()]


def _found(connection: Connection, test_id: str) -> BrowserTestRow | None:
    select = sa.select(browser_tests).where(browser_tests.c.test_id == test_id)
    row = connection.execute(select).mappings().first()
    return None if row is None else BrowserTestRow(**row)


def _known(connection: Connection, test_id: str) -> BrowserTestRow:
    found = _found(connection, test_id)
    if found is None:
        raise NotThereError(f"test {test_id} is not known")
    return found
