"""The tables of what agents are told, and of who is there to be told.

    agents --+--> instructions --> instruction_events   append-only: issued, handed out, reports
             +--> agent_presence    where each was last seen; rewritten, may lag by seconds
             +--> agent_tags        what agents are called together by
    suppressions    when agents of a tag, or all, must not measure
    agent_signals   for whom something new was written: what a waiting process looks at

An instruction's row is changed twice at most: when one daemon has taken it, and when it has ended.
Both are compared and set, so of several that try one succeeds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from omega_server.store.tables import agents, metadata

_ID = String(64)
_INSTANCE = String(22)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

instructions = Table(
    "instructions",
    metadata,
    Column("instruction_no", _NUMBER, primary_key=True),
    Column("instruction_id", _ID, nullable=False, unique=True),
    Column("agent_id", _ID, ForeignKey(agents.c.agent_id), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("sheet_id", _ID),
    Column("ticket_id", _ID),
    Column("issued_by", _ID, nullable=False),
    Column("alike", String(160), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("issued_unix_us", BigInteger, nullable=False),
    Column("not_after_unix_us", BigInteger, nullable=False),
    Column("taken_by", _INSTANCE),
    Column("ended_as", String(16)),
    Column("ended_unix_us", BigInteger),
    Index(None, "agent_id", "ended_unix_us", "instruction_no"),
    Index(None, "ticket_id", "instruction_no"),
)

instruction_events = Table(
    "instruction_events",
    metadata,
    Column("event_no", _NUMBER, primary_key=True),
    Column("instruction_id", _ID, ForeignKey(instructions.c.instruction_id), nullable=False),
    Column("agent_id", _ID, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at_unix_us", BigInteger, nullable=False),
    Column("by", _ID),
    Column("instance", _INSTANCE),
    Column("report_no", Integer),
    Column("code", _ID),
    Column("detail", Text),
    Column("until_unix_us", BigInteger),
    Column("record_digest", String(64)),
    UniqueConstraint("instruction_id", "instance", "report_no"),
    Index(None, "instruction_id", "event_no"),
)

agent_presence = Table(
    "agent_presence",
    metadata,
    Column("agent_id", _ID, ForeignKey(agents.c.agent_id), primary_key=True),
    Column("instance", _INSTANCE, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("software", _ID, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("raw_sockets", Integer, nullable=False),
    Column("address", String(45), nullable=False),
    Column("seen_unix_us", BigInteger, nullable=False),
    Column("connected_until_unix_us", BigInteger, nullable=False),
    Column("seen_twice_unix_us", BigInteger),
)

agent_signals = Table(
    "agent_signals",
    metadata,
    Column("signal_no", _NUMBER, primary_key=True),
    Column("agent_id", _ID, nullable=False),
)

agent_tags = Table(
    "agent_tags",
    metadata,
    Column("agent_id", _ID, ForeignKey(agents.c.agent_id), primary_key=True),
    Column("tag", _ID, primary_key=True),
    Index(None, "tag", "agent_id"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("suppression_no", _NUMBER, primary_key=True),
    Column("suppression_id", _ID, nullable=False, unique=True),
    Column("tag", _ID),
    Column("reason", Text, nullable=False),
    Column("said_by", _ID, nullable=False),
    Column("stop_running", Integer, nullable=False),
    Column("since_unix_us", BigInteger, nullable=False),
    Column("until_unix_us", BigInteger),
    Column("lifted_unix_us", BigInteger),
    Column("lifted_by", _ID),
)
