"""What a receiver counts of a load, packet by packet."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core import limits
from omega_core.load import LoadCounter, LoadSeries, LoadTick

OCTETS = 1_000


def counter(*batches: tuple[int, int], window: int = 64) -> LoadCounter:
    """Feed batches of first number and count, one a millisecond."""
    made = LoadCounter(window=window)
    for place, (first, count) in enumerate(batches):
        take(made, first, count, at_us=1_000 * place)
    return made


def take(
    made: LoadCounter, first: int, count: int = 1, *, at_us: int, sent_us: int = 0, command: int = 1
) -> None:
    made.received(
        first,
        count,
        ip_octets=OCTETS,
        command=command,
        sent_ns=sent_us * 1_000,
        arrival_ns=5_000_000 + at_us * 1_000,
    )


@pytest.mark.parametrize(
    ("batches", "packets", "highest", "reordered", "duplicates"),
    [
        pytest.param([], 0, 0, 0, 0, id="nothing"),
        pytest.param([(0, 3), (3, 2)], 5, 5, 0, 0, id="all in order"),
        pytest.param([(2, 1)], 1, 3, 0, 0, id="the first two are missing"),
        pytest.param([(0, 2), (4, 2)], 4, 6, 0, 0, id="two lost on the way"),
        pytest.param([(0, 1), (2, 1), (1, 1)], 3, 3, 1, 0, id="one late"),
        pytest.param([(0, 3), (1, 1)], 3, 3, 0, 1, id="one twice"),
        pytest.param([(0, 1), (2, 1), (1, 1), (1, 1)], 3, 3, 1, 1, id="one late, then again"),
        pytest.param([(0, 2), (1, 3)], 4, 4, 0, 1, id="a batch that begins before the highest"),
        pytest.param([(0, 1), (4, 1), (2, 4)], 5, 6, 2, 1, id="late, twice and new in one batch"),
        pytest.param([(0, 1), (64, 1), (1, 1)], 3, 65, 1, 0, id="just within the window"),
        pytest.param([(0, 1), (65, 1), (1, 1)], 2, 66, 0, 1, id="just beyond the window"),
        pytest.param([(0, 60), (60, 10)], 70, 70, 0, 0, id="over the edge of the window"),
        pytest.param([(0, 64), (64, 1), (0, 1)], 65, 65, 0, 1, id="a place used again"),
        pytest.param([(0, 1), (200, 1), (150, 1)], 3, 201, 1, 0, id="a gap over several windows"),
        pytest.param([(0, 200)], 200, 200, 0, 0, id="a batch larger than the window"),
        pytest.param([(0, 200), (150, 1)], 200, 200, 0, 1, id="and what it marked"),
        pytest.param([(0, 1), (200, 1), (100, 1)], 2, 201, 0, 1, id="older than anybody knows"),
        pytest.param([(0, 64), (100, 1), (70, 1)], 66, 101, 1, 0, id="a gap over used places"),
        pytest.param([(70, 1), (64, 1), (64, 1)], 2, 71, 1, 1, id="late over the edge"),
    ],
)
def test_each_packet_is_counted_once(
    batches: list[tuple[int, int]], packets: int, highest: int, reordered: int, duplicates: int
) -> None:
    tick = counter(*batches).tick()
    assert (tick.packets, tick.highest) == (packets, highest)
    assert (tick.reordered, tick.duplicates) == (reordered, duplicates)
    assert tick.octets == packets * OCTETS


def test_a_counter_that_has_seen_nothing_says_so_in_zeros() -> None:
    assert counter().tick() == LoadTick(**{**dict.fromkeys(LoadTick.__slots__, 0), "tick": 1})


def test_a_duplicate_moves_no_clock_and_no_command() -> None:
    made = counter((0, 4))
    before = made.tick()
    take(made, 2, at_us=9_000, command=7)
    after = made.tick()
    assert (after.at_us, after.command, after.delay_us) == (before.at_us, 1, before.delay_us)
    assert after.duplicates == 1


def test_dispersion_of_a_command_begins_with_its_first_packet() -> None:
    made = LoadCounter()
    take(made, 0, at_us=0, sent_us=0, command=1)
    take(made, 1, at_us=1_000, sent_us=500, command=2)
    take(made, 2, 3, at_us=3_000, sent_us=900, command=2)
    take(made, 5, at_us=3_100, sent_us=10, command=1)
    tick = made.tick()
    assert (tick.command, tick.command_first_us) == (2, 1_000)
    assert tick.command_octets == 3 * OCTETS
    assert tick.command_sent_us == 400
    assert (tick.at_us, tick.octets) == (3_100, 6 * OCTETS)


def test_what_came_with_the_first_packet_of_a_command_is_not_after_it() -> None:
    made = LoadCounter()
    take(made, 0, 8, at_us=0)
    assert made.tick().command_octets == 0
    take(made, 20, at_us=0)
    assert made.tick().command_octets == 0, "another batch of the same moment"
    take(made, 21, 8, at_us=2_000)
    assert made.tick().command_octets == 8 * OCTETS


def test_delay_is_counted_from_the_smallest_of_the_run() -> None:
    made = LoadCounter()
    delays: list[tuple[int, int]] = []
    for number, (sent_us, at_us) in enumerate([(100, 400), (200, 450), (300, 900), (400, 700)]):
        take(made, number, at_us=at_us, sent_us=sent_us)
    tick = made.tick()
    delays.append((tick.delay_us, tick.delay_us_max))
    take(made, 4, at_us=760, sent_us=500)
    tick = made.tick()
    delays.append((tick.delay_us, tick.delay_us_max))
    assert delays == [(50, 350), (10, 10)]
    silent = made.tick()
    assert (silent.delay_us, silent.delay_us_max, silent.tick) == (10, 10, 3)


def test_clocks_of_sender_and_receiver_need_not_agree() -> None:
    made = LoadCounter()
    take(made, 0, at_us=0, sent_us=10**12)
    take(made, 1, at_us=100, sent_us=10**12 + 30)
    assert made.tick().delay_us == 70


def tick_of(number: int, packets: int, **more: Any) -> LoadTick:  # noqa: ANN401 - fields of a tick
    fields = {"tick": number, "packets": packets, "octets": packets * OCTETS, "highest": packets}
    return LoadTick(**{**dict.fromkeys(LoadTick.__slots__, 0), **fields, **more})


def test_a_series_takes_ticks_in_their_order_and_keeps_those_with_news() -> None:
    series = LoadSeries()
    assert series.last is None
    assert series.add(tick_of(1, 0))
    assert series.add(tick_of(2, 5, at_us=10, command=1, command_first_us=3))
    assert not series.add(tick_of(2, 6)), "a copy"
    assert series.add(tick_of(4, 5, at_us=10, command=1, command_first_us=3))
    assert not series.add(tick_of(3, 4)), "overtaken on the way"
    assert series.add(tick_of(5, 9, at_us=40, command=3, command_first_us=30, reordered=2))
    counts = series.counts()
    assert counts.packets == (5, 9)
    assert counts.at_us == (10, 40)
    assert (counts.commands, counts.command_first_us) == ((1, 3), (3, 30))
    assert counts.reordered == 2


def test_a_series_that_is_full_keeps_its_end() -> None:
    series = LoadSeries()
    for number in range(1, limits.LOAD_TICKS_MAX + 3):
        series.add(tick_of(number, number, command=number))
    counts = series.counts()
    assert len(counts.packets) == limits.LOAD_TICKS_MAX
    assert counts.packets[-1] == limits.LOAD_TICKS_MAX + 2
