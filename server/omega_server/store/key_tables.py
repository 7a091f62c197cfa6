"""What happened to keys after they were issued; append-only, as everything that was signed.

    key_rotations      a key follows another: the envelope that both signed
    key_revocations    a key is out of use; a key may have several, the earliest moments count

A first key stands where its owner does (`agents`, `test_points`, `server_state`); every later one
here. That a key is followed by one other only, and follows one only, the database keeps.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from omega_server.store.tables import metadata

_ID = String(64)
_KEY = String(43)
_ROLE = String(16)
_TIME = BigInteger
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

key_rotations = Table(
    "key_rotations",
    metadata,
    Column("rotation_no", _NUMBER, primary_key=True),
    Column("role", _ROLE, nullable=False),
    Column("owner_id", _ID, nullable=False, index=True),
    Column("old_kid", _KEY, nullable=False, unique=True),
    Column("kid", _KEY, nullable=False, unique=True),
    Column("key", _KEY, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("statement", LargeBinary),
    Column("rotated_unix_us", _TIME, nullable=False),
)

key_revocations = Table(
    "key_revocations",
    metadata,
    Column("revocation_no", _NUMBER, primary_key=True),
    Column("role", _ROLE, nullable=False),
    Column("owner_id", _ID, nullable=False),
    Column("kid", _KEY, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("revoked_unix_us", _TIME, nullable=False),
    Column("invalid_since_unix_us", _TIME),
)
