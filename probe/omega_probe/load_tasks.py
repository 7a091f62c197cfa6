"""The tasks of a session that load the line: TCP runs, searches for the capacity, fixed rates.

Each is carried out with what the session knows by then, which the ones before it have made more: a
search starts at the rate that was sold, a TCP run that may end early ends at the capacity found.
What was measured is kept here, in the order of the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from omega_core.capacity import capacity_of
from omega_core.derive import metrics_of
from omega_core.evidence import (
    CapacityRun,
    Ended,
    Evidence,
    GoodputRun,
    IdleStream,
    WorkingStream,
)
from omega_core.metrics import Direction
from omega_probe.capacity_task import (
    CapacityKnown,
    RateDisplay,
    measure_capacity,
)
from omega_probe.delay_stream import AtTestPoint
from omega_probe.goodput import GoodputRequest
from omega_probe.goodput_end import enough_ns
from omega_probe.loaded_run import plan_beside, plan_beside_hold, run_beside_stream
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from omega_probe.session_budget import Budget


class Loaded(NamedTuple):
    """How a task has ended, and what came of it."""

    ended: Ended
    detail: str
    found: Evidence


class LoadTasks:
    """Carries out one session's tasks; `idle` is the list that the session's streams go to."""

    def __init__(
        self,
        plan: MeasurementPlan,
        *,
        idle: Sequence[IdleStream],
        key: bytes | None,
        started_ns: int,
        shown: Callable[[int | None], None],
    ) -> None:
        self.runs: list[GoodputRun] = []
        self.working: list[WorkingStream] = []
        self.searches: list[CapacityRun] = []
        self._plan = plan
        self._idle = idle
        self._key = key
        self._started_ns = started_ns
        self._shown = shown

    def goodput(self, number: int, task: GoodputTask, at: AtTestPoint, budget: Budget) -> Loaded:
        """Carry out one TCP run, with a stream beside it unless a search has had one."""
        base_rtt_us = self._base_rtt_us()
        duration_ns, carried_bps = task.duration_ns, None
        if task.until_known:
            duration_ns = enough_ns(
                base_rtt_us or at.client.rtt_us_min(), at_most_ns=task.duration_ns
            )
            carried_bps = self._found_bps(task.direction)
        plan = None
        if task.beside:
            plan = plan_beside(
                number,
                duration_ns,
                at.client,
                budget,
                expected_bps=carried_bps or self._plan.expected_bps(task.direction),
                key=self._key,
            )
        request = GoodputRequest(
            run=number,
            direction=task.direction,
            duration_ns=duration_ns,
            octets_max=self._share_of(budget, task, kept=(plan and plan.octets_max) or 0),
            base_rtt_us=base_rtt_us,
            idle_loss_ppm=self._idle_loss_ppm(task.direction),
            session_started_ns=self._started_ns,
            carried_bps=carried_bps,
        )
        result, working = run_beside_stream(request, plan, at, progress=self._shown)
        self.runs.append(result.run)
        self.working += working
        found = Evidence(goodput=(result.run,), working=working)
        return Loaded(result.run.ended, result.detail, found)

    def capacity(
        self,
        number: int,
        task: CapacityTask,
        at: AtTestPoint,
        budget: Budget,
        *,
        mtu_octets: int | None,
    ) -> Loaded:
        """Carry out one search or one run at a fixed rate."""
        rates = RateDisplay()
        known = CapacityKnown(
            octets_max=budget.octets_left(task.direction),
            rate_bps=task.fixed_bps or self._plan.expected_bps(task.direction),
            mtu_octets=mtu_octets,
            base_rtt_us=self._base_rtt_us(),
            idle=self._idle[0] if self._idle else None,
        )
        beside = None
        if task.holds:
            beside = plan_beside_hold(number, at.client, budget, key=self._key)
        run, working, detail = measure_capacity(
            number,
            task,
            at,
            known,
            beside,
            session_started_ns=self._started_ns,
            progress=lambda tick: self._shown(rates.rate_bps(tick)),
        )
        self.searches.append(run)
        self.working += working
        found = Evidence(capacity=(run,), working=working)
        return Loaded(run.ended, detail, found)

    def _found_bps(self, direction: Direction) -> int | None:
        """Return the capacity that a search has decided on; None where none has."""
        shown = [
            capacity_of(run).maximum
            for run in self.searches
            if run.direction is direction and run.fixed_bps is None and run.ended is Ended.DECIDED
        ]
        return max((each.rate_bps for each in shown if each is not None), default=None)

    def _share_of(self, budget: Budget, task: GoodputTask, *, kept: int) -> int:
        """Return a run's share of the octets left: the runs to come are to have theirs.

        `kept` octets are the stream's beside it.
        """
        done = len(self.runs)
        to_come = [each for each in self._plan.goodput[done:] if each.direction is task.direction]
        left_ns = sum(each.duration_ns for each in to_come)
        left = budget.octets_left(task.direction) - kept
        return left * task.duration_ns // left_ns

    def _base_rtt_us(self) -> int | None:
        answered = [
            rtt_us for stream in self._idle for rtt_us in stream.rtt_us if rtt_us is not None
        ]
        return min(answered, default=None)

    def _idle_loss_ppm(self, direction: Direction) -> int | None:
        return metrics_of(Evidence(idle=tuple(self._idle)))[f"loss_ppm_{direction}"].value
