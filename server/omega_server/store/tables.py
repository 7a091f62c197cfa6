"""The tables. What is derived (a sheet's state, an attempt without a record) is not stored.

    enrolment_tokens --> agents --+--> grants --> observations
    test_points                   |      |
    subscribers --> sheets  ------+------+--> records      append-only, byte for byte
                +-> tickets ------+------+
    events          append-only log of every sheet, ticket, subscriber and agent; a `place` is
                    taken once, so of two who read the same log and write, the second is refused
    log_entries     the transparency log: what its leaves are about, in their order
    log_hashes      its tree: complete subtrees in the order they came into being
    log_checkpoints its newest signed checkpoint
    profiles        every version ever granted, kept for ever
    request_nonces  session requests seen lately, against replay
    number_series   FI-2026-000001 and its like
    key_rotations, key_revocations    what happened to keys: see `key_tables`

Bytes that were signed are kept as they came, in `LargeBinary`; JSON of our own is text. Times are
microseconds since 1970, UTC. Text from outside is stored only where a pattern has been checked: a
NUL would be refused by PostgreSQL and not by SQLite.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

_ID = String(64)
_DIGEST = String(64)
_KEY = String(43)
_TIME = BigInteger
# SQLite counts up only a primary key of exactly this type.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

server_state = Table(
    "server_state",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("value", Text, nullable=False),
)

number_series = Table(
    "number_series",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("last", Integer, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("agent_id", _ID, primary_key=True),
    Column("kid", _KEY, nullable=False, unique=True),
    Column("key", _KEY, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("enrolled_unix_us", _TIME, nullable=False),
    Column("revoked_unix_us", _TIME),
)

enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("created_unix_us", _TIME, nullable=False),
    Column("expires_unix_us", _TIME, nullable=False),
    Column("used_unix_us", _TIME),
    Column("used_by_kid", _KEY),
    Column("serial", _ID),
    Column("sheet_id", _ID),
)

test_points = Table(
    "test_points",
    metadata,
    Column("test_point_id", _ID, primary_key=True),
    Column("kid", _KEY, nullable=False, unique=True),
    Column("key", _KEY, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("added_unix_us", _TIME, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("subscriber_ref", _ID, primary_key=True),
    Column("plan_id", _ID, nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Column("activated_unix_us", _TIME),
)

sheets = Table(
    "sheets",
    metadata,
    Column("sheet_id", _ID, primary_key=True),
    Column("subscriber_ref", _ID, ForeignKey(subscribers.c.subscriber_ref), nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Index(None, "subscriber_ref"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", _ID, primary_key=True),
    Column("subscriber_ref", _ID, ForeignKey(subscribers.c.subscriber_ref), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Index(None, "subscriber_ref"),
)

events = Table(
    "events",
    metadata,
    Column("event_no", _NUMBER, primary_key=True),
    Column("subject", String(16), nullable=False),
    Column("subject_id", _ID, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at_unix_us", _TIME, nullable=False),
    Column("content", Text, nullable=False),
    Column("place", Integer),
    Index(None, "subject", "subject_id", "event_no"),
    Index(None, "subject", "subject_id", "place", unique=True),
)

profiles = Table(
    "profiles",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("profile_id", _ID, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("added_unix_us", _TIME, nullable=False),
    UniqueConstraint("profile_id", "version"),
)

request_nonces = Table(
    "request_nonces",
    metadata,
    Column("kid", _KEY, primary_key=True),
    Column("nonce", _KEY, primary_key=True),
    Column("expires_unix_us", _TIME, nullable=False, index=True),
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", _ID, primary_key=True),
    Column("session_id", _ID, nullable=False, unique=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("agent_id", _ID, ForeignKey(agents.c.agent_id)),
    Column("agent_kid", _KEY, nullable=False, index=True),
    Column("agent_key", _KEY, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("sheet_id", _ID, ForeignKey(sheets.c.sheet_id), index=True),
    Column("ticket_id", _ID, ForeignKey(tickets.c.ticket_id), index=True),
    Column("profile_digest", _DIGEST, ForeignKey(profiles.c.digest)),
    Column("quota_prefix", String(45)),
    Column("issued_unix_us", _TIME, nullable=False),
    Index(None, "quota_prefix", "issued_unix_us"),
)

observations = Table(
    "observations",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("session_id", _ID, nullable=False, unique=True),
    Column("grant_digest", _DIGEST, ForeignKey(grants.c.digest), nullable=False, unique=True),
    Column("test_point_id", _ID, ForeignKey(test_points.c.test_point_id), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("received_unix_us", _TIME, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("record_no", _NUMBER, primary_key=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("envelope_digest", _DIGEST, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("grant_digest", _DIGEST, ForeignKey(grants.c.digest), unique=True),
    Column("session_id", _ID),
    Column("agent_id", _ID, ForeignKey(agents.c.agent_id)),
    Column("agent_kid", _KEY, nullable=False, index=True),
    Column("mode", String(16), nullable=False),
    Column("sheet_id", _ID, ForeignKey(sheets.c.sheet_id), index=True),
    Column("ticket_id", _ID, ForeignKey(tickets.c.ticket_id), index=True),
    Column("observers", String(32), nullable=False),
    Column("verdict", String(16)),
    Column("judgement", Text),
    Column("received_unix_us", _TIME, nullable=False),
    Column("seq", BigInteger),
    Column("clock_offset_us", BigInteger),
    Index(None, "agent_id", "seq", unique=True),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("log_index", _NUMBER, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("digest", _DIGEST, nullable=False),
    Column("envelope_digest", _DIGEST, nullable=False),
    UniqueConstraint("digest", "kind"),
)

log_hashes = Table(
    "log_hashes",
    metadata,
    Column("position", _NUMBER, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("origin", String(128), primary_key=True),
    Column("note", Text, nullable=False),
)
