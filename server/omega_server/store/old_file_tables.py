"""The table of rows that were taken over from old files.

taken_rows      never changed; `personal` is JSON of its own, so that it can be read apart
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from omega_server.store.tables import metadata

__all__ = ["metadata", "taken_rows"]

_ID = String(64)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

taken_rows = Table(
    "taken_rows",
    metadata,
    Column("taken_no", _NUMBER, primary_key=True),
    Column("digest", _ID, nullable=False, unique=True),
    Column("file_digest", _ID, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column(
        "subscriber_ref",
        _ID,
        ForeignKey("subscribers.subscriber_ref"),
        nullable=False,
        unique=True,
    ),
    Column("sheet_id", _ID, ForeignKey("sheets.sheet_id"), nullable=False, unique=True),
    Column("cpe_serial", _ID, index=True),
    Column("cpe_mac", _ID, index=True),
    Column("content", Text, nullable=False),
    Column("personal", Text, nullable=False),
    Column("missing", Text, nullable=False),
    Column("taken_unix_us", BigInteger, nullable=False),
    Column("taken_by", _ID, nullable=False),
)
