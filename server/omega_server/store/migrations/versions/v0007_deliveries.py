"""Tickets in the operator's systems, and what was delivered to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    _links()
    _deliveries()


def _links() -> None:
    op.create_table(
        "ticket_links",
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("linked_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.ticket_id"], name=op.f("fk_ticket_links_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("system", "ticket_id", name=op.f("pk_ticket_links")),
    )
    op.create_index(op.f("ix_ticket_links_ticket_id"), "ticket_links", ["ticket_id"], unique=False)


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column(
            "delivery_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.Column("record_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_digest"], ["records.digest"], name=op.f("fk_deliveries_record_digest_records")
        ),
        sa.PrimaryKeyConstraint("delivery_no", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "system",
            "ticket_id",
            "record_digest",
            name=op.f("uq_deliveries_system_ticket_id_record_digest"),
        ),
    )
    op.create_index(
        op.f("ix_deliveries_system_state_due_unix_us"),
        "deliveries",
        ["system", "state", "due_unix_us"],
        unique=False,
    )
