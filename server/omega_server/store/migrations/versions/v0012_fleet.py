"""All lines together: derived from the records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables."""
    text = sa.String(length=64)
    op.create_table(
        "fleet_cursor",
        sa.Column("name", text, nullable=False),
        sa.Column("record_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fleet_cursor")),
    )
    op.create_table(
        "fleet_lines",
        sa.Column("subscriber_ref", text, nullable=False),
        sa.Column("plan_id", text, nullable=False),
        sa.Column("sector", text, nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("digest", text, nullable=False),
        sa.Column("seen_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_ref", name=op.f("pk_fleet_lines")),
    )
    op.create_index(
        op.f("ix_fleet_lines_sector_verdict_subscriber_ref"),
        "fleet_lines",
        ["sector", "verdict", "subscriber_ref"],
    )
    op.create_table(
        "fleet_metrics",
        sa.Column("subscriber_ref", text, nullable=False),
        sa.Column("metric", text, nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("plan_id", text, nullable=False),
        sa.Column("sector", text, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("digest", text, nullable=False),
        sa.Column("value_before", sa.BigInteger(), nullable=True),
        sa.Column("worse_ppm", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subscriber_ref", "metric", name=op.f("pk_fleet_metrics")),
    )
    op.create_index(
        op.f("ix_fleet_metrics_week_metric_worse_ppm_subscriber_ref"),
        "fleet_metrics",
        ["week", "metric", "worse_ppm", "subscriber_ref"],
    )
    op.create_table(
        "fleet_spread",
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("metric", text, nullable=False),
        sa.Column("plan_id", text, nullable=False),
        sa.Column("sector", text, nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "week", "metric", "plan_id", "sector", "bin", name=op.f("pk_fleet_spread")
        ),
    )
