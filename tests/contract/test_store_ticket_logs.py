"""What every store promises of logs that people write to: a place is taken once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from omega_server.store.errors import LogGrewError
from omega_server.store.port import Store
from omega_server.store.rows import EventRow, TicketRow
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import AT_ONCE, NOW, event, subscriber


def placed(place: int | None, kind: str = "note", subject_id: str = "TT-2026-000001") -> EventRow:
    return replace(event(kind), subject="ticket", subject_id=subject_id, place=place)


def ticket(number: int) -> TicketRow:
    return TicketRow(
        ticket_id=f"TT-2026-{number:06d}",
        subscriber_ref="S-1",
        description="slow",
        created_unix_us=NOW,
    )


class TicketLogsContract:
    """Places in a log, and pages of tickets. A subclass says on which database."""

    def test_a_place_is_kept_and_taken_once(self, store: Store) -> None:
        store.cases.log(placed(1))
        with pytest.raises(LogGrewError):
            store.cases.log(placed(1, "other"))
        store.cases.log(placed(2))
        store.cases.log(placed(1, subject_id="TT-2026-000002"))
        assert store.cases.events("ticket", "TT-2026-000001") == [placed(1), placed(2)]

    def test_what_needs_no_place_never_stands_in_the_way(self, store: Store) -> None:
        for entry in (placed(None), placed(1), placed(None)):
            store.cases.log(entry)
        assert [each.place for each in store.cases.events("ticket", "TT-2026-000001")] == [
            None,
            1,
            None,
        ]

    def test_of_many_at_once_one_gets_the_place(self, store: Store) -> None:
        ready = Barrier(AT_ONCE)

        def write(number: int) -> bool:
            ready.wait()
            try:
                store.cases.log(placed(1, f"by {number}"))
            except LogGrewError:
                return False
            return True

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert sum(pool.map(write, range(AT_ONCE))) == 1
        assert len(store.cases.events("ticket", "TT-2026-000001")) == 1

    def test_tickets_come_in_pages(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        for number in (3, 1, 2):
            store.cases.add_ticket(ticket(number), placed(None, "opened", f"TT-2026-{number:06d}"))
        assert store.cases.tickets(count=2) == [ticket(1), ticket(2)]
        assert store.cases.tickets(after="TT-2026-000001") == [ticket(2), ticket(3)]
        assert store.cases.tickets(after="TT-2026-000002", count=5) == [ticket(3)]
        assert store.cases.count_tickets() == 3


class TestSqliteTicketLogs(OnSqlite, TicketLogsContract):
    pass


class TestPostgresTicketLogs(OnPostgres, TicketLogsContract):
    pass
