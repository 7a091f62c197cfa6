"""The table of schedules: what agents of a tag, or all, measure by themselves.

schedules       changed once, when it is ended; of those that meet an agent the newest holds
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from omega_server.store.tables import metadata

__all__ = ["metadata", "schedules"]

_ID = String(64)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

schedules = Table(
    "schedules",
    metadata,
    Column("schedule_no", _NUMBER, primary_key=True),
    Column("schedule_id", _ID, nullable=False, unique=True),
    Column("tag", _ID),
    Column("every_s", Integer, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("plan_id", _ID, nullable=False),
    Column("bytes_down", BigInteger, nullable=False),
    Column("bytes_up", BigInteger, nullable=False),
    Column("calm_s", Integer, nullable=False),
    Column("said_by", _ID, nullable=False),
    Column("since_unix_us", BigInteger, nullable=False),
    Column("ended_unix_us", BigInteger),
    Column("ended_by", _ID),
)
