"""A database by URL: connections, transactions, and what its errors mean.

    sqlite:////var/lib/omega/omega.sqlite      embedded, WAL, every commit on the disk
    postgresql://user@host/name                the same code; any number of servers

Theory of operation. `read()` and `write()` hand out a connection inside one transaction. SQLite has
one writer at a time: a write takes the lock at BEGIN (never later, which could deadlock two readers
that both want to write), and threads of this process queue at a mutex, which is fair and quick
where SQLite's own waiting is neither. On PostgreSQL writers run side by side; what must not is put
in a line with `alone()`.

Errors of the driver never leave: what may pass by itself or by an operator's hand becomes
StoreUnavailableError, and `sqlalchemy.exc.IntegrityError` is for the modules beside this one.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from omega_core.errors import UsageError
from omega_core.limits import STORE_CONNECTIONS_MAX, STORE_WAIT_S
from omega_server.store.errors import StoreUnavailableError

_WRITES = "omega_writes"
_LOOK_AGAIN_S = 0.01  # the change takes about as long as two writes to the disk
_DRIVER_OF = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


class Database:
    """One database and its connections."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._one_writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hand out a connection that sees one state of the database."""
        with _told_apart(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hand out a connection; what was done on it is durable afterwards, or never was."""
        if not self.is_sqlite:
            with _told_apart(), self.engine.begin() as connection:
                yield connection
            return
        with self._one_writer, _told_apart(), self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def alone(self, connection: Connection, name: str) -> None:
        """Let one transaction at a time go on from here, for each name; others wait."""
        if not self.is_sqlite:
            number = zlib.crc32(name.encode("utf-8"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def insert(self, table: sa.Table) -> Any:  # noqa: ANN401 - one of two dialects' Insert
        """Return the dialect's INSERT, which knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in _DRIVER_OF:
            raise UsageError(f"database {name}: only sqlite and postgresql are known")
        parsed = parsed.set(drivername=_DRIVER_OF[name])
        if name == "sqlite":
            return _sqlite(parsed)
        return _postgresql(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        # The URL may hold a password: say what is wrong with it, never what it is.
        raise UsageError("the database URL can't be read") from error


def _sqlite(url: sa.URL) -> Engine:
    engine = sa.create_engine(
        url,
        pool_size=STORE_CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=STORE_WAIT_S,
        connect_args={"timeout": STORE_WAIT_S},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:  # noqa: ANN401 - the driver's connection
        connection.isolation_level = None  # BEGIN is said below, not guessed by the driver
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # a receipt is given for what is on the disk
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(cursor: Any) -> None:  # noqa: ANN401 - the driver's cursor
    """Have the file keep a write-ahead log, as it does from then on.

    A new file is changed over by whoever comes first, and SQLite refuses at once the others that
    ask in that moment, without the wait that every other statement has: it is waited for here.
    """
    until_s = time.monotonic() + STORE_WAIT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until_s:
                raise
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def _postgresql(url: sa.URL) -> Engine:
    wait_ms = STORE_WAIT_S * 1_000
    return sa.create_engine(
        url,
        pool_size=STORE_CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=STORE_WAIT_S,
        pool_pre_ping=True,  # a restarted database is found again without an error
        connect_args={
            "connect_timeout": STORE_WAIT_S,
            "options": f"-c synchronous_commit=on -c statement_timeout={wait_ms}"
            f" -c lock_timeout={wait_ms} -c idle_in_transaction_session_timeout={wait_ms}",
        },
    )


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError as error:
        raise StoreUnavailableError("the database: no connection is free") from error
    except DBAPIError as error:
        # The driver's first line names the cause; the rest would repeat SQL and what was stored.
        cause = str(error.orig).strip().partition("\n")[0]
        raise StoreUnavailableError(f"the database: {cause}") from error
