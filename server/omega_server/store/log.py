"""`port.LogStore` over SQL, and the one way to append to the log.

Appending takes the newest checkpoint and the peaks of its tree: one more hash a level at most. The
peaks must give the checkpoint's root before anything is signed again, so a log that was changed in
the database stops here and is never signed a second time in another form. Appends are put in a
line; a checkpoint is of the whole tree whenever nobody appends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_core.control import LogPosition
from omega_core.log.checkpoint import Checkpoint, parse_checkpoint
from omega_core.log.errors import FormError
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.tree import Frontier, Node, peaks_of, position_of
from omega_server.store.database import Database
from omega_server.store.errors import LogBrokenError, NotThereError
from omega_server.store.port import LogSigner
from omega_server.store.rows import LoggedRow
from omega_server.store.tables import log_checkpoints, log_entries, log_hashes, records

_ALONE = "log"


class SqlLog:
    """Entries, hashes, checkpoint."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, log: LogSigner) -> None:
        """See `LogStore.begin`."""
        with self._database.write() as connection:
            self._database.alone(connection, _ALONE)
            newest = _newest(connection)
            frontier = _frontier(connection, newest)
            if newest is None:
                _sign(self._database, connection, frontier, log)

    def checkpoint(self) -> str:
        """See `LogStore.checkpoint`."""
        with self._database.read() as connection:
            note = connection.execute(sa.select(log_checkpoints.c.note)).scalar()
        if note is None:
            raise NotThereError("the log has no checkpoint yet: start the server once")
        return str(note)

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        """See `HashReader.read`."""
        with self._database.read() as connection:
            return _hashes(connection, nodes)

    def index_of(self, record_digest: str) -> int | None:
        """See `LogStore.index_of`."""
        is_it = (log_entries.c.digest == record_digest) & _IS_RECORD
        select = sa.select(log_entries.c.log_index).where(is_it)
        with self._database.read() as connection:
            index = connection.execute(select).scalar()
            return None if index is None else int(index)

    def entries(self, first: int, count: int) -> list[LoggedRow]:
        """See `LogStore.entries`."""
        select = (
            sa.select(
                log_entries.c.log_index,
                log_entries.c.kind,
                log_entries.c.envelope_digest,
                records.c.envelope,
                records.c.receipt,
            )
            .select_from(log_entries.outerjoin(records, _IS_OF_RECORD))
            .where(log_entries.c.log_index >= first)
            .order_by(log_entries.c.log_index)
            .limit(count)
        )
        with self._database.read() as connection:
            return [LoggedRow(**row) for row in connection.execute(select).mappings()]

    def not_logged(self) -> str | None:
        """See `LogStore.not_logged`."""
        select = (
            sa.select(records.c.digest)
            .select_from(records.outerjoin(log_entries, _IS_OF_RECORD))
            .where(log_entries.c.log_index.is_(None))
            .order_by(records.c.record_no)
            .limit(1)
        )
        with self._database.read() as connection:
            digest = connection.execute(select).scalar()
            return None if digest is None else str(digest)


_IS_RECORD = log_entries.c.kind == EntryKind.RECORD.value
_IS_OF_RECORD = (log_entries.c.digest == records.c.digest) & _IS_RECORD


def append_entry(
    database: Database,
    connection: Connection,
    kind: EntryKind,
    *,
    digest: str,
    envelope_digest: str,
    log: LogSigner,
) -> LogPosition:
    """Append an entry and sign the grown tree; return its place. Raises LogBrokenError.

    `digest` is of the payload: the name of what the entry is about.
    """
    database.alone(connection, _ALONE)
    frontier = _frontier(connection, _newest(connection))
    index = frontier.size
    connection.execute(
        sa.insert(log_entries),
        {
            "log_index": index,
            "kind": kind.value,
            "digest": digest,
            "envelope_digest": envelope_digest,
        },
    )
    keep_hashes(connection, frontier.append(entry_hash(kind, envelope_digest)))
    _sign(database, connection, frontier, log)
    return LogPosition(origin=log.origin, index=index, tree_size=frontier.size)


def keep_hashes(connection: Connection, made: Iterable[tuple[Node, bytes]]) -> None:
    """Keep the subtrees that have become complete."""
    rows = [{"position": position_of(node), "hash": octets} for node, octets in made]
    connection.execute(sa.insert(log_hashes), rows)


def _newest(connection: Connection) -> Checkpoint | None:
    note = connection.execute(sa.select(log_checkpoints.c.note)).scalar()
    try:
        return None if note is None else parse_checkpoint(note).checkpoint
    except FormError as error:
        raise LogBrokenError("the newest checkpoint of the log can't be read") from error


def _frontier(connection: Connection, newest: Checkpoint | None) -> Frontier:
    """Return the frontier of the whole tree, which must be the one that was signed last.

    Before anything was signed the entries say how large it is: those of records older than the log.
    """
    size = _entry_count(connection) if newest is None else newest.size
    try:
        frontier = Frontier(size, _hashes(connection, peaks_of(size)))
    except LookupError as error:
        raise LogBrokenError("the log has lost hashes of its tree") from error
    if newest is not None and frontier.root() != newest.root:
        raise LogBrokenError("the log is not the one that its newest checkpoint was signed for")
    return frontier


def _entry_count(connection: Connection) -> int:
    last = connection.execute(sa.select(sa.func.max(log_entries.c.log_index))).scalar()
    return 0 if last is None else int(last) + 1


def _hashes(connection: Connection, nodes: Sequence[Node]) -> list[bytes]:
    """Return the hashes of complete subtrees; raises LookupError where one is missing."""
    positions = [position_of(node) for node in nodes]
    select = sa.select(log_hashes.c.position, log_hashes.c.hash)
    found = connection.execute(select.where(log_hashes.c.position.in_(positions)))
    kept = {int(position): bytes(octets) for position, octets in found}
    return [kept[position] for position in positions]


def _sign(database: Database, connection: Connection, frontier: Frontier, log: LogSigner) -> None:
    note = log.sign(Checkpoint(log.origin, frontier.size, frontier.root()))
    insert = database.insert(log_checkpoints).values(origin=log.origin, note=note)
    connection.execute(insert.on_conflict_do_update(index_elements=["origin"], set_={"note": note}))
