"""Which ticket is which in the operator's systems, and what was delivered there.

    ticket_links    a ticket of ours and its number in a system
    deliveries      one row for each record of a linked ticket and each system; rows are made from
                    `records` and `ticket_links` whenever somebody looks, so none can be forgotten

A row's `due_unix_us` is when it may be taken; whoever takes it moves that on, and is known by it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from omega_server.store.tables import metadata

__all__ = ["deliveries", "metadata", "ticket_links"]

_ID = String(64)
_DIGEST = String(64)
_EXTERNAL = String(128)
_TIME = BigInteger
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

ticket_links = Table(
    "ticket_links",
    metadata,
    Column("system", _ID, primary_key=True),
    Column("ticket_id", _ID, ForeignKey("tickets.ticket_id"), primary_key=True),
    Column("external_id", _EXTERNAL, nullable=False),
    Column("linked_unix_us", _TIME, nullable=False),
    Index(None, "ticket_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_no", _NUMBER, primary_key=True),
    Column("system", _ID, nullable=False),
    Column("ticket_id", _ID, nullable=False),
    Column("record_digest", _DIGEST, ForeignKey("records.digest"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_unix_us", _TIME, nullable=False),
    Column("changed_unix_us", _TIME, nullable=False),
    Column("code", _ID),
    Column("detail", Text),
    UniqueConstraint("system", "ticket_id", "record_digest"),
    Index(None, "system", "state", "due_unix_us"),
)
