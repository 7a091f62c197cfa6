"""A record's place in its device's chain, and how far the device's clock was off.

Both stand in the record, and are null for those that are there already: nothing is read again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; of each device a place is taken once from now on."""
    op.add_column("records", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.add_column("records", sa.Column("clock_offset_us", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_records_agent_id_seq"), "records", ["agent_id", "seq"], unique=True)
