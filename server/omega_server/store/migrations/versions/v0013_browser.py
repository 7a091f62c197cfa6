"""Tests made in a browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
    text = sa.String(length=64)
    op.create_table(
        "browser_tests",
        sa.Column("test_id", text, nullable=False),
        sa.Column("subscriber_ref", text, nullable=True),
        sa.Column("address", text, nullable=False),
        sa.Column("began_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_unix_us", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("ticket_id", text, nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.ticket_id"], name=op.f("fk_browser_tests_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("test_id", name=op.f("pk_browser_tests")),
    )
    op.create_index(op.f("ix_browser_tests_ticket_id"), "browser_tests", ["ticket_id"])
    op.create_index(
        op.f("ix_browser_tests_subscriber_ref_began_unix_us"),
        "browser_tests",
        ["subscriber_ref", "began_unix_us"],
    )
    op.create_index(
        op.f("ix_browser_tests_address_began_unix_us"),
        "browser_tests",
        ["address", "began_unix_us"],
    )
    op.create_table(
        "browser_runs",
        sa.Column("test_id", text, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["test_id"],
            ["browser_tests.test_id"],
            name=op.f("fk_browser_runs_test_id_browser_tests"),
        ),
        sa.PrimaryKeyConstraint("test_id", "run", name=op.f("pk_browser_runs")),
    )
