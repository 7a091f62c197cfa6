"""A line's page: who stands there, what is known of this moment, what happened last.

An outage that is under way can't be told over the line it is on: what the server knows of this
moment is whether an agent is connected, and else what its newest record ended with. The page says
which of the two it is, and never takes silence for an outage.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_core.facts import INTEGER_MAX
from omega_core.limits import LINE_TICKETS_MAX
from omega_server import subscribers
from omega_server.lines.showing import outage_view, standing_views, window_views
from omega_server.lines.views import (
    KnownNow,
    LastOutageView,
    LastRecordView,
    LineView,
    StandingView,
)
from omega_server.lines.watching import opened
from omega_server.store.line_port import Stand
from omega_server.store.port import Store
from omega_server.store.rows import WindowRow
from omega_server.ticket_life.entry import entries_of
from omega_server.ticket_life.life import life_of
from omega_server.views import PlanView


def page_of(store: Store, subscriber_ref: str, now_unix_us: int) -> LineView:
    """Return a line's page; raises RefusalError `subscriber_unknown`."""
    subscriber = subscribers.known(store, subscriber_ref)
    stands = store.lines.stands(subscriber_ref)
    standing = [stand for stand in stands if stand.until_unix_us is None]
    agents = standing_views(store, standing, now_unix_us)
    newest = _newest_window(store, standing)
    tickets = store.cases.tickets(subscriber_ref=subscriber_ref)
    return LineView(
        subscriber_ref=subscriber_ref,
        plan=PlanView(id=subscriber.plan_id, activated_unix_us=subscriber.activated_unix_us),
        known_now=_known_now(agents, newest),
        agents=agents,
        newest_window=window_views(store, [newest])[0] if newest else None,
        last_outage=_last_outage(store, stands),
        last_record=_last_record(store, subscriber_ref),
        open_tickets=_open(store, [row.ticket_id for row in tickets[-LINE_TICKETS_MAX:]]),
        tickets_count=len(tickets),
        sheets=tuple(row.sheet_id for row in store.cases.sheets(subscriber_ref)),
        availability=f"/v1/lines/{subscriber_ref}/availability",
    )


def _known_now(agents: Sequence[StandingView], newest: WindowRow | None) -> KnownNow:
    if not agents:
        return "nobody_watches"
    if any(agent.is_connected for agent in agents):
        return "connected"
    if newest is None or not newest.is_down:
        return "silent"
    # What was posted late may be of a time before the agent stood here.
    was_here = any(
        agent.agent_id == newest.agent_id and agent.since_unix_us < newest.ended_us
        for agent in agents
    )
    return "down_in_newest_record" if was_here else "silent"


def _newest_window(store: Store, standing: Sequence[Stand]) -> WindowRow | None:
    found = (
        store.lines.last_window(stand.agent_id, since_unix_us=stand.since_unix_us)
        for stand in standing
    )
    return max((row for row in found if row), key=lambda row: row.received_unix_us, default=None)


def _last_outage(store: Store, stands: Sequence[Stand]) -> LastOutageView | None:
    found = (_last_outage_of(store, stand) for stand in stands)
    told = [each for each in found if each is not None]
    return max(told, key=lambda each: each.outage.since_unix_us, default=None)


def _last_outage_of(store: Store, stand: Stand) -> LastOutageView | None:
    since_us = stand.since_unix_us
    until_us = INTEGER_MAX if stand.until_unix_us is None else stand.until_unix_us
    row = store.lines.newest_window(
        stand.agent_id, from_us=since_us, to_us=until_us, with_outage=True
    )
    while row is not None:
        ended_us = min(row.ended_us, until_us)
        outages = opened(store, row).within(since_us, until_us).outages
        lasting = [each for each in outages if each.is_sure]
        if lasting:
            is_over = not (row.is_down and lasting[-1] is outages[-1] and row.ended_us <= until_us)
            view = outage_view(lasting[-1], since_us, ended_us, is_over=is_over)
            return LastOutageView(outage=view, agent_id=row.agent_id, record_digest=row.digest)
        # Those of this window lie before or after the agent's time here.
        row = store.lines.newest_window(
            stand.agent_id, from_us=since_us, to_us=row.started_us, with_outage=True
        )
    return None


def _last_record(store: Store, subscriber_ref: str) -> LastRecordView | None:
    row = store.lines.last_record(subscriber_ref)
    if row is None:
        return None
    return LastRecordView(
        digest=row.digest,
        mode=row.mode,
        verdict=row.verdict,
        received_unix_us=row.received_unix_us,
        sheet_id=row.sheet_id,
        ticket_id=row.ticket_id,
    )


def _open(store: Store, ticket_ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        ticket_id
        for ticket_id in ticket_ids
        if not life_of(entries_of(store.cases.events("ticket", ticket_id))).ended
    )
