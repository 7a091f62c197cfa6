"""The tables of tests made in a browser.

browser_tests    a row a test; ended once, attached to a ticket once
browser_runs     what the test point sealed of its runs, byte for byte
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
)

from omega_server.store.tables import metadata, tickets

__all__ = ["browser_runs", "browser_tests", "metadata"]

_ID = String(64)

browser_tests = Table(
    "browser_tests",
    metadata,
    Column("test_id", _ID, primary_key=True),
    Column("subscriber_ref", _ID),
    Column("address", _ID, nullable=False),
    Column("began_unix_us", BigInteger, nullable=False),
    Column("ended_unix_us", BigInteger),
    Column("said", Text),
    Column("ticket_id", _ID, ForeignKey(tickets.c.ticket_id), index=True),
    Index(None, "subscriber_ref", "began_unix_us"),
    Index(None, "address", "began_unix_us"),
)

browser_runs = Table(
    "browser_runs",
    metadata,
    Column("test_id", _ID, ForeignKey(browser_tests.c.test_id), primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("task", String(16), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
)
