"""Sessions of the probe against a test point on loopback: the plans, and how one is held."""

from __future__ import annotations

import threading
from dataclasses import replace

from omega_core.clock import SystemClock
from omega_core.evidence import Attempt, Ended
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_probe.events import Emitter, discard
from omega_probe.guide import Guide
from omega_probe.plan import GoodputTask, MeasurementPlan, TestPointAccess
from omega_probe.session import SessionResult, run_session

DOWN = GoodputTask(direction=Direction.DOWN, duration_ns=1_000 * NS_PER_MS)
UP = replace(DOWN, direction=Direction.UP)
SHORT = MeasurementPlan(idle_duration_ns=400 * NS_PER_MS, goodput=(DOWN, UP))
LONG = MeasurementPlan(
    idle_duration_ns=10 * NS_PER_S,
    goodput=(replace(DOWN, duration_ns=10 * NS_PER_S), replace(UP, duration_ns=10 * NS_PER_S)),
)
TASKS = ["precheck", "connectivity", "idle", "goodput_down", "goodput_up", "finish"]


def hold(
    plan: MeasurementPlan,
    access: TestPointAccess,
    *,
    emit: Emitter = discard,
    stop: threading.Event | None = None,
    earlier: tuple[Attempt, ...] = (),
    guide: Guide | None = None,
) -> SessionResult:
    """Carry out a session."""
    return run_session(
        plan,
        access,
        earlier_attempts=earlier,
        clock=SystemClock(),
        emit=emit,
        stop=stop or threading.Event(),
        guide=guide,
    )


def ends(result: SessionResult) -> dict[str, Ended]:
    """Return how each task has ended."""
    return {end.task: end.ended for end in result.evidence.tasks}
