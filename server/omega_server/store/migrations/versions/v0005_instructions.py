"""What agents are told, what came of it, who is there to be told, and who must be quiet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; nothing that is there changes."""
    _instructions()
    _events()
    _presence()
    _tags()
    _suppressions()


def _instructions() -> None:
    op.create_table(
        "instructions",
        sa.Column("instruction_no", _NUMBER, nullable=False),
        sa.Column("instruction_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("sheet_id", sa.String(length=64), nullable=True),
        sa.Column("ticket_id", sa.String(length=64), nullable=True),
        sa.Column("issued_by", sa.String(length=64), nullable=False),
        sa.Column("alike", sa.String(length=160), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("issued_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("not_after_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("taken_by", sa.String(length=22), nullable=True),
        sa.Column("ended_as", sa.String(length=16), nullable=True),
        sa.Column("ended_unix_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_instructions_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("instruction_no", name=op.f("pk_instructions")),
        sa.UniqueConstraint("instruction_id", name=op.f("uq_instructions_instruction_id")),
    )
    op.create_index(
        op.f("ix_instructions_agent_id_ended_unix_us_instruction_no"),
        "instructions",
        ["agent_id", "ended_unix_us", "instruction_no"],
    )
    op.create_index(
        op.f("ix_instructions_ticket_id_instruction_no"),
        "instructions",
        ["ticket_id", "instruction_no"],
    )


def _events() -> None:
    op.create_table(
        "instruction_events",
        sa.Column("event_no", _NUMBER, nullable=False),
        sa.Column("instruction_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("instance", sa.String(length=22), nullable=True),
        sa.Column("report_no", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("until_unix_us", sa.BigInteger(), nullable=True),
        sa.Column("record_digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["instruction_id"],
            ["instructions.instruction_id"],
            name=op.f("fk_instruction_events_instruction_id_instructions"),
        ),
        sa.PrimaryKeyConstraint("event_no", name=op.f("pk_instruction_events")),
        sa.UniqueConstraint(
            "instruction_id",
            "instance",
            "report_no",
            name=op.f("uq_instruction_events_instruction_id_instance_report_no"),
        ),
    )
    op.create_index(
        op.f("ix_instruction_events_instruction_id_event_no"),
        "instruction_events",
        ["instruction_id", "event_no"],
    )


def _presence() -> None:
    op.create_table(
        "agent_presence",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("instance", sa.String(length=22), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("software", sa.String(length=64), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("raw_sockets", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("seen_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("connected_until_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_twice_unix_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_agent_presence_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_presence")),
    )
    op.create_table(
        "agent_signals",
        sa.Column("signal_no", _NUMBER, nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("signal_no", name=op.f("pk_agent_signals")),
    )


def _tags() -> None:
    op.create_table(
        "agent_tags",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.agent_id"], name=op.f("fk_agent_tags_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("agent_id", "tag", name=op.f("pk_agent_tags")),
    )
    op.create_index(op.f("ix_agent_tags_tag_agent_id"), "agent_tags", ["tag", "agent_id"])


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("suppression_no", _NUMBER, nullable=False),
        sa.Column("suppression_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_by", sa.String(length=64), nullable=False),
        sa.Column("stop_running", sa.Integer(), nullable=False),
        sa.Column("since_unix_us", sa.BigInteger(), nullable=False),
        sa.Column("until_unix_us", sa.BigInteger(), nullable=True),
        sa.Column("lifted_unix_us", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("suppression_no", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("suppression_id", name=op.f("uq_suppressions_suppression_id")),
    )
