"""Those who use the pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
    text, number = sa.String(length=64), sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "people_accounts",
        sa.Column("name", text, nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("locked_unix_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people_accounts")),
    )
    op.create_table(
        "people_sessions",
        sa.Column("token_digest", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("csrf", text, nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("used_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_people_sessions")),
    )
    op.create_index(op.f("ix_people_sessions_name"), "people_sessions", ["name"])
    op.create_table(
        "people_invitations",
        sa.Column("name", text, nullable=False),
        sa.Column("token_digest", text, nullable=False),
        sa.Column("expires_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people_invitations")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_people_invitations_token_digest")),
    )
    op.create_table(
        "people_failures",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_people_failures")),
    )
    op.create_index(op.f("ix_people_failures_last_unix_us"), "people_failures", ["last_unix_us"])
    op.create_table(
        "people_audit",
        sa.Column("audit_no", number, nullable=False),
        sa.Column("at_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("who", text, nullable=False),
        sa.Column("what", text, nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("address", text, nullable=False),
        sa.PrimaryKeyConstraint("audit_no", name=op.f("pk_people_audit")),
    )
