"""What every store promises of deliveries: made once, taken by one, in order, never forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_server.store import deliveries
from omega_server.store.delivery_port import (
    IN_HAND,
    DeliveryRow,
    DeliveryState,
    Ended,
    LinkRow,
)
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.port import Store
from omega_server.store.rows import EventRow
from support.courier_trial import digest_of, ticket
from support.store_databases import OnPostgres, OnSqlite
from support.store_rows import NOW, add_record, at_once, record, subscriber

SYSTEM = "helpdesk"
LEASE = 100
LATER = NOW + 10 * LEASE


def event(kind: str = "linked", ticket_id: str = "TT-2026-000001") -> EventRow:
    return EventRow(subject="ticket", subject_id=ticket_id, kind=kind, at_unix_us=NOW, content={})


def linked(store: Store, *numbers: int, system: str = SYSTEM) -> None:
    if store.cases.subscriber("S-1") is None:
        store.cases.add_subscriber(subscriber(), event("created"))
    for number in numbers:
        row = ticket(number)
        if store.cases.ticket(row.ticket_id) is None:
            store.cases.add_ticket(row, event("opened", row.ticket_id))
        store.deliveries.link(link(number, system=system), event(ticket_id=row.ticket_id))


def link(number: int = 1, **changes: Any) -> LinkRow:  # noqa: ANN401 - fields of the row
    ticket_id = f"TT-2026-{number:06d}"
    row = LinkRow(system=SYSTEM, ticket_id=ticket_id, external_id=str(number), linked_unix_us=NOW)
    return replace(row, **changes)


def posted(store: Store, number: int, *, to: int = 1) -> str:
    row = record(number, digest=digest_of(number), ticket_id=f"TT-2026-{to:06d}")
    add_record(store, row)
    return row.digest


def take(store: Store, now: int = NOW, system: str = SYSTEM) -> DeliveryRow | None:
    return store.deliveries.take(system, now_unix_us=now, until_unix_us=now + LEASE)


def must_take(store: Store, now: int = NOW) -> DeliveryRow:
    taken = take(store, now)
    assert taken is not None
    return taken


def ended(state: DeliveryState = DeliveryState.POSTED, due: int = NOW) -> Ended:
    code = None if state is DeliveryState.POSTED else "busy"
    return Ended(state=state, at_unix_us=NOW + 1, due_unix_us=due, code=code, detail=code)


class DeliveryContract:
    def test_a_link_is_kept_once_and_told_once(self, store: Store) -> None:
        linked(store, 1)
        assert store.deliveries.link(link(), event()) is False
        assert store.deliveries.links("TT-2026-000001") == [link()]
        kinds = [each.kind for each in store.cases.events("ticket", "TT-2026-000001")]
        assert kinds.count("linked") == 1

    def test_a_ticket_has_one_number_in_a_system(self, store: Store) -> None:
        linked(store, 1)
        with pytest.raises(AlreadyThereError):
            store.deliveries.link(link(external_id="8"), event())
        assert store.deliveries.link(link(system="other", external_id="8"), event())

    def test_a_ticket_nobody_knows_is_not_linked(self, store: Store) -> None:
        with pytest.raises(NotThereError):
            store.deliveries.link(link(), event())

    def test_each_record_of_a_linked_ticket_is_gathered_once_in_order(self, store: Store) -> None:
        linked(store, 1, 2)
        digests = [posted(store, 1), posted(store, 2, to=2), posted(store, 3)]
        assert store.deliveries.gather(SYSTEM, NOW) == 3
        assert store.deliveries.gather(SYSTEM, NOW) == 0
        assert [each.record_digest for each in store.deliveries.deliveries()] == digests

    def test_records_that_came_before_the_link_are_gathered_too(self, store: Store) -> None:
        linked(store, 1)
        posted(store, 1)
        linked(store, 1, system="other")
        assert [each.system for each in store.deliveries.deliveries()] == ["other"]
        assert store.deliveries.gather("other", NOW) == 0
        assert store.deliveries.gather("third", NOW) == 0

    def test_the_newest_records_are_gathered_alone(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "CONNECTOR_RECENT_RECORDS", 2)
        linked(store, 1)
        assert store.deliveries.gather(SYSTEM, NOW, everything=False) == 0
        for number in range(3):
            posted(store, number)
        # The quick look sees that something is missing; what it then makes is everything.
        assert store.deliveries.gather(SYSTEM, NOW, everything=False) == 3
        linked(store, 2)
        posted(store, 3, to=2)
        for number in range(4, 6):
            add_record(store, record(number, digest=digest_of(number)))
        assert store.deliveries.gather(SYSTEM, NOW, everything=False) == 0
        assert store.deliveries.gather(SYSTEM, NOW) == 1

    def test_gathering_at_once_makes_each_delivery_once(self, store: Store) -> None:
        linked(store, 1)
        for number in range(5):
            posted(store, number)
        made = at_once(lambda _: store.deliveries.gather(SYSTEM, NOW))
        assert sum(each for each in made if isinstance(each, int)) == 5
        assert all(isinstance(each, int) for each in made)

    def test_one_of_many_takes_a_delivery(self, store: Store) -> None:
        linked(store, 1)
        posted(store, 1)
        store.deliveries.gather(SYSTEM, NOW)
        taken = [each for each in at_once(lambda _: take(store)) if each is not None]
        assert len(taken) == 1
        assert isinstance(taken[0], DeliveryRow)
        assert (taken[0].attempts, taken[0].code) == (1, IN_HAND)

    def test_what_is_taken_is_free_again_when_its_time_is_over(self, store: Store) -> None:
        linked(store, 1)
        posted(store, 1)
        store.deliveries.gather(SYSTEM, NOW)
        must_take(store)
        assert take(store, NOW + LEASE - 1) is None
        assert must_take(store, NOW + LEASE).attempts == 2

    def test_an_end_that_comes_after_its_time_changes_nothing(self, store: Store) -> None:
        linked(store, 1)
        posted(store, 1)
        store.deliveries.gather(SYSTEM, NOW)
        first = must_take(store)
        second = must_take(store, NOW + LEASE)
        assert store.deliveries.end(first, ended(), event("delivered")) is False
        assert store.deliveries.end(second, ended(), event("delivered")) is True
        assert store.deliveries.end(second, ended(), event("delivered")) is False
        kinds = [each.kind for each in store.cases.events("ticket", "TT-2026-000001")]
        assert kinds.count("delivered") == 1

    def test_of_a_ticket_the_second_waits_for_the_first(self, store: Store) -> None:
        linked(store, 1, 2)
        first, other, second = posted(store, 1), posted(store, 2, to=2), posted(store, 3)
        store.deliveries.gather(SYSTEM, NOW)
        taken = must_take(store)
        assert taken.record_digest == first
        assert must_take(store).record_digest == other
        assert take(store) is None
        assert store.deliveries.end(taken, ended(), None)
        assert must_take(store).record_digest == second

    def test_a_stopped_one_holds_back_those_behind_it_until_retry(self, store: Store) -> None:
        linked(store, 1)
        first, _ = posted(store, 1), posted(store, 2)
        store.deliveries.gather(SYSTEM, NOW)
        store.deliveries.end(must_take(store), ended(DeliveryState.STOPPED), None)
        assert take(store, LATER) is None
        assert store.deliveries.retry(SYSTEM, LATER) == 2
        assert must_take(store, LATER).record_digest == first

    def test_a_whole_system_stops_and_others_do_not(self, store: Store) -> None:
        linked(store, 1, 2)
        linked(store, 1, system="other")
        posted(store, 1)
        posted(store, 2, to=2)
        for system in (SYSTEM, "other"):
            store.deliveries.gather(system, NOW)
        stopped = ended(DeliveryState.STOPPED)
        store.deliveries.end(must_take(store), stopped, None, whole_system=True)
        states = {each.state for each in store.deliveries.deliveries(system=SYSTEM)}
        assert states == {DeliveryState.STOPPED}
        assert take(store, system="other") is not None

    def test_retry_leaves_what_is_in_hand_and_what_is_posted(self, store: Store) -> None:
        linked(store, 1, 2, 3)
        for number in (1, 2, 3):
            posted(store, number, to=number)
        store.deliveries.gather(SYSTEM, NOW)
        store.deliveries.end(must_take(store), ended(), None)
        store.deliveries.end(must_take(store), ended(DeliveryState.WAITING, LATER), None)
        must_take(store)
        assert store.deliveries.retry(SYSTEM, NOW) == 1
        assert store.deliveries.retry(SYSTEM, NOW + LEASE) == 2
        assert store.deliveries.retry(SYSTEM, NOW, ticket_id="TT-2026-000001") == 0

    def test_a_list_is_of_a_system_a_ticket_or_the_undelivered(self, store: Store) -> None:
        linked(store, 1, 2)
        one, two = posted(store, 1), posted(store, 2, to=2)
        store.deliveries.gather(SYSTEM, NOW)
        store.deliveries.end(must_take(store), ended(), None)
        found = store.deliveries.deliveries
        assert [each.record_digest for each in found()] == [one, two]
        assert [each.record_digest for each in found(ticket_id="TT-2026-000001")] == [one]
        assert [each.record_digest for each in found(undelivered=True)] == [two]
        assert found(system="other") == []


class TestOnSqlite(OnSqlite, DeliveryContract):
    pass


class TestOnPostgres(OnPostgres, DeliveryContract):
    pass
