"""Where an agent stands: an operator says so, or it follows from what the agent has measured.

A watch says nothing of whose line it is on, and an agent that is moved does not know it. So the
server keeps where each one stands, from when on, and counts its records for that line only as long.

By itself an agent comes to a line only if nothing speaks against it: it waits for instructions as
`omega run` does (a technician's `omega accept` does not), nobody has placed it before, and the
sheet it was enrolled for, if any, and all it has measured under a grant are of one subscriber.
Then it has stood there since it was enrolled, for nothing says anything else. It leaves by itself
as well: one that was placed by a record and then measures somewhere else is a technician's after
all. It then stands nowhere until an operator says otherwise, because a line without a watch is seen
to have none, and one that shows the outages of another is believed.

An operator's word holds whatever is measured.
"""

from __future__ import annotations

from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError
from omega_server.store.line_port import PlacedBy, PlaceRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow


def place(store: Store, agent_id: str, subscriber_ref: str | None, now_unix_us: int) -> PlaceRow:
    """Let an agent stand on a line from now on, or on none; return where it stands.

    Raises RefusalError `agent_unknown`, `subscriber_unknown`.
    """
    if store.enrolment.agent(agent_id) is None:
        raise RefusalError(Code.AGENT_UNKNOWN, f"agent {agent_id} is not known")
    row = PlaceRow(
        agent_id=agent_id,
        subscriber_ref=subscriber_ref,
        since_unix_us=now_unix_us,
        placed_by=PlacedBy.OPERATOR,
    )
    try:
        return store.lines.place(row, _event(row))
    except NotThereError as error:
        raise RefusalError(Code.SUBSCRIBER_UNKNOWN, str(error)) from error


def place_by_records(store: Store, agent_id: str, now_unix_us: int) -> None:
    """Let an agent stand where its records say, after another one has come in."""
    newest = store.lines.place_of(agent_id)
    is_settled = newest is not None and (
        newest.placed_by is PlacedBy.OPERATOR or newest.subscriber_ref is None
    )
    if is_settled or store.presence.presence(agent_id) is None:
        return
    lines = store.lines.lines_measured_by(agent_id) | _enrolled_for(store, agent_id)
    if newest is None and len(lines) == 1:
        (subscriber_ref,) = lines
        _place_if(store, agent_id, subscriber_ref, _enrolled_at(store, agent_id), newest)
    elif newest is not None and lines - {newest.subscriber_ref}:
        _place_if(store, agent_id, None, now_unix_us, newest)


def _enrolled_at(store: Store, agent_id: str) -> int:
    agent = store.enrolment.agent(agent_id)
    if agent is None:
        raise AssertionError("only an enrolled agent posts records")
    return agent.enrolled_unix_us


def _enrolled_for(store: Store, agent_id: str) -> frozenset[str]:
    sheet_id = store.enrolment.sheet_of(agent_id)
    sheet = None if sheet_id is None else store.cases.sheet(sheet_id)
    return frozenset() if sheet is None else frozenset({sheet.subscriber_ref})


def _place_if(
    store: Store,
    agent_id: str,
    subscriber_ref: str | None,
    now_unix_us: int,
    newest: PlaceRow | None,
) -> None:
    row = PlaceRow(
        agent_id=agent_id,
        subscriber_ref=subscriber_ref,
        since_unix_us=now_unix_us,
        placed_by=PlacedBy.RECORD,
    )
    store.lines.place_if(row, _event(row), newest=newest)


def _event(row: PlaceRow) -> EventRow:
    return EventRow(
        subject="agent",
        subject_id=row.agent_id,
        kind="placed",
        at_unix_us=row.since_unix_us,
        content={"subscriber_ref": row.subscriber_ref, "by": row.placed_by.value},
    )
