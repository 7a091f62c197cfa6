"""The logs that only grow: written inside the transaction of what they tell."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_server.store.rows import EventRow, Subject
from omega_server.store.tables import events


def append(connection: Connection, entries: Sequence[EventRow]) -> None:
    """Write the entries, in order."""
    for entry in entries:
        connection.execute(
            sa.insert(events),
            {
                "subject": entry.subject,
                "subject_id": entry.subject_id,
                "kind": entry.kind,
                "at_unix_us": entry.at_unix_us,
                "content": json.dumps(entry.content, sort_keys=True),
                "place": entry.place,
            },
        )


def read(connection: Connection, subject: Subject, subject_id: str) -> list[EventRow]:
    """Return the log of one subject, in the order it was written."""
    mine = (events.c.subject == subject) & (events.c.subject_id == subject_id)
    select = sa.select(events).where(mine).order_by(events.c.event_no)
    return [
        EventRow(
            subject=subject,
            subject_id=subject_id,
            kind=row["kind"],
            at_unix_us=row["at_unix_us"],
            content=json.loads(row["content"]),
            place=row["place"],
        )
        for row in connection.execute(select).mappings()
    ]
