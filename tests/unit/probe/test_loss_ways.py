"""Which way a packet was lost: by the report, and by the reflector's numbering without one."""

from __future__ import annotations

import pytest

from omega_core.evidence import StreamReport
from omega_core.samples import Way
from omega_probe.loss_ways import lost_ways, ranges_of

UP, DOWN, UNKNOWN = Way.UP, Way.DOWN, Way.UNKNOWN


@pytest.mark.parametrize(
    ("reflected", "sent", "expected"),
    [
        pytest.param({0: 0, 1: 1}, 2, {}, id="nothing was lost"),
        pytest.param({0: 0, 1: 3}, 4, {1: UP, 2: UP}, id="no reply missing: both lost up"),
        pytest.param({0: 0, 3: 3}, 4, {1: DOWN, 2: DOWN}, id="as many replies missing: both down"),
        pytest.param(
            {0: 0, 2: 3}, 4, {1: UNKNOWN, 2: UNKNOWN}, id="one of two replies missing: left open"
        ),
        pytest.param(
            {0: 2}, 3, {0: UP, 1: UP}, id="the first reply has number 0: the head went up"
        ),
        pytest.param({2: 2}, 3, {0: DOWN, 1: DOWN}, id="the first reply has number 2"),
        pytest.param({0: 0}, 3, {1: UNKNOWN, 2: UNKNOWN}, id="after the last reply nothing tells"),
        pytest.param({}, 2, {0: UNKNOWN, 1: UNKNOWN}, id="no reply at all"),
        pytest.param({0: 0, 1: 2, 2: 1}, 3, {}, id="overtaken and answered"),
        pytest.param(
            {0: 0, 1: 2, 2: 1, 3: 4}, 5, {3: UNKNOWN}, id="beside an overtaking nothing is decided"
        ),
        pytest.param(
            {0: 0, 1: 0, 2: 2}, 3, {1: UP}, id="two replies to a packet copied on its way"
        ),
    ],
)
def test_the_reflectors_numbering_decides_where_it_can(
    reflected: dict[int, int], sent: int, expected: dict[int, Way]
) -> None:
    assert lost_ways(set(reflected.values()), sent, reflected, None) == expected


def test_a_late_reply_proves_the_way_up() -> None:
    assert lost_ways({0, 2}, 3, {0: 0, 1: 1, 2: 2}, None) == {1: DOWN}


def test_the_report_decides_everything() -> None:
    report = StreamReport(received=((0, 1), (3, 3)), replies=3, duplicates=0, reordered=0)
    assert lost_ways({0}, 5, {0: 0}, report) == {1: DOWN, 2: UP, 3: DOWN, 4: UP}


def test_a_report_of_more_than_the_sample_changes_nothing_in_it() -> None:
    report = StreamReport(received=((0, 900),), replies=901, duplicates=0, reordered=0)
    assert lost_ways({0}, 2, {0: 0}, report) == {1: DOWN}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param([], (), id="nothing"),
        pytest.param([5], ((5, 5),), id="one"),
        pytest.param([3, 1, 2], ((1, 3),), id="a run, in any order"),
        pytest.param([0, 2, 3, 9], ((0, 0), (2, 3), (9, 9)), id="three runs"),
    ],
)
def test_numbers_become_unbroken_runs(
    numbers: list[int], expected: tuple[tuple[int, int], ...]
) -> None:
    assert ranges_of(numbers) == expected
