"""One entry of a ticket's log: what was said, by whom and when, and the row that keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from omega_server.store.rows import EventRow
from omega_server.ticket_life.entries import KIND_OF, KINDS, Actor, Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; `actor` is None of what the product wrote by itself.

    `place` counts what people wrote, from 1: two who write at once want the same one.
    """

    at_unix_us: int
    actor: Actor | None
    body: Body
    place: int | None = None

    @property
    def kind(self) -> str:
        """What the entry is called in the store."""
        return KIND_OF[type(self.body)]


_ACTOR = TypeAdapter(Actor)


_ADAPTERS: Mapping[type[Body], TypeAdapter[Body]] = MappingProxyType(
    {body: TypeAdapter(body) for body in KIND_OF}
)


def entry_of(row: EventRow) -> Entry:
    """Return the entry in a row of the store, as it was checked before it was stored."""
    content = dict(row.content)
    actor = content.pop("actor", None)
    return Entry(
        at_unix_us=row.at_unix_us,
        actor=None if actor is None else _ACTOR.validate_json(json.dumps(actor)),
        body=_ADAPTERS[KINDS[row.kind]].validate_json(json.dumps(content)),
        place=row.place,
    )


def row_of(ticket_id: str, entry: Entry) -> EventRow:
    """Return the entry as a row for the store."""
    content: dict[str, Any] = _ADAPTERS[type(entry.body)].dump_python(entry.body, mode="json")
    if entry.actor is not None:
        content["actor"] = _ACTOR.dump_python(entry.actor, mode="json")
    return EventRow(
        subject="ticket",
        subject_id=ticket_id,
        kind=entry.kind,
        at_unix_us=entry.at_unix_us,
        content=content,
        place=entry.place,
    )


def entries_of(rows: Iterable[EventRow]) -> tuple[Entry, ...]:
    """Return the entries of a log, in its order."""
    return tuple(entry_of(row) for row in rows)
