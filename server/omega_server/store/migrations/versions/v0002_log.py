"""The transparency log; records that are there already are entered in the order of their arrival.

Nobody signs here: the server does so when it starts. Receipts given before name no place in the
log and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

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
        sa.Column("envelope_digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_log_entries")),
        sa.UniqueConstraint(
            "envelope_digest", "kind", name=op.f("uq_log_entries_envelope_digest_kind")
        ),
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
    for digests in _digests(connection):
        first = frontier.size
        made = [each for digest in digests for each in frontier.append(entry_hash(_KIND, digest))]
        connection.execute(
            sa.insert(entries),
            [
                {"log_index": index, "kind": _KIND.value, "envelope_digest": digest}
                for index, digest in enumerate(digests, first)
            ],
        )
        connection.execute(
            sa.insert(hashes),
            [{"position": position_of(node), "hash": octets} for node, octets in made],
        )


def _digests(connection: Connection) -> Iterator[list[str]]:
    """Yield the envelope digests of all records, some at a time."""
    records = sa.table("records", sa.column("record_no"), sa.column("envelope_digest"))
    last = 0
    while True:
        select = (
            sa.select(records.c.record_no, records.c.envelope_digest)
            .where(records.c.record_no > last)
            .order_by(records.c.record_no)
            .limit(_AT_ONCE)
        )
        found = connection.execute(select).all()
        if not found:
            return
        last = found[-1].record_no
        yield [row.envelope_digest for row in found]
