"""Suppression (RFC 7594 section 5.2.3): agents of a tag, or all, must not measure for a time."""

from __future__ import annotations

from omega_core.instruction import Suppression
from omega_core.units import US_PER_S
from omega_server.ids import uuid7
from omega_server.instructing.wishes import SuppressionsView, SuppressionView, SuppressionWish
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError
from omega_server.store.instruction_port import SuppressionRow
from omega_server.store.port import Store


def suppress(store: Store, wish: SuppressionWish, now_unix_us: int) -> SuppressionView:
    """Keep a suppression from now on."""
    until = None if wish.duration_s is None else now_unix_us + wish.duration_s * US_PER_S
    row = SuppressionRow(
        suppression_id=uuid7(now_unix_us),
        tag=wish.tag,
        reason=wish.reason,
        said_by=wish.by,
        stop_running=wish.stop_running,
        since_unix_us=now_unix_us,
        until_unix_us=until,
    )
    store.presence.suppress(row)
    return _view(row, now_unix_us)


def lift(store: Store, suppression_id: str, by: str, now_unix_us: int) -> SuppressionView:
    """End a suppression; raises RefusalError `suppression_unknown`."""
    try:
        row = store.presence.lift(suppression_id, by=by, at_unix_us=now_unix_us)
    except NotThereError as error:
        raise RefusalError(Code.SUPPRESSION_UNKNOWN, str(error)) from error
    return _view(row, now_unix_us)


def every(store: Store, now_unix_us: int) -> SuppressionsView:
    """Return every suppression there ever was."""
    rows = store.presence.suppressions()
    return SuppressionsView(suppressions=tuple(_view(row, now_unix_us) for row in rows))


def in_force(store: Store, agent_id: str, now_unix_us: int) -> Suppression | None:
    """Return what an agent is told: of several suppressions the one that lasts longest.

    What has begun is stopped where any of them says so.
    """
    current = [row for row in store.presence.suppressions() if _holds(row, now_unix_us)]
    if not current:
        return None
    tags = store.presence.tags_of(agent_id)
    mine = [row for row in current if row.tag is None or row.tag in tags]
    if not mine:
        return None
    longest = max(mine, key=_ends)
    return Suppression(
        reason=longest.reason,
        until_unix_us=longest.until_unix_us,
        stop_running=any(row.stop_running for row in mine),
    )


def _ends(row: SuppressionRow) -> float:
    return float("inf") if row.until_unix_us is None else row.until_unix_us


def _holds(row: SuppressionRow, now_unix_us: int) -> bool:
    if row.lifted_unix_us is not None:
        return False
    return row.until_unix_us is None or row.until_unix_us > now_unix_us


def _view(row: SuppressionRow, now_unix_us: int) -> SuppressionView:
    return SuppressionView(
        suppression_id=row.suppression_id,
        tag=row.tag,
        reason=row.reason,
        said_by=row.said_by,
        stop_running=row.stop_running,
        since_unix_us=row.since_unix_us,
        until_unix_us=row.until_unix_us,
        lifted_unix_us=row.lifted_unix_us,
        lifted_by=row.lifted_by,
        is_in_force=_holds(row, now_unix_us),
    )
