"""On which line an agent stands, and the windows of availability records.

Windows of records that are there already are not made: no release has taken such records yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    _places()
    _windows()


def _places() -> None:
    op.create_table(
        "agent_lines",
        sa.Column("place_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_ref", sa.String(length=64), nullable=True),
        sa.Column("since_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("placed_by", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_agent_lines_agent_id_agents")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_agent_lines_subscriber_ref_subscribers"),
        ),
        sa.PrimaryKeyConstraint("place_no", name=op.f("pk_agent_lines")),
    )
    op.create_index(
        op.f("ix_agent_lines_agent_id_place_no"),
        "agent_lines",
        ["agent_id", "place_no"],
        unique=False,
    )
    op.create_index(
        op.f("ix_agent_lines_subscriber_ref"), "agent_lines", ["subscriber_ref"], unique=False
    )


def _windows() -> None:
    op.create_table(
        "watch_windows",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("agent_kid", sa.String(length=43), nullable=False),
        sa.Column("test_point", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("prev", sa.String(length=64), nullable=True),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=False),
        sa.Column("clock_step_us", sa.BigInteger(), nullable=False),
        sa.Column("outages", sa.Integer(), nullable=False),
        sa.Column("sure_outages", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("is_down", sa.Integer(), nullable=False),
        sa.Column("received_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["records.digest"],
            name=op.f("fk_watch_windows_digest_records"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_watch_windows_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_watch_windows")),
    )
    op.create_index(
        op.f("ix_watch_windows_agent_id_started_us"),
        "watch_windows",
        ["agent_id", "started_us"],
        unique=False,
    )
    op.create_index(
        op.f("ix_watch_windows_agent_id_received_unix_us"),
        "watch_windows",
        ["agent_id", "received_unix_us"],
        unique=False,
    )
