"""The tables of all lines together; everything but the sectors can be made again from the records.

fleet_cursor     one row: how far the records have been tallied
fleet_lines      a row a line: how it was seen last
fleet_metrics    a row a line's metric: its newest week, and what it was before
fleet_spread     how many lines of a plan and sector had a value in a bin, week by week
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from omega_server.store.tables import metadata

__all__ = ["fleet_cursor", "fleet_lines", "fleet_metrics", "fleet_spread", "metadata"]

_ID = String(64)
_METRIC = String(64)

fleet_cursor = Table(
    "fleet_cursor",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("record_no", BigInteger, nullable=False),
)

fleet_lines = Table(
    "fleet_lines",
    metadata,
    Column("subscriber_ref", _ID, primary_key=True),
    Column("plan_id", _ID, nullable=False),
    Column("sector", _ID, nullable=False),
    Column("verdict", String(16)),
    Column("digest", _ID, nullable=False),
    Column("seen_unix_us", BigInteger, nullable=False),
    Index(None, "sector", "verdict", "subscriber_ref"),
)

fleet_metrics = Table(
    "fleet_metrics",
    metadata,
    Column("subscriber_ref", _ID, primary_key=True),
    Column("metric", _METRIC, primary_key=True),
    Column("week", Integer, nullable=False),
    Column("plan_id", _ID, nullable=False),
    Column("sector", _ID, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("digest", _ID, nullable=False),
    Column("value_before", BigInteger),
    Column("worse_ppm", BigInteger),
    Index(None, "week", "metric", "worse_ppm", "subscriber_ref"),
)

fleet_spread = Table(
    "fleet_spread",
    metadata,
    Column("week", Integer, primary_key=True),
    Column("metric", _METRIC, primary_key=True),
    Column("plan_id", _ID, primary_key=True),
    Column("sector", _ID, primary_key=True),
    Column("bin", Integer, primary_key=True),
    Column("lines", BigInteger, nullable=False),
)
