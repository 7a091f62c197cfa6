from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from omega_core.counters import ENTRIES_MAX, FlowSeries
from omega_core.evidence import FlowCounts
from omega_core.units import NS_PER_US

FLOW: TypeAdapter[FlowCounts] = TypeAdapter(FlowCounts)


def series() -> FlowSeries:
    return FlowSeries(3, epoch_ns=1_000_000, joined_ns=1_500_000)


def test_the_first_entry_is_the_join_with_nothing_read() -> None:
    counts = series().counts()
    assert (counts.flow, counts.at_us, counts.octets) == (3, (500,), (0,))


@pytest.mark.parametrize(
    ("at_ns", "octets", "entry"),
    [
        pytest.param(1_600_000, 1_449, (600, 1_449), id="it has moved: when octets came"),
        pytest.param(1_550_000, 1_448, (700, 1_448), id="it stood still: the tick itself"),
        pytest.param(1_600_000, 1_447, (700, 1_448), id="it would run backwards: it stood still"),
        pytest.param(1_550_000, 1_449, (550, 1_449), id="more octets in the same microsecond"),
        pytest.param(1_549_999, 1_449, (550, 1_449), id="never before the entry before"),
    ],
)
def test_every_tick_makes_an_entry(at_ns: int, octets: int, entry: tuple[int, int]) -> None:
    flow = series()
    flow.add(1_550_000, 1_448, now_ns=1_560_000)
    flow.add(at_ns, octets, now_ns=1_700_000)
    assert (flow.at_us, flow.octets) == entry
    assert len(flow.counts().at_us) == 3


@pytest.mark.parametrize(
    ("octets", "entries"),
    [
        pytest.param(1_449, 3, id="octets came after the last tick"),
        pytest.param(1_448, 2, id="none did: nobody knows since when"),
    ],
)
def test_the_last_look_claims_no_silence(octets: int, entries: int) -> None:
    flow = series()
    flow.add(1_550_000, 1_448, now_ns=1_560_000)
    flow.close(1_600_000, octets)
    assert len(flow.counts().at_us) == entries
    assert flow.octets == octets


def test_a_flow_that_joined_before_the_epoch_joined_at_zero() -> None:
    assert FlowSeries(0, epoch_ns=5_000, joined_ns=1_000).counts().at_us == (0,)


def test_when_it_is_full_the_end_is_still_told() -> None:
    flow = FlowSeries(0, epoch_ns=0, joined_ns=0)
    for tick in range(1, 2 * ENTRIES_MAX):
        flow.add(tick * NS_PER_US, tick, now_ns=tick * NS_PER_US)
    counts = flow.counts()
    assert len(counts.at_us) == ENTRIES_MAX
    assert (counts.at_us[-1], counts.octets[-1]) == (2 * ENTRIES_MAX - 1, 2 * ENTRIES_MAX - 1)
    assert counts.at_us[-2] == ENTRIES_MAX - 2


@pytest.mark.parametrize("entries", [ENTRIES_MAX, ENTRIES_MAX + 1])
def test_a_full_series_is_just_what_a_record_may_hold(entries: int) -> None:
    series = FlowCounts(flow=0, at_us=tuple(range(entries)), octets=tuple(range(entries)))
    data = FLOW.dump_json(series)
    if entries <= ENTRIES_MAX:
        assert FLOW.validate_json(data) == series
    else:
        with pytest.raises(ValidationError, match="too_long"):
            FLOW.validate_json(data)


@pytest.mark.parametrize(
    ("at_us", "expected"),
    [
        pytest.param(499, 0, id="before it joined"),
        pytest.param(500, 0, id="as it joins"),
        pytest.param(525, 50, id="on the line between two entries"),
        pytest.param(550, 100, id="at an entry"),
        pytest.param(9_999, 100, id="after the last one"),
    ],
)
def test_octets_by_a_moment(at_us: int, expected: int) -> None:
    flow = series()
    flow.add(1_550_000, 100, now_ns=1_560_000)
    assert flow.octets_at(at_us) == expected
    assert flow.joined_us == 500
