"""One contract for the store, held on a SQLite file and on a real PostgreSQL: tables and URLs.

What it keeps is promised in `test_store_enrolment`, `test_store_cases` and `test_store_sessions`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest
import sqlalchemy as sa

from omega_core.errors import UsageError
from omega_core.key_history import KeyLife
from omega_server.store import open_store
from omega_server.store.database import Database
from omega_server.store.errors import StoreUnavailableError, StoreVersionError
from omega_server.store.migrate import differences, migrate
from omega_server.store.port import Store
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    AT_ONCE,
    add_record,
    at_once,
    name,
    record,
)


class StoreContract:
    """What every store promises of its tables. A subclass says on which database."""

    # The tables

    def test_migrations_from_empty_give_the_tables_of_the_program(self, url: str) -> None:
        database = Database(url)
        migrate(database)
        assert differences(database) == []
        database.close()

    def test_a_database_without_tables_is_refused_where_nobody_may_make_them(
        self, url: str
    ) -> None:
        with (
            pytest.raises(StoreVersionError, match="version none"),
            open_store(url, may_migrate=False),
        ):
            pass

    def test_a_database_of_a_newer_program_is_refused(self, url: str) -> None:
        database = Database(url)
        migrate(database)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        database.close()
        with pytest.raises(StoreVersionError, match="9999"), open_store(url, may_migrate=True):
            pass

    def test_many_servers_that_start_at_once_make_the_tables_once(self, url: str) -> None:
        def start(_: int) -> str:
            database = Database(url)
            try:
                return migrate(database)
            finally:
                database.close()

        assert at_once(start) == ["0012"] * AT_ONCE

    def test_devices_that_an_older_program_has_revoked_stay_revoked(self, url: str) -> None:
        database = Database(url)
        migrate(database, to="0001")
        with database.write() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO agents"
                    " (agent_id, kid, key, statement, enrolled_unix_us, revoked_unix_us)"
                    " VALUES ('MA-000001', :kid, 'K', :statement, 1, 2)"
                ),
                {"kid": name("k"), "statement": b"statement"},
            )
        database.close()
        with open_store(url, may_migrate=True) as store:
            (key,) = store.keys.keys_of("agent", "MA-000001")
            assert key.life == KeyLife(issued_unix_us=1, revoked_unix_us=2)
            (said,) = store.keys.revocations(name("k"))
            assert (said.revoked_unix_us, said.invalid_since_unix_us) == (2, None)

    def test_what_was_stored_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url, may_migrate=True) as store:
            add_record(store, record())
        with open_store(url, may_migrate=False) as store:
            assert store.sessions.record(record().digest) == record()

    # Values about the installation

    def test_the_first_value_under_a_name_stays(self, store: Store) -> None:
        assert store.state.pin("server_kid", "one") == "one"
        assert store.state.pin("server_kid", "two") == "one"

    def test_a_store_that_works_passes_its_check(self, store: Store) -> None:
        store.state.check()

    def test_numbers_of_a_series_are_given_once_however_many_ask(self, store: Store) -> None:
        numbers = at_once(lambda _: store.enrolment.next_number("sheet 2026"))
        assert sorted(numbers) == list(range(1, AT_ONCE + 1))  # type: ignore[type-var] # no errors among them
        assert store.enrolment.next_number("sheet 2027") == 1


class TestSqliteStore(OnSqlite, StoreContract):
    def test_a_commit_is_on_the_disk_before_it_is_told(self, url: str) -> None:
        database = Database(url)
        with database.read() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        database.close()
        assert (mode, synchronous) == ("wal", 2)

    def test_a_new_file_that_another_server_is_at_is_waited_for(self, tmp_path: Path) -> None:
        with _another_writes(tmp_path / "new.sqlite", for_s=0.3):
            database = Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
            assert migrate(database) != ""
            database.close()

    def test_a_new_file_that_another_server_never_leaves_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("omega_server.store.database.STORE_WAIT_S", 0.2)
        with _another_writes(tmp_path / "new.sqlite", for_s=60):
            database = Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
            with pytest.raises(StoreUnavailableError, match="locked"):
                migrate(database)
            database.close()


@contextmanager
def _another_writes(file: Path, for_s: float) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = Timer(for_s, other.rollback)
        done.start()
        try:
            yield
        finally:
            done.cancel()


class TestPostgresStore(OnPostgres, StoreContract):
    def test_a_commit_is_on_the_disk_before_it_is_told(self, url: str) -> None:
        database = Database(url)
        with database.read() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert connection.exec_driver_sql("SHOW fsync").scalar() == "on"
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://u:secret@h/d", id="a database of another kind"),
        pytest.param("not a url", id="no URL"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_url_that_cant_be_used_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(UsageError) as refused, open_store(url, may_migrate=True):
        pass
    assert "secret" not in str(refused.value)
