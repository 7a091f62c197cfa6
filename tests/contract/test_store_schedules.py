"""What every store promises of schedules."""

from __future__ import annotations

from typing import Any

import pytest

from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.port import Store
from omega_server.store.schedule_port import ScheduleRow
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import NOW


def row(number: int = 1, **changes: Any) -> ScheduleRow:  # noqa: ANN401 - fields of the row
    fields: dict[str, Any] = {
        "schedule_id": f"s-{number}",
        "tag": None,
        "every_s": 3_600,
        "mode": "quick",
        "plan_id": "P-2",
        "bytes_down": 2**40,
        "bytes_up": 500_000,
        "calm_s": 60,
        "said_by": "noc",
        "since_unix_us": NOW,
    }
    return ScheduleRow(**{**fields, **changes})


class ScheduleContract:
    """Behaviour of `ScheduleStore`."""

    def test_they_are_kept_in_their_order(self, store: Store) -> None:
        rows = [row(2, tag="north", plan_id="P-1"), row(1)]
        for each in rows:
            store.schedules.begin(each)
        assert list(store.schedules.schedules()) == rows
        with pytest.raises(AlreadyThereError):
            store.schedules.begin(row(1))

    def test_one_is_ended_once(self, store: Store) -> None:
        store.schedules.begin(row(1))
        store.schedules.begin(row(2))
        ended = store.schedules.end("s-1", by="noc-2", at_unix_us=NOW + 5)
        assert (ended.ended_unix_us, ended.ended_by) == (NOW + 5, "noc-2")
        assert store.schedules.end("s-1", by="noc-3", at_unix_us=NOW + 9) == ended
        assert [each.schedule_id for each in store.schedules.schedules(in_force=True)] == ["s-2"]
        assert len(store.schedules.schedules()) == 2
        with pytest.raises(NotThereError):
            store.schedules.end("s-9", by="noc", at_unix_us=NOW)


class TestSqliteSchedules(OnSqlite, ScheduleContract):
    """On SQLite."""


class TestPostgresSchedules(OnPostgres, ScheduleContract):
    """On PostgreSQL."""
