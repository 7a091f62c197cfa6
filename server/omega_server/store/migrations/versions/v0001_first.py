"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them, in the order of their references."""
    _installation()
    _enrolment()
    _cases()
    _grants()
    _records()


def _installation() -> None:
    """Values about the installation, and number series."""
    op.create_table(
        "server_state",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server_state")),
    )
    op.create_table(
        "number_series",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_series")),
    )


def _enrolment() -> None:
    """Tokens, agents, test points."""
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_unix_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agents")),
        sa.UniqueConstraint("kid", name=op.f("uq_agents_kid")),
    )
    op.create_table(
        "enrolment_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("used_unix_us", sa.BigInteger(), nullable=True),
        sa.Column("used_by_kid", sa.String(length=43), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_enrolment_tokens")),
    )
    op.create_table(
        "test_points",
        sa.Column("test_point_id", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("added_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("test_point_id", name=op.f("pk_test_points")),
        sa.UniqueConstraint("kid", name=op.f("uq_test_points_kid")),
    )


def _cases() -> None:
    """Subscribers, sheets, tickets and their logs."""
    op.create_table(
        "subscribers",
        sa.Column("subscriber_ref", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("activated_unix_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subscriber_ref", name=op.f("pk_subscribers")),
    )
    op.create_table(
        "sheets",
        sa.Column("sheet_id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_ref", sa.String(length=64), nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_sheets_subscriber_ref_subscribers"),
        ),
        sa.PrimaryKeyConstraint("sheet_id", name=op.f("pk_sheets")),
    )
    op.create_index(op.f("ix_sheets_subscriber_ref"), "sheets", ["subscriber_ref"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_ref", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_ref"],
            ["subscribers.subscriber_ref"],
            name=op.f("fk_tickets_subscriber_ref_subscribers"),
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_subscriber_ref"), "tickets", ["subscriber_ref"], unique=False)
    op.create_table(
        "events",
        sa.Column("event_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_no", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_subject_subject_id_event_no"),
        "events",
        ["subject", "subject_id", "event_no"],
        unique=False,
    )


def _grants() -> None:
    """Profiles, grants and what keeps a request from being used twice."""
    op.create_table(
        "profiles",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_profiles")),
        sa.UniqueConstraint("profile_id", "version", name=op.f("uq_profiles_profile_id_version")),
    )
    op.create_table(
        "request_nonces",
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("expires_unix_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid", "nonce", name=op.f("pk_request_nonces")),
    )
    op.create_index(
        op.f("ix_request_nonces_expires_unix_us"),
        "request_nonces",
        ["expires_unix_us"],
        unique=False,
    )
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("agent_kid", sa.String(length=43), nullable=False),
        sa.Column("agent_key", sa.String(length=43), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("sheet_id", sa.String(length=64), nullable=True),
        sa.Column("ticket_id", sa.String(length=64), nullable=True),
        sa.Column("profile_digest", sa.String(length=64), nullable=True),
        sa.Column("quota_prefix", sa.String(length=45), nullable=True),
        sa.Column("issued_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_grants_agent_id_agents")
        ),
        sa.ForeignKeyConstraint(
            ["profile_digest"], ["profiles.digest"], name=op.f("fk_grants_profile_digest_profiles")
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["sheets.sheet_id"], name=op.f("fk_grants_sheet_id_sheets")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.ticket_id"], name=op.f("fk_grants_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
        sa.UniqueConstraint("digest", name=op.f("uq_grants_digest")),
        sa.UniqueConstraint("session_id", name=op.f("uq_grants_session_id")),
    )
    op.create_index(op.f("ix_grants_agent_kid"), "grants", ["agent_kid"], unique=False)
    op.create_index(
        op.f("ix_grants_quota_prefix_issued_unix_us"),
        "grants",
        ["quota_prefix", "issued_unix_us"],
        unique=False,
    )
    op.create_index(op.f("ix_grants_sheet_id"), "grants", ["sheet_id"], unique=False)
    op.create_index(op.f("ix_grants_ticket_id"), "grants", ["ticket_id"], unique=False)


def _records() -> None:
    """What came of a grant: the test point's counts and the record."""
    op.create_table(
        "observations",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("grant_digest", sa.String(length=64), nullable=False),
        sa.Column("test_point_id", sa.String(length=64), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_digest"], ["grants.digest"], name=op.f("fk_observations_grant_digest_grants")
        ),
        sa.ForeignKeyConstraint(
            ["test_point_id"],
            ["test_points.test_point_id"],
            name=op.f("fk_observations_test_point_id_test_points"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_observations")),
        sa.UniqueConstraint("grant_digest", name=op.f("uq_observations_grant_digest")),
        sa.UniqueConstraint("session_id", name=op.f("uq_observations_session_id")),
    )
    op.create_table(
        "records",
        sa.Column(
            "record_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("envelope_digest", sa.String(length=64), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("grant_digest", sa.String(length=64), nullable=True),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("agent_kid", sa.String(length=43), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("sheet_id", sa.String(length=64), nullable=True),
        sa.Column("ticket_id", sa.String(length=64), nullable=True),
        sa.Column("observers", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("judgement", sa.Text(), nullable=True),
        sa.Column("received_unix_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_records_agent_id_agents")
        ),
        sa.ForeignKeyConstraint(
            ["grant_digest"], ["grants.digest"], name=op.f("fk_records_grant_digest_grants")
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["sheets.sheet_id"], name=op.f("fk_records_sheet_id_sheets")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.ticket_id"], name=op.f("fk_records_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("record_no", name=op.f("pk_records")),
        sa.UniqueConstraint("digest", name=op.f("uq_records_digest")),
        sa.UniqueConstraint("grant_digest", name=op.f("uq_records_grant_digest")),
    )
    op.create_index(op.f("ix_records_agent_kid"), "records", ["agent_kid"], unique=False)
    op.create_index(op.f("ix_records_sheet_id"), "records", ["sheet_id"], unique=False)
    op.create_index(op.f("ix_records_ticket_id"), "records", ["ticket_id"], unique=False)
