"""Times as people and other programs read them."""

from __future__ import annotations

from datetime import UTC, datetime

from omega_core.units import US_PER_S


def utc(unix_us: int) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return f"{datetime.fromtimestamp(unix_us // US_PER_S, UTC):%Y-%m-%dT%H:%M:%SZ}"
