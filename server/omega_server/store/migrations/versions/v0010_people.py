"""People: accounts, private links, sessions, tries to log in, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ID = sa.String(length=64)


def upgrade() -> None:
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _accounts()
    _links(number)
    _sessions(number)
    _tries()
    _audit(number)


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("name", _ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=True),
        sa.Column("pin_hash", sa.String(length=256), nullable=True),
        sa.Column("pin_tries", sa.Integer(), nullable=False),
        sa.Column("oidc_subject", _ID, nullable=True),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("locked_unix_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_accounts_oidc_subject")),
    )


def _links(number: sa.types.TypeEngine[int]) -> None:
    op.create_table(
        "people_links",
        sa.Column("link_no", number, nullable=False),
        sa.Column("link_id", _ID, nullable=False),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("account_id", _ID, nullable=True),
        sa.Column("subscriber_ref", _ID, nullable=True),
        sa.Column("made_by", _ID, nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("revoked_unix_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name=op.f("fk_people_links_account_id_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_people_links_subscriber_ref_subscribers"),
        ),
        sa.PrimaryKeyConstraint("link_no", name=op.f("pk_people_links")),
        sa.UniqueConstraint("link_id", name=op.f("uq_people_links_link_id")),
        sa.UniqueConstraint("digest", name=op.f("uq_people_links_digest")),
    )
    op.create_index(op.f("ix_people_links_account_id"), "people_links", ["account_id"])
    op.create_index(op.f("ix_people_links_subscriber_ref"), "people_links", ["subscriber_ref"])


def _sessions(number: sa.types.TypeEngine[int]) -> None:
    op.create_table(
        "people_sessions",
        sa.Column("session_no", number, nullable=False),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=True),
        sa.Column("subscriber_ref", _ID, nullable=True),
        sa.Column("link_id", _ID, nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("csrf_secret", sa.String(length=43), nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("used_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("ends_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name=op.f("fk_people_sessions_account_id_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_people_sessions_subscriber_ref_subscribers"),
        ),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["people_links.link_id"],
            name=op.f("fk_people_sessions_link_id_people_links"),
        ),
        sa.PrimaryKeyConstraint("session_no", name=op.f("pk_people_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_people_sessions_digest")),
    )
    for column in ("account_id", "link_id", "ends_unix_us"):
        op.create_index(op.f(f"ix_people_sessions_{column}"), "people_sessions", [column])


def _tries() -> None:
    op.create_table(
        "login_tries",
        sa.Column("subject", sa.String(length=8), nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name=op.f("pk_login_tries")),
    )
    op.create_index(op.f("ix_login_tries_since_unix_us"), "login_tries", ["since_unix_us"])


def _audit(number: sa.types.TypeEngine[int]) -> None:
    op.create_table(
        "audit",
        sa.Column("audit_no", number, nullable=False),
        sa.Column("at_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("who", _ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("audit_no", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_who_audit_no"), "audit", ["who", "audit_no"])
    op.create_index(
        op.f("ix_audit_subject_subject_id_audit_no"), "audit", ["subject", "subject_id", "audit_no"]
    )
