"""The place of an entry in the log of its subject: taken once.

Null for the entries that are there already, and for those that need none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; each place of a subject is taken once."""
    op.add_column("events", sa.Column("place", sa.Integer(), nullable=True))
    op.create_index(
        op.f("ix_events_subject_subject_id_place"),
        "events",
        ["subject", "subject_id", "place"],
        unique=True,
    )
