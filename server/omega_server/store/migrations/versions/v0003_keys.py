"""Keys that follow others and keys that were revoked; tokens bound to a device and a sheet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and write down the keys of the agents that were revoked before."""
    _rotations()
    _revocations()
    op.add_column("enrolment_tokens", sa.Column("serial", sa.String(length=64), nullable=True))
    op.add_column("enrolment_tokens", sa.Column("sheet_id", sa.String(length=64), nullable=True))
    op.execute(
        "INSERT INTO key_revocations (role, owner_id, kid, reason, revoked_unix_us)"
        " SELECT 'agent', agent_id, kid, 'the reason stands in the log of the agent',"
        " revoked_unix_us FROM agents WHERE revoked_unix_us IS NOT NULL"
    )


def _rotations() -> None:
    op.create_table(
        "key_rotations",
        sa.Column(
            "rotation_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("old_kid", sa.String(length=43), nullable=False),
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rotation_no", name=op.f("pk_key_rotations")),
        sa.UniqueConstraint("kid", name=op.f("uq_key_rotations_kid")),
        sa.UniqueConstraint("old_kid", name=op.f("uq_key_rotations_old_kid")),
    )
    op.create_index(op.f("ix_key_rotations_owner_id"), "key_rotations", ["owner_id"], unique=False)


def _revocations() -> None:
    op.create_table(
        "key_revocations",
        sa.Column(
            "revocation_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("invalid_since_unix_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("revocation_no", name=op.f("pk_key_revocations")),
    )
    op.create_index(op.f("ix_key_revocations_kid"), "key_revocations", ["kid"], unique=False)
