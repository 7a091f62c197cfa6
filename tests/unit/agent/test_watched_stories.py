"""Every outage of a day, or of a month, is found by the real watch, inside its bounds.

The watch, its book and journal on a disk, and its records are the real ones; line, machine and test
point are simulated, so that what was is known to the microsecond.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.units import US_PER_S
from support.watch_ends import DeskEnd, FarEnd, PlainEnd
from support.watch_rig import WatchRig
from support.watch_story import Story, drawn
from support.watch_truth import truth_of

HOUR_S, DAY_S = 3_600, 86_400
MONTH_SEED = 20_261_124


def happened(folder: Path, story: Story, far_end: FarEnd, seed: int) -> WatchRig:
    folder.mkdir(exist_ok=True)
    rig = WatchRig(folder, story.downs, far_end, seed=seed)
    story.happen_to(rig)
    return rig


def a_day(seed: int) -> Story:
    return drawn(seed, duration_s=DAY_S, outages=60, events=24, slot_s=HOUR_S // 2)


def an_hour() -> Story:
    story = drawn(1, duration_s=HOUR_S, outages=12, events=0, slot_s=HOUR_S, longest_s=200)
    assert len(story.downs) == 12
    return story


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_days_on_which_everything_happens(tmp_path: Path, seed: int) -> None:
    truth = truth_of(happened(tmp_path, a_day(seed), PlainEnd(), seed))
    assert truth.faults == []
    assert truth.looked_at >= 30


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_month(tmp_path: Path) -> None:
    story = drawn(MONTH_SEED, duration_s=30 * DAY_S, outages=360, events=90, slot_s=HOUR_S // 2)
    truth = truth_of(happened(tmp_path, story, PlainEnd(), MONTH_SEED))
    assert truth.faults == []
    assert truth.looked_at >= 250
    assert truth.records >= 30, "one a day, and after outages"


def test_an_hour_with_twelve_outages(tmp_path: Path) -> None:
    story = an_hour()
    truth = truth_of(happened(tmp_path, story, PlainEnd(), 1))
    assert (truth.faults, truth.looked_at) == ([], len(story.downs))


@pytest.mark.slow
def test_a_test_point_with_keys_and_one_without_tell_the_same_story(tmp_path: Path) -> None:
    story = drawn(5, duration_s=4 * HOUR_S, outages=12, events=6, slot_s=HOUR_S // 3)
    plain = happened(tmp_path / "plain", story, PlainEnd(), 5)
    keyed = happened(tmp_path / "keyed", story, DeskEnd(), 5)
    assert [record.watched for _, record in plain.records()] == [
        record.watched for _, record in keyed.records()
    ]
    assert truth_of(keyed).faults == []


@pytest.mark.parametrize("off_by_us", [-3 * US_PER_S, 3 * US_PER_S])
def test_bounds_that_are_off_are_seen(tmp_path: Path, off_by_us: int) -> None:
    """The comparison itself: had the outages been other ones, it would say so."""
    story = an_hour()
    rig = happened(tmp_path, story, PlainEnd(), 1)
    rig.line.downs = [(start_us, end_us + off_by_us) for start_us, end_us in story.downs]
    assert truth_of(rig).faults
