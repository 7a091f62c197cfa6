from __future__ import annotations

import pytest

from omega_core.clock import Clock, SystemClock
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from support.clock import HandClock


class ClockContract:
    """What every clock promises."""

    @pytest.fixture
    def clock(self) -> Clock:
        raise NotImplementedError

    def test_durations_never_run_backwards(self, clock: Clock) -> None:
        readings = [clock.monotonic_ns() for _ in range(100)]
        assert readings == sorted(readings)

    def test_wall_clock_is_in_microseconds_of_this_century(self, clock: Clock) -> None:
        assert 1_700_000_000 < clock.unix_us() // 1_000_000 < 4_000_000_000

    def test_sleep_counts_for_one_of_them_only(self, clock: Clock) -> None:
        # Read in this order boottime can only be ahead, by the time the machine has slept.
        assert clock.monotonic_ns() <= clock.boottime_ns()


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestHandClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return HandClock()

    def test_time_passes_on_all_of_them(self) -> None:
        clock, before = HandClock(), HandClock()
        clock.pass_ns(3 * NS_PER_MS)
        assert clock.monotonic_ns() - before.monotonic_ns() == 3 * NS_PER_MS
        assert clock.boottime_ns() - before.boottime_ns() == 3 * NS_PER_MS
        assert clock.unix_us() - before.unix_us() == 3_000

    def test_a_step_moves_the_wall_clock_only(self) -> None:
        clock, before = HandClock(), HandClock()
        clock.step_unix_us(-5)
        assert clock.unix_us() == before.unix_us() - 5
        assert clock.monotonic_ns() == before.monotonic_ns()

    def test_the_monotonic_clock_does_not_notice_a_suspend(self) -> None:
        clock, before = HandClock(), HandClock()
        clock.sleep_ns(NS_PER_S)
        assert clock.monotonic_ns() == before.monotonic_ns()
        assert clock.boottime_ns() - before.boottime_ns() == NS_PER_S
        assert clock.unix_us() - before.unix_us() == NS_PER_S // NS_PER_US
