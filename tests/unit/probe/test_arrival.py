"""Dating a datagram while the wall clock is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from omega_core.sockets.datagrams import Datagram
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_probe.arrival import STEP_NS, ArrivalClock
from support.clock import HandClock


def datagram(received_unix_ns: int | None) -> Datagram:
    return Datagram(b"", ("192.0.2.1", 862), received_unix_ns, 64, None)


def test_the_kernels_time_counts_and_not_the_late_reader() -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    clock.pass_ns(3 * NS_PER_MS)
    arrived_ns, stamp = clock.monotonic_ns(), clock.at_unix_ns
    clock.pass_ns(9 * NS_PER_MS)
    assert arrivals.arrival(datagram(stamp)).at_ns == arrived_ns
    assert (arrivals.kernel, arrivals.dated) == (1, 1)


def test_without_a_kernel_time_the_moment_of_reading_counts() -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    clock.pass_ns(3 * NS_PER_MS)
    assert arrivals.arrival(datagram(None)).at_ns == clock.monotonic_ns()
    assert (arrivals.kernel, arrivals.dated) == (0, 1)


@pytest.mark.parametrize(
    "step_us",
    [
        pytest.param(300_000, id="forwards by 300 ms"),
        pytest.param(-300_000, id="back by 300 ms"),
        pytest.param(3_600_000_000, id="forwards by an hour"),
        pytest.param(2_000, id="forwards by 2 ms, less than the packet waited"),
        pytest.param(STEP_NS // NS_PER_US + 1, id="one microsecond more than a clock slews"),
    ],
)
def test_a_step_of_the_wall_clock_never_falls_into_a_delay(step_us: int) -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    clock.pass_ns(10 * NS_PER_MS)
    arrived_ns, stamp = clock.monotonic_ns(), clock.at_unix_ns
    clock.step_unix_us(step_us)
    clock.pass_ns(NS_PER_MS)
    read_ns = clock.monotonic_ns()
    for _ in range(2):
        assert arrived_ns <= arrivals.arrival(datagram(stamp)).at_ns <= read_ns
    assert arrivals.kernel == 0


def test_a_step_before_the_wait_leaves_the_kernels_time_in_use() -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    clock.step_unix_us(-5_000_000)
    arrivals.found_empty()
    clock.pass_ns(NS_PER_MS)
    arrived_ns, stamp = clock.monotonic_ns(), clock.at_unix_ns
    clock.pass_ns(NS_PER_MS)
    assert arrivals.arrival(datagram(stamp)).at_ns == arrived_ns


@pytest.mark.parametrize(
    ("age_ns", "believed"),
    [
        pytest.param(5 * NS_PER_MS, True, id="as old as the last empty read"),
        pytest.param(5 * NS_PER_MS + NS_PER_US, False, id="a microsecond older than that"),
        pytest.param(2 * NS_PER_S, False, id="seconds older"),
        pytest.param(-NS_PER_MS, False, id="from the future"),
    ],
)
def test_no_datagram_is_older_than_the_last_empty_read(age_ns: int, *, believed: bool) -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    clock.pass_ns(5 * NS_PER_MS)
    arrived_ns = arrivals.arrival(datagram(clock.at_unix_ns - age_ns)).at_ns
    assert arrived_ns == clock.monotonic_ns() - (age_ns if believed else 0)


@pytest.mark.parametrize(
    ("lag_ns", "believed"),
    [
        pytest.param(0, True, id="at once"),
        pytest.param(40 * NS_PER_US, True, id="40 us after it was handed over"),
        pytest.param(-NS_PER_US, False, id="before it was handed over: another packet's"),
        pytest.param(3 * NS_PER_MS, False, id="after now"),
    ],
)
def test_a_departure_lies_between_handing_over_and_now(lag_ns: int, *, believed: bool) -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    handed_over_ns, unix_ns = clock.monotonic_ns(), clock.at_unix_ns
    clock.pass_ns(NS_PER_MS)
    dated = arrivals.departure(unix_ns + lag_ns, handed_over_ns=handed_over_ns)
    assert (dated.at_ns if dated else None) == (handed_over_ns + lag_ns if believed else None)


def test_a_step_of_the_wall_clock_takes_the_departure_away() -> None:
    clock = HandClock()
    arrivals = ArrivalClock(clock)
    handed_over_ns, unix_ns = clock.monotonic_ns(), clock.at_unix_ns
    clock.pass_ns(3 * NS_PER_MS)
    clock.step_unix_us(1_000)
    assert arrivals.departure(unix_ns, handed_over_ns=handed_over_ns) is None


@dataclass
class SleepyClock(HandClock):
    """A clock whose reader was put to sleep between two readings, `naps` times."""

    naps: int = 0

    def unix_us(self) -> int:
        told = super().unix_us()
        if self.naps:
            self.naps -= 1
            self.pass_ns(4 * NS_PER_MS)
        return told


@pytest.mark.parametrize("naps", [1, 3])
def test_sleep_between_two_readings_falsifies_no_delay(naps: int) -> None:
    clock = SleepyClock()
    arrivals = ArrivalClock(clock)
    clock.pass_ns(3 * NS_PER_MS)
    arrived_ns, stamp = clock.monotonic_ns(), clock.at_unix_ns
    clock.pass_ns(NS_PER_MS)
    clock.naps = naps
    dated = arrivals.arrival(datagram(stamp))
    assert (dated.at_ns, arrivals.kernel) == (arrived_ns, 1)
    assert dated.error_ns <= 2 * NS_PER_US
