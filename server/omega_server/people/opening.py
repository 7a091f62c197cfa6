"""Everything about people, put together for one store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from omega_core.clock import Clock
from omega_core.keys import SigningKey
from omega_server.people.desk import PeopleDesk
from omega_server.people.entrance import Entrance
from omega_server.people.journal import Journal
from omega_server.people.oidc.config import ProviderSettings
from omega_server.people.oidc.door import ProviderDoor
from omega_server.people.oidc.flow import ProviderLogin
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
    provider: ProviderLogin | None = None


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


def with_provider(
    people: People,
    settings: ProviderSettings | None,
    *,
    store: Store,
    clock: Clock,
    key: SigningKey,
    door: ProviderDoor | None = None,
) -> People:
    """Return the same with logins by a provider, where one is configured."""
    if settings is None:
        return people
    login = ProviderLogin(
        settings=settings,
        door=door or ProviderDoor(ca_file=settings.ca_file),
        entrance=people.entrance,
        journal=people.journal,
        store=store,
        clock=clock,
        key=key,
    )
    return replace(people, provider=login)
