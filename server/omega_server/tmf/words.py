"""What both of TM Forum's interfaces share: moments as text, and a choice of fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS = frozenset({"id", "href", "@type"})


def moment(unix_us: int) -> str:
    """Return a moment as RFC 3339 text in UTC, with all its microseconds."""
    at = _EPOCH + timedelta(microseconds=unix_us)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def chosen(content: Mapping[str, Any], fields: str | None) -> Json:
    """Return the fields that were asked for, and those that say what it is."""
    if fields is None:
        return dict(content)
    wanted = _ALWAYS | {name.strip() for name in fields.split(",")}
    return {name: value for name, value in content.items() if name in wanted}
