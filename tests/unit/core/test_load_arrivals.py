"""Receive times of the kernel, moved to the monotonic clock."""

from __future__ import annotations

from omega_core.sockets.load_receiving import Arrivals
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from support.clock import HandClock


def stamp_of(clock: HandClock, *, age_ns: int = 0) -> int:
    """Return what the kernel says of a packet of that age."""
    return clock.unix_us() * NS_PER_US - age_ns


def test_a_packet_arrived_as_long_ago_as_its_stamp_says() -> None:
    clock = HandClock()
    arrivals = Arrivals(clock)
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=700_000)) == clock.monotonic_ns() - 700_000
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=300_000)) == clock.monotonic_ns() - 300_000
    clock.pass_ns(5 * NS_PER_MS)
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=1_000)) == clock.monotonic_ns() - 1_000


def test_times_never_run_backwards_nor_into_the_future() -> None:
    clock = HandClock()
    arrivals = Arrivals(clock)
    newest = arrivals.arrival_ns(stamp_of(clock, age_ns=100_000))
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=200_000)) == newest
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=-50_000)) == clock.monotonic_ns()


def test_without_a_stamp_it_is_the_present() -> None:
    clock = HandClock()
    arrivals = Arrivals(clock)
    assert arrivals.arrival_ns(None) == clock.monotonic_ns()


def test_a_step_of_the_wall_clock_is_forgotten_after_a_tenth_of_a_second() -> None:
    clock = HandClock()
    arrivals = Arrivals(clock)
    arrivals.arrival_ns(stamp_of(clock))
    clock.step_unix_us(3 * NS_PER_S // NS_PER_US)
    clock.pass_ns(NS_PER_MS)
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=1_000)) == clock.monotonic_ns()
    clock.pass_ns(100 * NS_PER_MS)
    assert arrivals.arrival_ns(stamp_of(clock, age_ns=1_000)) == clock.monotonic_ns() - 1_000
