"""The store over SQL, opened by URL, with its tables at the version this program knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omega_server.store.cases import SqlCases
from omega_server.store.database import Database
from omega_server.store.deliveries import SqlDeliveries
from omega_server.store.enrolment import SqlEnrolment
from omega_server.store.fleet import SqlFleet
from omega_server.store.instructions import SqlInstructions
from omega_server.store.keys import SqlKeys
from omega_server.store.lines import SqlLines
from omega_server.store.log import SqlLog
from omega_server.store.migrate import check_version, migrate
from omega_server.store.old_files import SqlOldFiles
from omega_server.store.people import SqlPeople
from omega_server.store.port import Store
from omega_server.store.presence import SqlPresence
from omega_server.store.schedules import SqlSchedules
from omega_server.store.sessions import SqlSessions
from omega_server.store.state import SqlState


@contextmanager
def open_store(url: str, *, may_migrate: bool) -> Iterator[Store]:
    """Hand out the store behind a URL, and close it afterwards.

    Tables are made or brought up to date when `may_migrate`; else StoreVersionError is raised when
    they are of another version. Raises UsageError for a URL of another kind and
    StoreUnavailableError when the database can't be reached.
    """
    database = Database(url)
    try:
        if may_migrate:
            migrate(database)
        else:
            check_version(database)
        yield Store(
            enrolment=SqlEnrolment(database),
            cases=SqlCases(database),
            sessions=SqlSessions(database),
            log=SqlLog(database),
            state=SqlState(database),
            keys=SqlKeys(database),
            deliveries=SqlDeliveries(database),
            instructions=SqlInstructions(database),
            presence=SqlPresence(database),
            lines=SqlLines(database),
            schedules=SqlSchedules(database),
            fleet=SqlFleet(database),
            old_files=SqlOldFiles(database),
            people=SqlPeople(database),
        )
    finally:
        database.close()
