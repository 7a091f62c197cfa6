"""Names the server gives: for machines, and for people."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from uuid import UUID

from omega_core.units import US_PER_MS, US_PER_S


def uuid7(now_unix_us: int) -> str:
    """Return a UUID version 7 (RFC 9562 section 5.7): milliseconds first, so that ids sort."""
    milliseconds = now_unix_us // US_PER_MS
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76
    value |= secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


def day_of(now_unix_us: int) -> date:
    """Return the UTC day of a moment."""
    return datetime.fromtimestamp(now_unix_us // US_PER_S, tz=UTC).date()


def sheet_number(year: int, number: int) -> str:
    """Return an installation sheet's number: FI-yyyy-nnnnnn."""
    return f"FI-{year:04d}-{number:06d}"


def ticket_number(year: int, number: int) -> str:
    """Return a ticket's number: TT-yyyy-nnnnnn."""
    return f"TT-{year:04d}-{number:06d}"


def agent_name(number: int) -> str:
    """Return a measurement agent's MA-ID: MA-nnnnnn."""
    return f"MA-{number:06d}"
