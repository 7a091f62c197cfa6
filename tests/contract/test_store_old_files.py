"""What every store promises of rows that were taken over from old files."""

from __future__ import annotations

from typing import Any

import pytest

from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.old_file_port import TakenRow
from omega_server.store.port import Store
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import AT_ONCE, NOW, at_once, digest, event, sheet, subscriber


def row(number: int = 1, **changes: Any) -> TakenRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "digest": digest(number),
        "file_digest": digest(99),
        "file_name": "Fiche de Mme Œ.xlsx",
        "place": "Feuil1, row 2",
        "subscriber_ref": f"S-{number}",
        "sheet_id": sheet(number).sheet_id,
        "cpe_serial": f"SN {number}",
        "cpe_mac": None,
        "values": {"subscriber_ref": f"S-{number}", "remarks": "é"},
        "personal": {"person_name": "Œ"},
        "missing": ("cpe_mac",),
        "taken_unix_us": NOW,
        "taken_by": "Ana",
    }
    return TakenRow(**{**fields, **changes})


def take(store: Store, number: int = 1, **changes: Any) -> TakenRow:  # noqa: ANN401 - as `row`
    taken = row(number, **changes)
    return store.old_files.take(
        taken,
        sheet=sheet(number, taken.subscriber_ref),
        subscriber=subscriber(taken.subscriber_ref),
        events=[event("imported")],
    )


class OldFileContract:
    """Behaviour of `OldFileStore`."""

    def test_a_row_is_kept_with_all_that_belongs_to_it(self, store: Store) -> None:
        assert take(store) == row()
        assert list(store.old_files.taken()) == [row()]
        assert store.cases.subscriber("S-1") == subscriber("S-1")
        assert store.cases.sheets("S-1") == [sheet(1)]
        events = store.cases.events("sheet", "FI-2026-000001")
        assert [each.kind for each in events] == ["imported"]

    def test_the_same_again_changes_nothing(self, store: Store) -> None:
        take(store)
        again = row(1, sheet_id=sheet(2).sheet_id, taken_by="Bob")
        kept = store.old_files.take(
            again, sheet=sheet(2), subscriber=subscriber("S-1"), events=[event("imported")]
        )
        assert kept == row()
        other = row(1, digest=digest(7), sheet_id=sheet(2).sheet_id)
        assert store.old_files.take(other, sheet=sheet(2), subscriber=None, events=[]) == row()
        assert store.cases.sheets() == [sheet(1)]
        assert len(store.cases.events("sheet", "FI-2026-000001")) == 1

    def test_all_or_nothing(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber("S-1"), event("added"))
        with pytest.raises(AlreadyThereError):
            take(store)
        with pytest.raises(NotThereError):
            store.old_files.take(row(2), sheet=sheet(2, "S-2"), subscriber=None, events=[])
        assert store.cases.sheets() == []
        assert store.old_files.taken() == []
        kept = store.old_files.take(row(1), sheet=sheet(1), subscriber=None, events=[])
        assert kept == row(1)

    def test_of_many_at_once_one_makes_the_sheet(self, store: Store) -> None:
        def mine(number: int) -> TakenRow:
            name = sheet(number + 1).sheet_id
            return store.old_files.take(
                row(1, sheet_id=name),
                sheet=sheet(number + 1),
                subscriber=subscriber("S-1"),
                events=[event("imported")],
            )

        kept = at_once(mine)
        assert [type(each) for each in kept] == [TakenRow] * AT_ONCE
        assert all(each == kept[0] for each in kept)
        assert len(store.cases.sheets()) == 1

    def test_rows_are_found_by_subscriber_and_device(self, store: Store) -> None:
        take(store, 1, cpe_serial=None)
        take(store, 2, cpe_mac="00:1a:2b:00:00:02")
        take(store, 3, cpe_mac="00:1a:2b:00:00:03", cpe_serial="SN 2")
        find = store.old_files.alike
        assert [
            each.sheet_id for each in find(subscriber_ref="S-1", cpe_serial=None, cpe_mac=None)
        ] == [sheet(1).sheet_id]
        mac = "00:1a:2b:00:00:03"
        assert [
            each.sheet_id for each in find(subscriber_ref="S-1", cpe_serial="SN 2", cpe_mac=mac)
        ] == [sheet(number).sheet_id for number in (1, 2, 3)]
        assert find(subscriber_ref="S-9", cpe_serial="SN 9", cpe_mac=None) == []

    def test_they_are_given_in_pages(self, store: Store) -> None:
        for number in (3, 1, 2):
            take(store, number)
        first = store.old_files.taken(count=2)
        assert [each.subscriber_ref for each in first] == ["S-1", "S-2"]
        assert [
            each.subscriber_ref for each in store.old_files.taken(after=first[-1].sheet_id, count=2)
        ] == ["S-3"]


class TestSqliteOldFiles(OnSqlite, OldFileContract):
    """On SQLite."""


class TestPostgresOldFiles(OnPostgres, OldFileContract):
    """On PostgreSQL."""
