"""Parts of a line's answers that its page and its availability have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omega_core.availability import SeenOutage
from omega_server.keys import states_of
from omega_server.lines.views import OutageView, StandingView, WindowView
from omega_server.store.line_port import Stand
from omega_server.store.port import Store
from omega_server.store.rows import WindowRow


def outage_view(
    outage: SeenOutage, started_us: int, ended_us: int, *, is_over: bool = True
) -> OutageView:
    """Return an outage with its bounds within a time; one that is not over has no end."""
    until_us = outage.until_us if is_over else None
    return OutageView(
        since_unix_us=outage.since_us,
        until_unix_us=until_us,
        least_us=outage.least_us(started_us, ended_us),
        most_us=outage.most_us(started_us, ended_us),
    )


def window_views(store: Store, rows: Sequence[WindowRow]) -> tuple[WindowView, ...]:
    """Return records as they are listed."""
    states = states_of(store, rows)
    return tuple(
        WindowView(
            digest=row.digest,
            agent_id=row.agent_id,
            test_point=row.test_point,
            seq=row.seq,
            started_unix_us=row.started_us,
            ended_unix_us=row.ended_us,
            clock_step_us=row.clock_step_us,
            received_unix_us=row.received_unix_us,
            key_state=states[row.digest],
        )
        for row in rows
    )


def standing_views(
    store: Store, stands: Iterable[Stand], now_unix_us: int
) -> tuple[StandingView, ...]:
    """Return who stood on the line, and whether they are connected now."""
    return tuple(_standing(store, stand, now_unix_us) for stand in stands)


def _standing(store: Store, stand: Stand, now_unix_us: int) -> StandingView:
    row = store.presence.presence(stand.agent_id)
    return StandingView(
        agent_id=stand.agent_id,
        since_unix_us=stand.since_unix_us,
        until_unix_us=stand.until_unix_us,
        is_connected=row is not None and row.connected_until_unix_us >= now_unix_us,
        seen_unix_us=row.seen_unix_us if row else None,
    )
