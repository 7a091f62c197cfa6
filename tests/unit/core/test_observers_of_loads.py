"""Two observers of a UDP load: what may differ, and what is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omega_core.control import CapacityCounts
from omega_core.evidence import CapacityRun, Ended, Evidence
from omega_core.load import LoadCounts
from omega_core.metrics import Direction
from omega_core.observers import disagreements
from support.builders import observation

REPORTS = {
    "at_us": (0, 50_000, 100_000),
    "octets": (1_000, 50_000, 100_000),
    "packets": (1, 50, 100),
    "highest": (1, 51, 102),
    "delay_us_max": (0, 10, 20),
}


def load(direction: Direction, **changes: Any) -> CapacityRun:  # noqa: ANN401 - fields of the fact
    fields: dict[str, Any] = {
        "run": 2,
        "family": 4,
        "direction": direction,
        "started_offset_us": 0,
        "base_rtt_us": 20_000,
        "ip_octets": 1_000,
        "idle_loss_ppm": 0,
        "offered": ((1, 8_000_000, 0),),
        "reordered": 0,
        "duplicates": 0,
        "host_drops": 0,
        "ended": Ended.DECIDED,
        **REPORTS,
        **changes,
    }
    return CapacityRun(**fields)


UP = CapacityCounts(
    run=2,
    direction=Direction.UP,
    ip_octets=1_000,
    counts=LoadCounts(**REPORTS),  # type: ignore[arg-type] # columns
)
DOWN = CapacityCounts(
    run=2,
    direction=Direction.DOWN,
    ip_octets=1_000,
    counts=LoadCounts(sent_packets=102, sent_octets=102_000),
)
SHIFTED = replace(UP.counts, at_us=(0, 50_000, 100_001))
NOTHING = dict.fromkeys(REPORTS, ())


def found(runs: list[CapacityRun], counts: list[CapacityCounts]) -> list[str]:
    seen = observation(streams=(), runs=(), capacity=tuple(counts))
    return [str(each) for each in disagreements(Evidence(capacity=tuple(runs)), seen)]


@pytest.mark.parametrize(
    ("run", "count"),
    [
        pytest.param(load(Direction.UP), UP, id="up, the same reports"),
        pytest.param(load(Direction.DOWN), DOWN, id="down, every number was sent"),
        pytest.param(
            load(Direction.DOWN, highest=(1, 51, 101)), DOWN, id="down, the last one never came"
        ),
    ],
)
def test_honest_observers_agree(run: CapacityRun, count: CapacityCounts) -> None:
    assert found([run], [count]) == []


def test_a_load_that_moved_nothing_may_be_unknown_to_either_end() -> None:
    empty = DOWN.model_copy(update={"counts": LoadCounts()})
    assert found([load(Direction.DOWN, **NOTHING)], []) == []
    assert found([], [empty]) == []


@pytest.mark.parametrize(
    ("runs", "counts", "says"),
    [
        pytest.param([load(Direction.UP)], [], "knows no such load", id="made up"),
        pytest.param(
            [load(Direction.UP, packets=(0, 0, 1), octets=(0, 0, 1_000), highest=(0, 0, 1))],
            [],
            "knows no such load",
            id="made up, of one packet",
        ),
        pytest.param([], [UP], "not in the evidence", id="left out, received there"),
        pytest.param([], [DOWN], "not in the evidence", id="left out, sent there"),
        pytest.param([load(Direction.DOWN)], [UP], "another one", id="the other direction"),
        pytest.param(
            [load(Direction.UP)],
            [UP.model_copy(update={"ip_octets": 999})],
            "another one",
            id="other packets",
        ),
        pytest.param(
            [load(Direction.UP)],
            [UP.model_copy(update={"counts": SHIFTED})],
            "reports are not the test point's",
            id="up, a microsecond",
        ),
        pytest.param(
            [load(Direction.UP, host_drops=1)],
            [UP],
            "reports are not the test point's",
            id="up, a drop that the test point did not count",
        ),
        pytest.param(
            [load(Direction.DOWN, highest=(1, 51, 103))],
            [DOWN],
            "more packets were numbered",
            id="down, one packet more than was sent",
        ),
    ],
)
def test_finds_where_they_differ(
    runs: list[CapacityRun], counts: list[CapacityCounts], says: str
) -> None:
    (only,) = found(runs, counts)
    assert says in only
