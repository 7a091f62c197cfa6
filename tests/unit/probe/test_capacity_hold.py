"""After the search the buffer is filled and held full, on simulated paths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.capacity import capacity_of
from omega_core.evidence import Ended
from omega_core.load import LoadTick
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US, US_PER_MS, US_PER_S
from omega_probe.capacity_hold import FILL_NS_MAX, SearchThenHold
from omega_probe.capacity_search import CapacitySearch, packet_ip_octets
from support.simulated_path import PathSpec, SimulatedLoad, capacity_run

HOLD_NS = 800 * NS_PER_MS
OCTETS_MAX = 2_000_000_000


class Loaded:
    """One run over one path."""

    def __init__(
        self, path: PathSpec, *, octets_max: int = OCTETS_MAX, hold_ns: int = HOLD_NS
    ) -> None:
        self.path = path
        ip_octets = packet_ip_octets(path.rate_bps, 1_500)
        made: list[SearchThenHold] = []

        def machine(now_ns: int) -> SearchThenHold:
            search = CapacitySearch(
                start_bps=path.rate_bps,
                rate_max_bps=2_000_000_000,
                octets_max=octets_max,
                duration_ns=10 * NS_PER_S,
                base_rtt_us=path.rtt_us,
                idle_loss_ppm=path.loss_ppm,
                idle_packets=250,
                ip_octets=ip_octets,
                quick=False,
                held=True,
                now_ns=now_ns,
            )
            made.append(SearchThenHold(search, hold_ns=lambda _: hold_ns, base_rtt_us=path.rtt_us))
            return made[0]

        self.load = SimulatedLoad(path, machine, ip_octets=ip_octets)
        self.load.run()
        self.machine = made[0]

    def while_held(self) -> list[LoadTick]:
        """Return the reports of what was sent in the window."""
        hold = self.machine.hold
        assert hold is not None
        last = max(self.load.rates_bps) - 1  # the last command is to stop
        return [tick for tick in self.load.ticks if tick.command == last] or self.load.ticks[-3:]

    def rate_bps(self) -> int:
        run = capacity_run(self.load, idle_loss_ppm=0, idle_packets=250, dt_us=1_000_000)
        maximum = capacity_of(run).maximum
        assert maximum is not None
        return maximum.rate_bps


def test_nothing_is_held_where_the_receiving_host_was_the_limit() -> None:
    """The line was never full: twice of what the host takes in would fill its buffer alone."""
    loaded = Loaded(PathSpec(rate_bps=300_000_000, receiver_bps_max=100_000_000))
    assert loaded.machine.ended is Ended.DECIDED
    assert loaded.machine.hold is None
    assert loaded.rate_bps() <= 100_000_000


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("buffer_ms", [20, 100, 500, 1_000])
@pytest.mark.parametrize(
    ("rate_bps", "rtt_ms"),
    [(1_000_000, 25), (20_000_000, 25), (100_000_000, 12), (50_000_000, 600)],
)
def test_the_buffer_is_full_for_as_long_as_it_is_held(
    direction: Direction, buffer_ms: int, rate_bps: int, rtt_ms: int
) -> None:
    path = PathSpec(
        direction=direction,
        rate_bps=rate_bps,
        rtt_us=rtt_ms * US_PER_MS,
        buffer_us=buffer_ms * US_PER_MS,
    )
    loaded = Loaded(path)
    hold = loaded.machine.hold
    assert loaded.machine.ended is Ended.DECIDED
    assert hold is not None
    assert hold.full
    most_ns = HOLD_NS + path.buffer_us * NS_PER_US + 20 * NS_PER_MS
    assert HOLD_NS <= hold.until_ns - hold.from_ns <= most_ns
    least_us = min(tick.delay_us for tick in loaded.while_held())
    packet_us = loaded.load.ip_octets * 8 * 1_000_000 // rate_bps
    assert least_us * 10 >= path.buffer_us * 9 - 2 * packet_us * 10
    assert abs(loaded.rate_bps() - rate_bps) * 100 <= rate_bps


@given(
    st.builds(
        PathSpec,
        rate_bps=st.integers(1_000_000, 900_000_000),
        rtt_us=st.integers(2_000, 600_000),
        buffer_us=st.integers(5_000, 1_000_000),
        loss_ppm=st.sampled_from([0, 5_000, 20_000]),
        jitter_us=st.sampled_from([0, 10_000]),
        direction=st.sampled_from(list(Direction)),
        sender_bps_max=st.sampled_from([10**12, 60_000_000]),
        seed=st.integers(0, 2**32),
    ),
    st.sampled_from([OCTETS_MAX, 20_000_000, 1_000_000]),
)
def test_it_always_ends_and_never_takes_more_than_it_may(path: PathSpec, octets_max: int) -> None:
    loaded = Loaded(path, octets_max=octets_max)
    assert loaded.machine.ended is not None
    assert loaded.load.sent_octets <= octets_max
    hold = loaded.machine.hold
    if hold is not None:
        assert 0 <= hold.until_ns - hold.from_ns <= FILL_NS_MAX + HOLD_NS + NS_PER_S


def test_a_line_that_carries_all_that_can_be_sent_is_not_held() -> None:
    loaded = Loaded(PathSpec(rate_bps=900_000_000, sender_bps_max=60_000_000))
    assert loaded.machine.ended is Ended.DECIDED
    assert loaded.machine.hold is None


def test_a_sender_that_goes_no_faster_leaves_the_buffer_unfilled_and_says_so() -> None:
    path = PathSpec(rate_bps=50_000_000, buffer_us=1_000_000, sender_bps_max=55_000_000)
    hold = Loaded(path).machine.hold
    assert hold is not None
    assert not hold.full


def test_a_line_that_goes_while_it_is_held_ends_the_run_so() -> None:
    path = PathSpec(rate_bps=20_000_000, buffer_us=100_000)
    hold = Loaded(path).machine.hold
    assert hold is not None
    cut_us = hold.from_ns // NS_PER_US + 300_000
    cut = Loaded(replace(path, cut_us=(cut_us, cut_us + 20_000_000)), hold_ns=3 * NS_PER_S)
    assert cut.machine.ended in {Ended.LINK_LOST, Ended.TEST_POINT_LOST}
    assert cut.machine.hold is not None


def test_the_longest_filling_is_bounded() -> None:
    path = PathSpec(rate_bps=50_000_000, buffer_us=1_000_000, sender_bps_max=51_000_000)
    loaded = Loaded(path)
    hold = loaded.machine.hold
    assert hold is not None
    filled = next(
        tick for tick in loaded.load.ticks if tick.command == max(loaded.load.rates_bps) - 2
    )
    assert hold.from_ns <= filled.command_first_us * NS_PER_US + FILL_NS_MAX + NS_PER_S


def filled_at_us(loaded: Loaded) -> int:
    """Return when the receiver first got what was sent to fill the buffer."""
    most_bps = max(loaded.load.rates_bps.values())
    filling = [
        number
        for number, bps in loaded.load.rates_bps.items()
        if bps == most_bps and bps > loaded.path.rate_bps * 3 // 2
    ]
    ticks = loaded.load.ticks
    return next(tick.command_first_us for tick in ticks if tick.command == filling[-1])


@pytest.mark.parametrize("direction", list(Direction))
def test_a_long_path_is_told_to_fill_a_round_trip_before_the_answer(direction: Direction) -> None:
    path = PathSpec(
        direction=direction,
        rate_bps=20_000_000,
        rtt_us=600 * US_PER_MS,
        buffer_us=600 * US_PER_MS,
    )
    loaded = Loaded(path)
    assert loaded.machine.ended is Ended.DECIDED
    assert loaded.machine.hold is not None
    assert loaded.machine.hold.full
    assert abs(loaded.rate_bps() - path.rate_bps) * 1_000 <= path.rate_bps
    plateau_us = filled_at_us(loaded) - loaded.load.ticks[0].at_us
    assert plateau_us < 2 * US_PER_S, "the search's second, and no round trip after it"


def test_where_what_was_on_its_way_did_not_decide_it_the_search_goes_on() -> None:
    """The rate falls in the round trip between the command and the answer that was expected."""
    changed_bps = 15_000_000
    path = PathSpec(
        rate_bps=20_000_000,
        rtt_us=600 * US_PER_MS,
        buffer_us=600 * US_PER_MS,
        changes=((1_300 * US_PER_MS, changed_bps),),
    )
    loaded = Loaded(path)
    rates_bps = [loaded.load.rates_bps[number] for number in sorted(loaded.load.rates_bps)]
    filling = [at for at, bps in enumerate(rates_bps) if bps > path.rate_bps * 5 // 4]
    assert filling[-1] - filling[0] > 1, "it was told to fill, searched on, and told again"
    assert loaded.machine.ended is Ended.DECIDED
    assert loaded.machine.carried_bps is not None
    assert abs(loaded.machine.carried_bps - changed_bps) * 100 <= changed_bps
    assert loaded.machine.hold is not None
    assert loaded.machine.hold.full


@pytest.mark.parametrize("octets_max", [7_500_000, 9_000_000])
def test_octets_for_the_answer_alone_are_not_spent_on_filling(octets_max: int) -> None:
    path = PathSpec(rate_bps=20_000_000, rtt_us=600 * US_PER_MS, buffer_us=600 * US_PER_MS)
    loaded = Loaded(path, octets_max=octets_max)
    assert loaded.machine.ended is Ended.DECIDED
    assert abs(loaded.rate_bps() - path.rate_bps) * 100 <= path.rate_bps
