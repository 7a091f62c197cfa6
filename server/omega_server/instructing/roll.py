"""The roll: every enrolled agent, whether it is connected, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection

from omega_server.instructing.wishes import AgentsView, AgentView
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError
from omega_server.store.instruction_port import PresenceRow
from omega_server.store.line_port import PlaceRow
from omega_server.store.port import Store
from omega_server.store.rows import AgentRow


def call(store: Store, now_unix_us: int) -> AgentsView:
    """Return every agent, first enrolled first."""
    seen = {row.agent_id: row for row in store.presence.all_seen()}
    tags = store.presence.tags()
    places = store.lines.places()
    views = tuple(
        _view(
            row,
            seen.get(row.agent_id),
            tags.get(row.agent_id, ()),
            places.get(row.agent_id),
            now_unix_us,
        )
        for row in store.enrolment.agents()
    )
    return AgentsView(agents=views, connected=sum(view.is_connected for view in views))


def tag(store: Store, agent_id: str, tags: Collection[str], now_unix_us: int) -> AgentView:
    """Give an agent its tags; raises RefusalError `agent_unknown`."""
    try:
        store.presence.tag(agent_id, tags)
    except NotThereError as error:
        raise RefusalError(Code.AGENT_UNKNOWN, str(error)) from error
    return one(store, agent_id, now_unix_us)


def one(store: Store, agent_id: str, now_unix_us: int) -> AgentView:
    """Return one agent; raises RefusalError `agent_unknown`."""
    row = store.enrolment.agent(agent_id)
    if row is None:
        raise RefusalError(Code.AGENT_UNKNOWN, f"agent {agent_id} is not known")
    return _view(
        row,
        store.presence.presence(agent_id),
        store.presence.tags_of(agent_id),
        store.lines.place_of(agent_id),
        now_unix_us,
    )


def _view(
    row: AgentRow,
    seen: PresenceRow | None,
    tags: Collection[str],
    place: PlaceRow | None,
    now_unix_us: int,
) -> AgentView:
    stands = place is not None and place.subscriber_ref is not None
    return AgentView(
        agent_id=row.agent_id,
        enrolled_unix_us=row.enrolled_unix_us,
        revoked_unix_us=row.revoked_unix_us,
        tags=tuple(sorted(tags)),
        is_connected=seen is not None and seen.connected_until_unix_us >= now_unix_us,
        seen_unix_us=seen.seen_unix_us if seen else None,
        seen_twice_unix_us=seen.seen_twice_unix_us if seen else None,
        software=seen.software if seen else None,
        kinds=seen.kinds if seen else None,
        raw_sockets=seen.raw_sockets if seen else None,
        address=seen.address if seen else None,
        subscriber_ref=place.subscriber_ref if place else None,
        line_since_unix_us=place.since_unix_us if place and stands else None,
    )
