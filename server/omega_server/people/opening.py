"""Everything about people, put together for one store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omega_core.clock import Clock
from omega_server.people.desk import PeopleDesk
from omega_server.people.entrance import Entrance
from omega_server.people.journal import Journal
from omega_server.people.passwords import FULL_COST, Cost, Passwords
from omega_server.people.subjects import Subjects, nobody
from omega_server.people.tries import Tries
from omega_server.store.port import Store


@dataclass(frozen=True, kw_only=True)
class People:
    """What the endpoints and the commands call."""

    desk: PeopleDesk
    entrance: Entrance
    journal: Journal
    subjects: Subjects


def people_of(
    store: Store,
    clock: Clock,
    *,
    cost: Cost = FULL_COST,
    technician_of: Callable[[str], str | None] = nobody,
) -> People:
    """Return the parts; `technician_of` says to whom a sheet is assigned."""
    passwords, journal, tries = Passwords(cost), Journal(store, clock), Tries(store, clock)
    return People(
        desk=PeopleDesk(
            store=store, clock=clock, passwords=passwords, journal=journal, tries=tries
        ),
        entrance=Entrance(
            store=store, clock=clock, passwords=passwords, journal=journal, tries=tries
        ),
        journal=journal,
        subjects=Subjects(store, technician_of),
    )
