"""On which line an agent stands, and the windows of its watch.

agent_lines      append-only: an agent stands where its newest row says, from then on; a row
                 without a subscriber says that it stands on no line any more
watch_windows    one row for each availability record, written with it: times and chain, so
                 that nobody opens records to find those of a month
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from omega_server.store.tables import metadata

__all__ = ["agent_lines", "metadata", "watch_windows"]

_ID = String(64)
_DIGEST = String(64)
_KEY = String(43)
_TIME = BigInteger
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

agent_lines = Table(
    "agent_lines",
    metadata,
    Column("place_no", _NUMBER, primary_key=True),
    Column("agent_id", _ID, ForeignKey("agents.agent_id"), nullable=False),
    Column("subscriber_ref", _ID, ForeignKey("subscribers.subscriber_ref")),
    Column("since_unix_us", _TIME, nullable=False),
    Column("placed_by", String(16), nullable=False),
    Index(None, "agent_id", "place_no"),
    Index(None, "subscriber_ref"),
)

watch_windows = Table(
    "watch_windows",
    metadata,
    Column("digest", _DIGEST, ForeignKey("records.digest"), primary_key=True),
    Column("agent_id", _ID, ForeignKey("agents.agent_id"), nullable=False),
    Column("agent_kid", _KEY, nullable=False),
    Column("test_point", _ID, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("prev", _DIGEST),
    Column("started_us", _TIME, nullable=False),
    Column("ended_us", _TIME, nullable=False),
    Column("clock_step_us", BigInteger, nullable=False),
    Column("outages", Integer, nullable=False),
    Column("sure_outages", Integer, nullable=False),
    Column("gaps", Integer, nullable=False),
    Column("is_down", Integer, nullable=False),
    Column("received_unix_us", _TIME, nullable=False),
    Index(None, "agent_id", "started_us"),
    Index(None, "agent_id", "received_unix_us"),
)
