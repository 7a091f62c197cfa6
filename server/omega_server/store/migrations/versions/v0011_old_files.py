"""Sheets that were taken over from old files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "taken_rows",
        sa.Column("taken_no", number, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("subscriber_ref", sa.String(length=64), nullable=False),
        sa.Column("sheet_id", sa.String(length=64), nullable=False),
        sa.Column("cpe_serial", sa.String(length=64), nullable=True),
        sa.Column("cpe_mac", sa.String(length=64), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("personal", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("taken_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("taken_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["sheets.sheet_id"], name=op.f("fk_taken_rows_sheet_id_sheets")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_taken_rows_subscriber_ref_subscribers"),
        ),
        sa.PrimaryKeyConstraint("taken_no", name=op.f("pk_taken_rows")),
        sa.UniqueConstraint("digest", name=op.f("uq_taken_rows_digest")),
        sa.UniqueConstraint("sheet_id", name=op.f("uq_taken_rows_sheet_id")),
        sa.UniqueConstraint("subscriber_ref", name=op.f("uq_taken_rows_subscriber_ref")),
    )
    for column in ("cpe_mac", "cpe_serial"):
        name = op.f(f"ix_taken_rows_{column}")
        op.create_index(name, "taken_rows", [column], unique=False)
