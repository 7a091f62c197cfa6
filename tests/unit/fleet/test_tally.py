"""What records change in the figures of all lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omega_core.units import US_PER_S
from omega_server.fleet.bins import bin_of
from omega_server.fleet.tally import WEEK_US, LineFacts, moved, tallied, week_of, week_start_us
from omega_server.store.fleet_port import Changes, Kept, SpreadKey

METRIC = "goodput_bps_down"
MONDAY_US = week_start_us(2_900)
NOTHING = Kept(lines={}, metrics={})


def facts(**changes: Any) -> LineFacts:  # noqa: ANN401 - fields of the facts
    fields: dict[str, Any] = {
        "subscriber_ref": "S-1",
        "plan_id": "P-1",
        "digest": "d1",
        "at_unix_us": MONDAY_US,
        "verdict": "pass",
        "metrics": {METRIC: 1_000},
    }
    return LineFacts(**{**fields, **changes})


def after(kept: Kept, changes: Changes) -> Kept:
    return Kept(lines={**kept.lines, **changes.lines}, metrics={**kept.metrics, **changes.metrics})


def key(value: int, week: int = 2_900, sector: str = "") -> SpreadKey:
    return SpreadKey(week, "P-1", sector, METRIC, bin_of(value))


def test_a_first_record() -> None:
    changes = tallied(NOTHING, [facts()])
    line, metric = changes.lines["S-1"], changes.metrics["S-1", METRIC]
    assert (line.verdict, line.digest, line.sector) == ("pass", "d1", "")
    assert (metric.week, metric.value, metric.value_before, metric.worse_ppm) == (
        2_900,
        1_000,
        None,
        None,
    )
    assert changes.spread == Counter({key(1_000): 1})


def test_a_line_counts_once_in_a_week_with_its_last_value() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts()]))
    changes = tallied(kept, [facts(digest="d2", at_unix_us=MONDAY_US + 1, metrics={METRIC: 2_000})])
    assert changes.spread == Counter({key(1_000): -1, key(2_000): 1})
    assert changes.metrics["S-1", METRIC].worse_ppm is None


def test_another_week_is_compared_with_the_one_before() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts()]))
    later = facts(at_unix_us=MONDAY_US + 3 * WEEK_US, metrics={METRIC: 600}, digest="d2")
    changes = tallied(kept, [later])
    row = changes.metrics["S-1", METRIC]
    assert (row.week, row.value_before, row.worse_ppm) == (2_903, 1_000, 400_000)
    assert changes.spread == Counter({key(600, 2_903): 1}), "what was stays counted"
    kept = after(kept, changes)
    again = tallied(kept, [facts(at_unix_us=later.at_unix_us + 1, metrics={METRIC: 900})])
    assert again.metrics["S-1", METRIC].worse_ppm == 100_000, "still against the week before"


def test_of_a_loss_it_is_what_is_lost_beyond_what_was() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts(metrics={"loss_ppm_up": 0})]))
    later = facts(at_unix_us=MONDAY_US + WEEK_US, metrics={"loss_ppm_up": 12_000})
    assert tallied(kept, [later]).metrics["S-1", "loss_ppm_up"].worse_ppm == 12_000


def test_one_that_was_long_on_the_way_changes_nothing_newer() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts()]))
    changes = tallied(kept, [facts(at_unix_us=MONDAY_US - WEEK_US, verdict="fail")])
    assert (changes.lines, changes.metrics, +changes.spread) == ({}, {}, Counter())


def test_an_invalid_run_changes_no_verdict() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts()]))
    changes = tallied(kept, [facts(at_unix_us=MONDAY_US + 5, verdict="invalid", metrics={})])
    assert (changes.lines["S-1"].verdict, changes.lines["S-1"].seen_unix_us) == (
        "pass",
        MONDAY_US + 5,
    )
    first = tallied(NOTHING, [facts(verdict="invalid", metrics={})])
    assert first.lines["S-1"].verdict is None


def test_a_line_that_is_placed_takes_its_counts_along() -> None:
    kept = after(NOTHING, tallied(NOTHING, [facts()]))
    changes = moved(kept, "S-1", "north")
    assert changes.lines["S-1"].sector == "north"
    assert changes.spread == Counter({key(1_000): -1, key(1_000, sector="north"): 1})
    kept = after(kept, changes)
    again = tallied(kept, [facts(at_unix_us=MONDAY_US + WEEK_US)])
    assert again.spread == Counter({key(1_000, 2_901, "north"): 1})
    unseen = moved(NOTHING, "S-9", "south")
    assert (unseen.lines["S-9"].sector, unseen.spread) == ("south", Counter())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["S-1", "S-2", "S-3"]),
            st.integers(0, 4 * 7 * 86_400),
            st.integers(0, 10_000),
        ),
        max_size=60,
    ),
    st.integers(1, 60),
)
def test_however_records_are_batched_the_counts_are_the_same(
    drawn: list[tuple[str, int, int]], batch: int
) -> None:
    """Each line counts once in each of its weeks, and never more or less than once."""
    ordered = sorted(drawn, key=lambda each: each[1])
    found = [
        facts(subscriber_ref=line, at_unix_us=MONDAY_US + at_s * US_PER_S, metrics={METRIC: value})
        for line, at_s, value in ordered
    ]
    whole = tallied(NOTHING, found)
    kept, spread = NOTHING, Counter[SpreadKey]()
    for start in range(0, len(found), batch):
        changes = tallied(kept, found[start : start + batch])
        kept = after(kept, changes)
        spread.update(changes.spread)
    assert +spread == +whole.spread
    assert kept.metrics == whole.metrics
    weeks = {(each.subscriber_ref, week_of(each.at_unix_us)) for each in found}
    assert spread.total() == len(weeks)
