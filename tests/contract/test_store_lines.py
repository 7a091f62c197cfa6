"""What every store promises of the lines that agents stand on, and of the windows they watch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_server.store.errors import NotThereError
from omega_server.store.line_port import PlacedBy, PlaceRow, Stand
from omega_server.store.port import Store
from omega_server.store.rows import AVAILABILITY_MODE, EventRow, TicketRow, WindowRow
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import (
    LOG_AUTHOR,
    NOW,
    add_record,
    agent,
    at_once,
    digest,
    draft_of,
    event,
    grant,
    issue,
    record,
    sheet,
    subscriber,
    token,
)

AGENT = "MA-000001"
OTHER = "MA-000002"


def enrolled(store: Store) -> None:
    for number in (1, 2):
        store.enrolment.add_token(token(number))
        store.enrolment.enrol(agent(number), token_digest=digest(number))
    for ref in ("S-1", "S-2"):
        store.cases.add_subscriber(subscriber(ref), event("added", ref))


def placed(agent_id: str = AGENT, ref: str | None = "S-1", at: int = 0) -> PlaceRow:
    return PlaceRow(
        agent_id=agent_id,
        subscriber_ref=ref,
        since_unix_us=NOW + at,
        placed_by=PlacedBy.OPERATOR,
    )


def said(row: PlaceRow) -> EventRow:
    return EventRow(
        subject="agent",
        subject_id=row.agent_id,
        kind="placed",
        at_unix_us=row.since_unix_us,
        content={"subscriber_ref": row.subscriber_ref},
    )


def place(store: Store, row: PlaceRow) -> PlaceRow:
    return store.lines.place(row, said(row))


def told(store: Store, agent_id: str = AGENT) -> list[Any]:
    events = store.cases.events("agent", agent_id)
    return [each.content["subscriber_ref"] for each in events if each.kind == "placed"]


def measured(store: Store, number: int, agent_id: str, **case: Any) -> None:  # noqa: ANN401 - fields of the row
    issue(store, grant(number))
    row = record(number, agent_id=agent_id, sheet_id=None, grant_digest=digest(number))
    add_record(store, replace(row, **case))


def window(number: int, **changes: Any) -> WindowRow:  # noqa: ANN401 - fields of the row
    row = WindowRow(
        digest=record(number).digest,
        agent_id=AGENT,
        agent_kid="k" * 43,
        test_point="tp-1",
        seq=number,
        prev=None if number == 0 else record(number - 1).digest,
        started_us=100 * number,
        ended_us=100 * number + 100,
        clock_step_us=-5,
        outages=0,
        sure_outages=0,
        gaps=2,
        is_down=False,
        received_unix_us=NOW,
    )
    return replace(row, **changes)


def watched(store: Store, *windows: WindowRow) -> None:
    for each in windows:
        draft = replace(draft_of(record(each.seq)), digest=each.digest, seq=None)
        store.sessions.add_record(
            draft, (), log=LOG_AUTHOR, receipt=lambda _: b"receipt", window=each
        )


def found(store: Store, from_us: int, to_us: int, count: int = 10) -> list[int]:
    rows = store.lines.windows(AGENT, from_us=from_us, to_us=to_us, count=count)
    return [row.seq for row in rows]


class LineContract:
    def test_an_agent_stands_where_it_was_put_last(self, store: Store) -> None:
        enrolled(store)
        assert store.lines.place_of(AGENT) is None
        assert place(store, placed()) == placed()
        moved = place(store, placed(ref="S-2", at=5))
        assert store.lines.place_of(AGENT) == moved
        assert store.lines.places() == {AGENT: moved}
        assert told(store) == ["S-1", "S-2"]

    def test_where_it_stands_already_it_stays(self, store: Store) -> None:
        enrolled(store)
        nowhere = placed(ref=None)
        assert place(store, nowhere) == nowhere
        assert store.lines.place_of(AGENT) is None
        first = place(store, placed())
        assert place(store, placed(at=9)) == first
        assert told(store) == ["S-1"]

    def test_the_times_on_a_line(self, store: Store) -> None:
        enrolled(store)
        for row in (placed(), placed(ref=None, at=10), placed(at=20), placed(OTHER, at=15)):
            place(store, row)
        stands = [
            Stand(agent_id=AGENT, since_unix_us=NOW, until_unix_us=NOW + 10),
            Stand(agent_id=OTHER, since_unix_us=NOW + 15, until_unix_us=None),
            Stand(agent_id=AGENT, since_unix_us=NOW + 20, until_unix_us=None),
        ]
        assert store.lines.stands("S-1") == stands
        place(store, placed(ref="S-2", at=20))
        assert store.lines.stands("S-1") == stands[:2]
        assert store.lines.stands("S-9") == []

    def test_who_is_not_known_stands_nowhere(self, store: Store) -> None:
        enrolled(store)
        for row in (placed("MA-9"), placed(ref="S-9")):
            with pytest.raises(NotThereError):
                place(store, row)
            with pytest.raises(NotThereError):
                store.lines.place_if(row, said(row), newest=None)

    def test_of_many_that_saw_the_same_one_places_it(self, store: Store) -> None:
        enrolled(store)
        row = placed()
        done = at_once(lambda _: store.lines.place_if(row, said(row), newest=None))
        assert sorted(done, key=bool) == [False] * (len(done) - 1) + [True]
        assert told(store) == ["S-1"]
        moved = placed(ref="S-2", at=1)
        assert store.lines.place_if(moved, said(moved), newest=row)
        assert store.lines.place_of(AGENT) == moved

    def test_the_lines_an_agent_has_measured(self, store: Store) -> None:
        enrolled(store)
        store.cases.add_sheet(sheet(1, "S-1"), event())
        store.cases.add_sheet(sheet(2, "S-2"), event())
        assert store.lines.lines_measured_by(AGENT) == frozenset()
        for number, of, sheet_id in ((1, AGENT, 1), (2, AGENT, 1), (3, OTHER, 2)):
            measured(store, number, of, sheet_id=f"FI-2026-{sheet_id:06d}")
        not_granted = record(4, agent_id=AGENT, sheet_id="FI-2026-000002")
        add_record(store, not_granted)
        assert store.lines.lines_measured_by(AGENT) == {"S-1"}
        ticket = TicketRow(
            ticket_id="TT-2026-000001", subscriber_ref="S-2", description="d", created_unix_us=NOW
        )
        store.cases.add_ticket(ticket, event("opened"))
        measured(store, 5, AGENT, ticket_id="TT-2026-000001")
        assert store.lines.lines_measured_by(AGENT) == {"S-1", "S-2"}

    def test_the_last_record_of_a_line(self, store: Store) -> None:
        enrolled(store)
        store.cases.add_sheet(sheet(1, "S-1"), event())
        assert store.lines.last_record("S-1") is None
        for number in (1, 2):
            add_record(store, record(number, sheet_id="FI-2026-000001", verdict="fail"))
        add_record(store, record(3))
        last = store.lines.last_record("S-1")
        assert last is not None
        assert (last.digest, last.verdict) == (record(2).digest, "fail")
        assert last.sheet_id == "FI-2026-000001"
        assert store.lines.last_record("S-2") is None

    def test_windows_are_found_by_their_time(self, store: Store) -> None:
        enrolled(store)
        watched(store, window(2), window(0), window(1, is_down=True))
        (row,) = store.lines.windows(AGENT, from_us=100, to_us=200, count=9)
        assert row == window(1, is_down=True)
        assert found(store, 99, 201) == [0, 1, 2]
        assert found(store, 0, 999, count=2) == [0, 1]
        assert found(store, 300, 400) == []
        assert store.lines.windows(OTHER, from_us=0, to_us=999, count=9) == []

    def test_the_newest_window(self, store: Store) -> None:
        enrolled(store)
        lost = window(2, outages=1)
        watched(store, window(0), window(1, sure_outages=1), lost)
        newest = store.lines.newest_window
        assert newest(AGENT, from_us=0, to_us=999) == lost
        assert newest(AGENT, from_us=0, to_us=200) == window(1, sure_outages=1)
        assert newest(AGENT, from_us=0, to_us=999, with_outage=True) == window(1, sure_outages=1)
        assert newest(AGENT, from_us=200, to_us=999, with_outage=True) is None
        assert newest(OTHER, from_us=0, to_us=999) is None

    def test_the_window_that_came_in_last(self, store: Store) -> None:
        enrolled(store)
        watched(store, window(3, received_unix_us=NOW + 1), window(0, received_unix_us=NOW + 5))
        watched(store, window(1, received_unix_us=NOW + 5))
        last = store.lines.last_window(AGENT, since_unix_us=NOW + 5)
        assert last == window(1, received_unix_us=NOW + 5)
        assert store.lines.last_window(AGENT, since_unix_us=NOW + 6) is None
        assert store.lines.last_window(OTHER, since_unix_us=0) is None

    def test_records_of_availability_are_not_listed_with_measurements(self, store: Store) -> None:
        enrolled(store)
        add_record(store, record(1))
        add_record(store, record(2, mode=AVAILABILITY_MODE, seq=None))
        assert store.sessions.digests(skip=0, count=9) == [record(1).digest]
        assert store.sessions.count_records() == 1

    def test_a_record_that_comes_again_leaves_one_window(self, store: Store) -> None:
        enrolled(store)
        watched(store, window(0), window(0))
        assert found(store, 0, 999) == [0]


class TestSqliteLines(OnSqlite, LineContract):
    """On SQLite."""


class TestPostgresLines(OnPostgres, LineContract):
    """On PostgreSQL."""
