"""What every store promises of the transparency log."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

import pytest
import sqlalchemy as sa

from omega_core.control import LogPosition
from omega_core.keys import SigningKey
from omega_core.log.checkpoint import parse_checkpoint
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.proofs import check_consistency, check_inclusion
from omega_core.log.tree import Node, consistency_path, inclusion_path, root_of
from omega_server.store import open_store
from omega_server.store.database import Database
from omega_server.store.errors import GrantUsedError, LogBrokenError, NotThereError
from omega_server.store.migrate import migrate
from omega_server.store.port import Store
from omega_server.store.rows import LoggedRow
from omega_server.transparency import LogAuthor
from support.log_trees import LOG_KEY, MemoryLog
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    AT_ONCE,
    LOG_AUTHOR,
    add_record,
    at_once,
    digest,
    draft_of,
    event,
    grant,
    issue,
    record,
)


def newest(store: Store) -> tuple[int, bytes]:
    """Return size and root of the newest checkpoint, signed by the log's key."""
    signed = parse_checkpoint(store.log.checkpoint())
    assert signed.is_signed_by_log([LOG_KEY.public])
    return signed.checkpoint.size, signed.checkpoint.root


def entered(*numbers: int) -> MemoryLog:
    """Return what the log must be after these records."""
    log = MemoryLog()
    for number in numbers:
        log.append(entry_hash(EntryKind.RECORD, record(number).envelope_digest))
    return log


def change(url: str, statement: str) -> None:
    """Do to the database what only its administrator could."""
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text(statement))
    database.close()


LATER = {"seq", "clock_offset_us"}
"""Columns that a database of before the log did not have."""


