"""The tables of those who use the pages.

people_accounts       a row an account, changed in place; what was changed is in the audit
people_sessions       who is logged in
people_invitations    links by which a password is set
people_failures       failed logins, by account and by address
people_audit          only grows
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from omega_server.store.tables import metadata

__all__ = [
    "metadata",
    "people_accounts",
    "people_audit",
    "people_failures",
    "people_invitations",
    "people_sessions",
]

_ID = String(64)
_TIME = BigInteger
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

people_accounts = Table(
    "people_accounts",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("role", String(32), nullable=False),
    Column("level", Integer, nullable=False),
    Column("language", String(8)),
    Column("password_hash", Text),
    Column("pin_hash", Text),
    Column("created_unix_us", _TIME, nullable=False),
    Column("locked_unix_us", _TIME),
)

people_sessions = Table(
    "people_sessions",
    metadata,
    Column("token_digest", _ID, primary_key=True),
    Column("name", _ID, nullable=False),
    Column("csrf", _ID, nullable=False),
    Column("created_unix_us", _TIME, nullable=False),
    Column("used_unix_us", _TIME, nullable=False),
    Column("expires_unix_us", _TIME, nullable=False),
    Index(None, "name"),
)

people_invitations = Table(
    "people_invitations",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("token_digest", _ID, nullable=False, unique=True),
    Column("expires_unix_us", _TIME, nullable=False),
)

people_failures = Table(
    "people_failures",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_unix_us", _TIME, nullable=False),
    Index(None, "last_unix_us"),
)

people_audit = Table(
    "people_audit",
    metadata,
    Column("audit_no", _NUMBER, primary_key=True),
    Column("at_unix_us", _TIME, nullable=False),
    Column("who", _ID, nullable=False),
    Column("what", _ID, nullable=False),
    Column("subject", String(128), nullable=False),
    Column("address", _ID, nullable=False),
)
