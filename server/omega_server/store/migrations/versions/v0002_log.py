"""The transparency log; records that are there already are entered in the order of their arrival.

Nobody signs here: the server does so when it starts. Receipts given before name no place in the
log and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.tree import Frontier, position_of

revision = "0002"
down_revision = "0001"

_AT_ONCE = 1_000
_KIND = EntryKind.RECORD


def upgrade() -> None:
    """Make the tables, and enter what is there."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    entries = op.create_table(
        "log_entries",
        sa.Column("log_index", number, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("envelope_digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("digest", "kind", name=op.f("uq_log_entries_digest_kind")),
    )
    hashes = op.create_table(
        "log_hashes",
        sa.Column("position", number, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_hashes")),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("origin", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_log_checkpoints")),
    )
    _enter_records(op.get_bind(), entries, hashes)


def _enter_records(connection: Connection, entries: sa.Table, hashes: sa.Table) -> None:
    frontier = Frontier()
    for found in _records(connection):
        first = frontier.size
        made = [
            each
            for row in found
            for each in frontier.append(entry_hash(_KIND, row.envelope_digest))
        ]
        connection.execute(
            sa.insert(entries),
            [
                {
                    "log_index": index,
                    "kind": _KIND.value,
                    "digest": row.digest,
                    "envelope_digest": row.envelope_digest,
                }
                for index, row in enumerate(found, first)
            ],
        )
        connection.execute(
            sa.insert(hashes),
            [{"position": position_of(node), "hash": octets} for node, octets in made],
        )


def _records(connection: Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield number and digests of all records, some at a time."""
    records = sa.table("records", *map(sa.column, ("record_no", "digest", "envelope_digest")))
    last = 0
    while True:
        select = (
            sa.select(*records.c)
            .where(records.c.record_no > last)
            .order_by(records.c.record_no)
            .limit(_AT_ONCE)
        )
        found = connection.execute(select).all()
        if not found:
            return
        last = found[-1].record_no
        yield found