def without(row: dict[str, Any], names: AbstractSet[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


class LogContract:
    """Entries, hashes, checkpoint. A subclass says on which database."""

    def test_the_log_begins_empty_and_signed(self, store: Store) -> None:
        with pytest.raises(NotThereError, match="start the server"):
            store.log.checkpoint()
        store.log.begin(LOG_AUTHOR)
        assert newest(store) == (0, entered().frontier.root())
        assert store.log.entries(0, 10) == []

    def test_every_record_is_entered_and_signed_for(self, store: Store) -> None:
        store.log.begin(LOG_AUTHOR)
        for number in range(1, 8):
            add_record(store, record(number))
            assert newest(store) == (number, entered(*range(1, number + 1)).frontier.root())
            assert store.log.index_of(record(number).digest) == number - 1
        assert store.log.index_of(digest(999)) is None
        nodes = [Node(0, 6), Node(2, 0), Node(1, 2)]
        assert store.log.read(nodes) == entered(*range(1, 8)).read(nodes)
        assert store.log.not_logged() is None

    def test_a_receipt_is_made_for_the_records_place(self, store: Store) -> None:
        places: list[LogPosition] = []

        def receipt(place: LogPosition) -> bytes:
            places.append(place)
            return b"receipt"

        for number in (1, 2):
            store.sessions.add_record(draft_of(record(number)), (), log=LOG_AUTHOR, receipt=receipt)
        assert [(each.origin, each.index, each.tree_size) for each in places] == [
            (LOG_AUTHOR.origin, 0, 1),
            (LOG_AUTHOR.origin, 1, 2),
        ]

    def test_many_records_at_once_stand_in_one_line(self, store: Store) -> None:
        at_once(lambda number: add_record(store, record(number + 1)))
        size, root = newest(store)
        indices = [store.log.index_of(record(number + 1).digest) for number in range(AT_ONCE)]
        assert sorted(index for index in indices if index is not None) == list(range(AT_ONCE))
        assert (size, root) == (AT_ONCE, root_of(store.log, AT_ONCE))

    def test_what_is_refused_is_not_in_the_log(self, store: Store) -> None:
        issue(store, grant(1))
        add_record(store, record(1, grant_digest=digest(1)))
        before = store.log.checkpoint()
        with pytest.raises(GrantUsedError):
            add_record(store, record(2, grant_digest=digest(1)), event("record"))
        assert add_record(store, record(1)) == (record(1, grant_digest=digest(1)), False)
        assert store.log.checkpoint() == before
        assert len(store.log.entries(0, 10)) == 1

    def test_proofs_come_from_the_stored_hashes(self, store: Store) -> None:
        for number in range(1, 14):
            add_record(store, record(number))
        expected = entered(*range(1, 14))
        path = inclusion_path(store.log, 5, 13)
        leaf = entry_hash(EntryKind.RECORD, record(6).envelope_digest)
        check_inclusion(leaf, index=5, size=13, path=path, root=expected.frontier.root())
        old = root_of(store.log, 6)
        assert old == entered(*range(1, 7)).frontier.root()
        check_consistency(6, old, 13, newest(store)[1], consistency_path(store.log, 6, 13))

    def test_a_hash_that_is_not_there_is_missed(self, store: Store) -> None:
        with pytest.raises(LookupError):
            store.log.read([Node(0, 0)])

    def test_entries_are_listed_with_their_records(self, store: Store) -> None:
        for number in (1, 2, 3):
            add_record(store, record(number))
        row = record(2)
        assert store.log.entries(1, 1) == [
            LoggedRow(
                log_index=1,
                kind="record",
                envelope_digest=row.envelope_digest,
                envelope=row.envelope,
                receipt=row.receipt,
            )
        ]
        assert [each.log_index for each in store.log.entries(1, 10)] == [1, 2]

    def test_a_second_start_signs_nothing_again(self, store: Store) -> None:
        store.log.begin(LOG_AUTHOR)
        add_record(store, record(1))
        before = store.log.checkpoint()
        store.log.begin(LogAuthor(LOG_AUTHOR.origin, SigningKey.from_octets(bytes(32))))
        assert store.log.checkpoint() == before

    @pytest.mark.parametrize(
        ("statement", "why"),
        [
            pytest.param(
                "UPDATE log_hashes SET hash = (SELECT hash FROM log_hashes WHERE position = 0)"
                " WHERE position = 3",
                "not the one",
                id="a hash was changed",
            ),
            pytest.param(
                "DELETE FROM log_hashes WHERE position = 3", "lost hashes", id="a hash is gone"
            ),
            pytest.param(
                "UPDATE log_checkpoints SET note = 'x'", "can't be read", id="no checkpoint"
            ),
        ],
    )
    def test_a_log_that_was_changed_is_never_signed_again(
        self, store: Store, url: str, statement: str, why: str
    ) -> None:
        for number in (1, 2, 3):
            add_record(store, record(number))
        change(url, statement)
        for attempt in (
            lambda: add_record(store, record(4)),
            lambda: store.log.begin(LOG_AUTHOR),
        ):
            with pytest.raises(LogBrokenError, match=why):
                attempt()
        assert store.sessions.record(record(4).digest) is None

    def test_records_older_than_the_log_are_entered_in_their_order(self, url: str) -> None:
        numbers = list(range(1, 12))
        database = Database(url)
        migrate(database, to="0001")
        with database.write() as connection:
            rows = [asdict(record(number)) for number in numbers]
            then = sa.table("records", *(sa.column(name) for name in rows[0].keys() - LATER))
            connection.execute(sa.insert(then), [without(row, LATER) for row in rows])
        database.close()
        with open_store(url, may_migrate=True) as store:
            store.log.begin(LOG_AUTHOR)
            assert newest(store) == (11, entered(*numbers).frontier.root())
            assert [store.log.index_of(record(number).digest) for number in numbers] == [*range(11)]
            add_record(store, record(12))
            assert newest(store) == (12, entered(*numbers, 12).frontier.root())
            older = store.sessions.record(record(1).digest)
            assert older == record(1, seq=None, clock_offset_us=None), "nothing is read again"

    def test_a_record_that_was_never_logged_is_found(self, store: Store, url: str) -> None:
        add_record(store, record(1))
        change(url, "DELETE FROM log_entries")
        assert store.log.not_logged() == record(1).digest


class TestSqliteLog(OnSqlite, LogContract):
    pass


class TestPostgresLog(OnPostgres, LogContract):
    pass
