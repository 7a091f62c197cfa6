"""What every store promises of subscribers, sheets and tickets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.port import Store
from omega_server.store.rows import (
    TicketRow,
)
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    NOW,
    event,
    sheet,
    subscriber,
)


class CasesContract:
    """Subscribers, sheets and tickets. A subclass says on which database."""

    def test_subscribers_are_kept_by_name(self, store: Store) -> None:
        for ref in ("S-2", "S-1"):
            store.cases.add_subscriber(subscriber(ref), event("added"))
        assert store.cases.subscribers() == [subscriber("S-1"), subscriber("S-2")]
        assert store.cases.subscriber("S-3") is None
        with pytest.raises(AlreadyThereError):
            store.cases.add_subscriber(subscriber("S-1"), event("added again"))
        assert [each.kind for each in store.cases.events("sheet", "FI-2026-000001")] == [
            "added",
            "added",
        ], "what was refused is not logged"

    def test_a_plan_is_activated_once(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        activated = event("activated")
        first = store.cases.activate("S-1", activated)
        assert first.activated_unix_us == NOW
        assert store.cases.activate("S-1", replace(activated, at_unix_us=NOW + 9)) == first
        assert store.cases.subscriber("S-1") == first
        assert [each.kind for each in store.cases.events("sheet", "FI-2026-000001")] == [
            "added",
            "activated",
        ]
        with pytest.raises(NotThereError):
            store.cases.activate("S-9", activated)

    def test_sheets_belong_to_a_subscriber_that_is_there(self, store: Store) -> None:
        with pytest.raises(NotThereError):
            store.cases.add_sheet(sheet(), event())
        for ref in ("S-1", "S-2"):
            store.cases.add_subscriber(subscriber(ref), event("added"))
        for row in (sheet(2, "S-2"), sheet(1)):
            store.cases.add_sheet(row, event())
        assert store.cases.sheets() == [sheet(1), sheet(2, "S-2")]
        assert store.cases.sheets("S-2") == [sheet(2, "S-2")]
        assert store.cases.sheet("FI-2026-000001") == sheet(1)
        assert store.cases.sheet("FI-2026-000009") is None
        with pytest.raises(AlreadyThereError):
            store.cases.add_sheet(sheet(1), event())

    def test_tickets_keep_what_was_said(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), event("added"))
        row = TicketRow(
            ticket_id="TT-2026-000001",
            subscriber_ref="S-1",
            description="c'est lent, l'été 'surtout' 网络",
            created_unix_us=NOW,
        )
        store.cases.add_ticket(row, event("opened"))
        assert store.cases.ticket("TT-2026-000001") == row
        assert store.cases.tickets() == [row]
        assert store.cases.tickets(subscriber_ref=row.subscriber_ref) == [row]
        assert store.cases.tickets(subscriber_ref="S-none") == []
        assert store.cases.ticket("TT-2026-000002") is None

    def test_a_log_grows_in_order_and_keeps_subjects_apart(self, store: Store) -> None:
        entries = [event(f"e{number}", note="\u0000é", number=number) for number in range(5)]
        for entry in entries:
            store.cases.log(entry)
        store.cases.log(replace(event("other"), subject="ticket"))
        assert store.cases.events("sheet", "FI-2026-000001") == entries


class TestSqliteCases(OnSqlite, CasesContract):
    pass


class TestPostgresCases(OnPostgres, CasesContract):
    pass
