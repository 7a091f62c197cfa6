"""A clock that is set during a real session: the wall clock steps, delays do not notice."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omega_core.clock import SystemClock
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.events import Event, PhaseStarted
from omega_probe.plan import MeasurementPlan
from omega_probe.session import run_session
from support.real_test_point import RealTestPoint


@dataclass
class SetClock:
    """The machine's clock, whose wall time somebody sets half a second into the idle stream."""

    step_us: int
    set_at_ns: int | None = None
    _real: SystemClock = field(default_factory=SystemClock)

    def monotonic_ns(self) -> int:
        return self._real.monotonic_ns()

    def boottime_ns(self) -> int:
        return self._real.boottime_ns()

    def unix_us(self) -> int:
        stepped = self.set_at_ns is not None and self.monotonic_ns() >= self.set_at_ns
        return self._real.unix_us() + (self.step_us if stepped else 0)

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.task == "idle":
            self.set_at_ns = self.monotonic_ns() + 500 * NS_PER_MS


@pytest.mark.slow
@pytest.mark.parametrize(
    "step_us",
    [
        pytest.param(15_000, id="forwards by less than a period"),
        pytest.param(400_000, id="forwards by 400 ms"),
        pytest.param(-400_000, id="back by 400 ms"),
        pytest.param(7_200_000_000, id="forwards by two hours"),
    ],
)
def test_a_clock_that_is_set_during_the_stream(tmp_path: Path, step_us: int) -> None:
    clock = SetClock(step_us)
    plan = MeasurementPlan(idle_duration_ns=NS_PER_S, connectivity_attempts=1)
    with RealTestPoint(tmp_path) as test_point:
        result = run_session(
            plan,
            test_point.access(),
            earlier_attempts=(),
            clock=clock,
            emit=clock.emit,
            stop=threading.Event(),
        )
    stream = result.evidence.idle[0]
    assert len(stream.rtt_us) == 51
    assert all(rtt_us is not None and 5 <= rtt_us < 12_000 for rtt_us in stream.rtt_us), (
        stream.rtt_us
    )
    assert result.clock_step_us == pytest.approx(step_us, abs=2_000)
    assert result.suspended_us < 1_000
    assert result.duration_us < 10_000_000, "two hours have not passed"
