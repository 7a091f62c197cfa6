"""The tables of people.

accounts        the operator's people; a name is never given twice
people_links    secrets handed out: to set a password, to see one line
people_sessions who is logged in; ended ones are removed
login_tries     how often a name or an address tried lately; few rows, the oldest make room
audit           append-only: who did and saw what
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from omega_server.store.tables import metadata

__all__ = ["accounts", "audit", "login_tries", "metadata", "people_links", "people_sessions"]

_ID = String(64)
_DIGEST = String(64)
_TIME = BigInteger
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", _ID, primary_key=True),
    Column("name", _ID, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("level", Integer),
    Column("language", String(8), nullable=False),
    Column("password_hash", String(256)),
    Column("pin_hash", String(256)),
    Column("pin_tries", Integer, nullable=False),
    Column("oidc_subject", _DIGEST, unique=True),
    Column("created_unix_us", _TIME, nullable=False),
    Column("locked_unix_us", _TIME),
)

people_links = Table(
    "people_links",
    metadata,
    Column("link_no", _NUMBER, primary_key=True),
    Column("link_id", _ID, nullable=False, unique=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("purpose", String(16), nullable=False),
    Column("account_id", _ID, ForeignKey(accounts.c.account_id), index=True),
    Column("subscriber_ref", _ID, ForeignKey("subscribers.subscriber_ref"), index=True),
    Column("made_by", _ID, nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Column("expires_unix_us", _TIME, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("revoked_unix_us", _TIME),
)

people_sessions = Table(
    "people_sessions",
    metadata,
    Column("session_no", _NUMBER, primary_key=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("account_id", _ID, ForeignKey(accounts.c.account_id), index=True),
    Column("subscriber_ref", _ID, ForeignKey("subscribers.subscriber_ref")),
    Column("link_id", _ID, ForeignKey(people_links.c.link_id), index=True),
    Column("language", String(8), nullable=False),
    Column("csrf_secret", String(43), nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Column("used_unix_us", _TIME, nullable=False),
    Column("idle_unix_us", _TIME, nullable=False),
    Column("ends_unix_us", _TIME, nullable=False, index=True),
)

login_tries = Table(
    "login_tries",
    metadata,
    Column("subject", String(8), primary_key=True),
    Column("key", _DIGEST, primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("since_unix_us", _TIME, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_no", _NUMBER, primary_key=True),
    Column("at_unix_us", _TIME, nullable=False),
    Column("who", _ID, nullable=False),
    Column("role", String(16), nullable=False),
    Column("what", String(64), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("subject_id", String(80), nullable=False),
    Column("address", String(45), nullable=False),
    Column("detail", String(200), nullable=False),
    Index(None, "who", "audit_no"),
    Index(None, "subject", "subject_id", "audit_no"),
)
