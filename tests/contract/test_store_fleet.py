"""What every store promises of all lines together."""

from __future__ import annotations

from typing import Any

from omega_server.fleet.tally import LineFacts, moved, tallied, week_start_us
from omega_server.store.fleet_port import BinCount, StateCount
from omega_server.store.port import Store
from support.store_databases import OnPostgres, OnSqlite

WEEK = 2_900
METRIC = "goodput_bps_down"


def facts(number: int, **changes: Any) -> LineFacts:  # noqa: ANN401 - fields of the facts
    fields: dict[str, Any] = {
        "subscriber_ref": f"S-{number}",
        "plan_id": "P-1",
        "digest": f"{number:064}",
        "at_unix_us": week_start_us(WEEK) + number,
        "verdict": "pass",
        "metrics": {METRIC: 1_000 + number},
    }
    return LineFacts(**{**fields, **changes})


def add(store: Store, *found: LineFacts) -> bool:
    after = store.fleet.cursor()
    lines = frozenset(each.subscriber_ref for each in found)
    return store.fleet.add(after, after + len(found), lines, lambda kept: tallied(kept, found))


class FleetContract:
    """Behaviour of `FleetStore`."""

    def test_nothing_is_known_before_the_first(self, store: Store) -> None:
        fleet = store.fleet
        assert fleet.cursor() == 0
        assert (list(fleet.states()), list(fleet.spread(WEEK, METRIC))) == ([], [])
        assert fleet.line("S-1") is None
        assert list(fleet.new_records(0, 10, settled_unix_us=2**52)) == []

    def test_lines_are_counted_by_sector_and_verdict(self, store: Store) -> None:
        assert add(store, facts(1), facts(2, verdict="fail"), facts(3))
        store.fleet.change("S-3", lambda kept: moved(kept, "S-3", "north"))
        assert list(store.fleet.states()) == [
            StateCount(sector="", verdict="fail", lines=1),
            StateCount(sector="", verdict="pass", lines=1),
            StateCount(sector="north", verdict="pass", lines=1),
        ]
        assert [each.subscriber_ref for each in store.fleet.lines(count=9)] == ["S-1", "S-2", "S-3"]
        assert [each.subscriber_ref for each in store.fleet.lines(count=1, after="S-1")] == ["S-2"]
        (failed,) = store.fleet.lines(count=9, verdict="fail", sector="")
        assert failed.subscriber_ref == "S-2"

    def test_each_record_counts_once_whoever_comes_second(self, store: Store) -> None:
        found = [facts(1)]
        lines = frozenset({"S-1"})
        assert store.fleet.add(0, 7, lines, lambda kept: tallied(kept, found))
        assert not store.fleet.add(0, 7, lines, lambda kept: tallied(kept, found))
        assert store.fleet.cursor() == 7
        assert sum(each.lines for each in store.fleet.spread(WEEK, METRIC)) == 1

    def test_a_spread_is_of_a_plan_and_a_sector(self, store: Store) -> None:
        add(store, facts(1), facts(2, plan_id="P-2"), facts(3, metrics={METRIC: 50_000}))
        add(store, facts(1, at_unix_us=week_start_us(WEEK) + 99, metrics={METRIC: 50_000}))
        low, high = 79, 124
        assert list(store.fleet.spread(WEEK, METRIC)) == [
            BinCount(plan_id="P-1", bin=high, lines=2),
            BinCount(plan_id="P-2", bin=low, lines=1),
        ]
        assert list(store.fleet.spread(WEEK, METRIC, plan_id="P-2")) == [
            BinCount(plan_id="P-2", bin=low, lines=1)
        ]
        assert list(store.fleet.spread(WEEK, METRIC, sector="north")) == []
        assert list(store.fleet.spread(WEEK + 1, METRIC)) == []

    def test_what_got_worse_is_paged_by_place(self, store: Store) -> None:
        add(store, *(facts(number, metrics={METRIC: 1_000}) for number in range(1, 6)))
        later = week_start_us(WEEK + 1)
        values = {1: 900, 2: 500, 3: 500, 4: 1_000, 5: 2_000}
        add(
            store,
            *(
                facts(number, at_unix_us=later, metrics={METRIC: value})
                for number, value in values.items()
            ),
        )
        worst = store.fleet.worse(WEEK + 1, METRIC, count=2)
        assert [(each.subscriber_ref, each.worse_ppm) for each in worst] == [
            ("S-3", 500_000),
            ("S-2", 500_000),
        ]
        below = (worst[-1].worse_ppm or 0, worst[-1].subscriber_ref)
        rest = store.fleet.worse(WEEK + 1, METRIC, below=below, count=9)
        assert [each.subscriber_ref for each in rest] == ["S-1"]
        assert list(store.fleet.worse(WEEK, METRIC, count=9)) == []

    def test_everything_but_the_sectors_is_forgotten(self, store: Store) -> None:
        add(store, facts(1))
        store.fleet.change("S-1", lambda kept: moved(kept, "S-1", "north"))
        store.fleet.clear()
        assert store.fleet.cursor() == 0
        assert list(store.fleet.spread(WEEK, METRIC)) == []
        found = store.fleet.line("S-1")
        assert found is not None
        assert (found[0].sector, found[0].verdict, list(found[1])) == ("north", None, [])


class TestSqliteFleet(OnSqlite, FleetContract):
    """On SQLite."""


class TestPostgresFleet(OnPostgres, FleetContract):
    """On PostgreSQL."""
