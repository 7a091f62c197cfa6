"""The tasks of a session that load the line: TCP runs, searches for the capacity, fixed rates.

Each is carried out with what the session knows by then, which the ones before it have made more: a
search starts at the rate that was sold, a TCP run that may end early ends at the capacity found.
What a task asks the test point for is made up once, and may be asked ahead, while the counts of the
one before are on their way. What was measured is kept here, in the order of the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from omega_core import limits
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
from omega_core.units import NS_PER_S
from omega_core.wire.testpoint import OpenRun
from omega_probe.capacity_task import (
    CapacityKnown,
    RateDisplay,
    load_ip_octets,
    measure_capacity,
)
from omega_probe.congestion_wish import LONG_RTT_US
from omega_probe.delay_stream import AtTestPoint, StreamPlan
from omega_probe.delay_stream import opening_of as stream_opening_of
from omega_probe.flow_opening import FlowOpener
from omega_probe.goodput import GoodputRequest, begin_to_connect
from omega_probe.goodput import opening_of as run_opening_of
from omega_probe.goodput_end import enough_ns
from omega_probe.load_knock import LoadKnock
from omega_probe.load_link import begin_to_knock
from omega_probe.load_link import opening_of as load_opening_of
from omega_probe.load_run import LoadRequest
from omega_probe.loaded_run import plan_beside, plan_beside_hold, run_beside_stream
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import CapacityTask, GoodputTask, MeasurementPlan
from omega_probe.session_budget import Budget
from omega_probe.working_stream import BesideRun

SETTLING_NS: Final = 8 * NS_PER_S  # the end of an idle stream, and the counts of a load
CONNECT_AHEAD_RTT_US: Final = LONG_RTT_US
"""Connections made through a full buffer begin with its delay for their round trip, which a sender
then paces by: of a long path that is a small part, and on a short one little would be saved."""
LoadTask: TypeAlias = GoodputTask | CapacityTask


class Loaded(NamedTuple):
    """How a task has ended, and what came of it."""

    ended: Ended
    detail: str
    found: Evidence


class _Ready(NamedTuple):
    """What a task asks the test point for, made up once, and the stream beside it."""

    request: LoadRequest | GoodputRequest
    beside: StreamPlan | None
    opener: FlowOpener | None = None
    """What connects the first flows, where that has begun."""
    knock: LoadKnock | None = None
    """What tells the test point that a load comes, where that has begun."""


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
        weigh: Callable[[], None],
    ) -> None:
        """Make the tasks of a session.

        `shown` is given the rate at every tick of a load; `weigh` is called when the traffic of the
        probe, as the meter has it, may be compared with the interface's.
        """
        self.runs: list[GoodputRun] = []
        self.working: list[WorkingStream] = []
        self.searches: list[CapacityRun] = []
        self._ready: dict[int, _Ready] = {}
        self._unreported: dict[int, BesideRun] = {}
        self._plan = plan
        self._idle = idle
        self._key = key
        self._started_ns = started_ns
        self._shown = shown
        self._weigh = weigh

    def ask_ahead(
        self,
        number: int,
        task: LoadTask,
        at: AtTestPoint,
        budget: Budget,
        *,
        mtu_octets: int | None,
        beside: bool,
    ) -> None:
        """Ask the test point for what a task needs, while the one before it comes to its end.

        `beside` says whether for the stream beside it, too. What was asked for is not asked again.
        On a long path the first flows of a TCP run begin to connect.
        """
        if self.is_asked(number):
            return
        ready = self._made_ready(number, task, at, budget, mtu_octets)
        self._ready[number] = ready
        stream = ready.beside
        if beside and stream is not None and stream.packets >= limits.WORKING_PACKETS_MIN:
            at.client.ask_ahead(stream_opening_of(stream))
        if isinstance(ready.request, LoadRequest):
            at.client.ask_ahead(load_opening_of(ready.request))
        else:
            at.client.ask_ahead(_opening_of(ready.request, at))
            if (ready.request.base_rtt_us or at.client.rtt_us_min()) < CONNECT_AHEAD_RTT_US:
                return
            opener = begin_to_connect(
                at.client, ready.request, clock=at.waiter.clock, traffic=at.meter
            )
            self._ready[number] = ready._replace(opener=opener)

    def ask_both_ahead(
        self,
        pair: tuple[CapacityTask, CapacityTask],
        at: AtTestPoint,
        budget: Budget,
        *,
        mtu_octets: int | None,
    ) -> bool:
        """Ask for the first two loads; return False, with nothing asked, where that can't be.

        Each has its own direction's octets, and a test point has room for one load each way. The
        streams beside them come first, while the loads have taken nothing.
        """
        first, second = pair
        ready = [
            self._made_ready(number, task, at, budget, mtu_octets)
            for number, task in enumerate(pair)
        ]
        streams = [each.beside for each in ready if each.beside is not None]
        if (
            first.direction is second.direction
            or first.duration_ns + SETTLING_NS > limits.LOAD_FIRST_NS
            or any(each.packets < limits.WORKING_PACKETS_MIN for each in streams)
            or not budget.has_room_for_streams(sum(each.octets_max or 0 for each in streams))
        ):
            return False
        self._ready.update(enumerate(ready))
        loads = [each.request for each in ready if isinstance(each.request, LoadRequest)]
        at.client.ask_ahead(*map(stream_opening_of, streams), *map(load_opening_of, loads))
        return True

    def is_asked(self, number: int) -> bool:
        """Say whether a task has been asked for ahead."""
        return number in self._ready

    def begin_to_reach(self, number: int, at: AtTestPoint) -> None:
        """Let the test point hear of an upward load that it is ready for: knock, or join."""
        ready = self._ready[number]
        if ready.opener is not None and isinstance(ready.request, GoodputRequest):
            upward = ready.request.direction is Direction.UP
            if upward and at.client.answer_to(_opening_of(ready.request, at)) is not None:
                ready.opener.join_ahead()
        elif isinstance(ready.request, LoadRequest) and ready.knock is None:
            knock = begin_to_knock(at.client, ready.request, clock=at.waiter.clock)
            self._ready[number] = ready._replace(knock=knock)

    def carry_out(
        self,
        number: int,
        task: LoadTask,
        at: AtTestPoint,
        budget: Budget,
        *,
        mtu_octets: int | None,
        grown: Callable[[], None],
        over: Callable[[], None],
        closed: Callable[[], None],
    ) -> Loaded:
        """Carry out one task.

        `grown` is called when a TCP run adds no more flows; `over` when the load has ended and its
        counts are still to come; `closed` when nothing more is to be asked for: as early as that,
        or once the stream beside it was closed.
        """
        ready = self._ready.pop(number, None)
        if ready is None:
            ready = self._made_ready(number, task, at, budget, mtu_octets)
        request = ready.request
        if isinstance(request, LoadRequest):
            assert isinstance(task, CapacityTask)  # noqa: S101 - what `_made_ready` goes by
            return self._capacity(request, task, at, ready, over=over, closed=closed)

        def ended() -> None:
            over()
            if ready.beside is None:
                closed()

        def told(rate_bps: int | None) -> None:
            self._weigh()
            self._shown(rate_bps)

        result, working = run_beside_stream(
            request,
            ready.beside,
            at,
            progress=told,
            grown=grown,
            over=ended,
            opener=ready.opener,
        )
        self.runs.append(result.run)
        self.working += working
        found = Evidence(goodput=(result.run,), working=working)
        return Loaded(result.run.ended, result.detail, found)

    def _made_ready(
        self,
        number: int,
        task: LoadTask,
        at: AtTestPoint,
        budget: Budget,
        mtu_octets: int | None,
    ) -> _Ready:
        if isinstance(task, GoodputTask):
            return self._goodput_ready(number, task, at, budget)
        known_bps = task.fixed_bps or self._plan.expected_bps(task.direction)
        request = LoadRequest(
            run=number,
            direction=task.direction,
            duration_ns=task.duration_ns,
            octets_max=budget.octets_left(task.direction),
            ip_octets=load_ip_octets(task, known_bps=known_bps, mtu_bytes=mtu_octets),
        )
        if not task.holds:
            return _Ready(request, None)
        return _Ready(request, plan_beside_hold(number, at.client, budget, key=self._key))

    def _goodput_ready(
        self, number: int, task: GoodputTask, at: AtTestPoint, budget: Budget
    ) -> _Ready:
        base_rtt_us = self._base_rtt_us()
        duration_ns, carried_bps = task.duration_ns, None
        if task.until_known:
            duration_ns = enough_ns(
                base_rtt_us or at.client.rtt_us_min(), at_most_ns=task.duration_ns
            )
            carried_bps = self._found_bps(task.direction)
        beside = None
        if task.beside:
            beside = plan_beside(
                number,
                duration_ns,
                at.client,
                budget,
                expected_bps=carried_bps or self._plan.expected_bps(task.direction),
                key=self._key,
            )
        kept = (beside and beside.octets_max) or 0
        request = GoodputRequest(
            run=number,
            direction=task.direction,
            duration_ns=duration_ns,
            octets_max=self._share_of(budget, number, task, kept=kept),
            base_rtt_us=base_rtt_us,
            idle_loss_ppm=self._idle_loss_ppm(task.direction),
            session_started_ns=self._started_ns,
            carried_bps=carried_bps,
        )
        return _Ready(request, beside)

    def _capacity(
        self,
        request: LoadRequest,
        task: CapacityTask,
        at: AtTestPoint,
        ready: _Ready,
        *,
        over: Callable[[], None],
        closed: Callable[[], None],
    ) -> Loaded:
        """Carry out one search or one run at a fixed rate."""
        rates = RateDisplay()
        known = CapacityKnown(
            rate_bps=task.fixed_bps or self._plan.expected_bps(task.direction),
            base_rtt_us=self._base_rtt_us(),
            idle=self._idle[0] if self._idle else None,
        )
        measured = measure_capacity(
            request,
            task,
            at,
            known,
            ready.beside,
            session_started_ns=self._started_ns,
            progress=lambda tick: self._shown(rates.rate_bps(tick)),
            caught_up=self._weigh,
            over=over,
            closed=closed,
            knock=ready.knock,
        )
        run = measured.run
        self.searches.append(run)
        if measured.unreported is not None:
            self._unreported[len(self.working)] = measured.unreported
        self.working += measured.working
        found = Evidence(capacity=(run,), working=measured.working)
        return Loaded(run.ended, measured.detail, found)

    def leave(self, meter: OwnTrafficMeter) -> None:
        """Close what was opened ahead and not used."""
        for ready in self._ready.values():
            if ready.opener is not None:
                ready.opener.give_up_all()
            if ready.knock is not None:
                ready.knock.give_up(meter)
        self._ready.clear()

    def take_late_reports(self) -> None:
        """Add the reports of streams that nobody waited for."""
        for place, stream in self._unreported.items():
            self.working[place] = stream.reported()
        self._unreported.clear()

    def _found_bps(self, direction: Direction) -> int | None:
        """Return the capacity that a search has decided on; None where none has."""
        shown = [
            capacity_of(run).maximum
            for run in self.searches
            if run.direction is direction and run.fixed_bps is None and run.ended is Ended.DECIDED
        ]
        return max((each.rate_bps for each in shown if each is not None), default=None)

    def _share_of(self, budget: Budget, number: int, task: GoodputTask, *, kept: int) -> int:
        """Return a run's share of the octets left: the runs to come are to have theirs.

        Those held only while a question is open share what the others leave. `kept` octets are the
        stream's beside it.
        """
        to_come = [
            each
            for each in self._plan.loads()[number:]
            if isinstance(each, GoodputTask)
            and each.direction is task.direction
            and each.if_open is task.if_open
        ]
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


def _opening_of(request: GoodputRequest, at: AtTestPoint) -> OpenRun:
    return run_opening_of(request, base_rtt_us=request.base_rtt_us or at.client.rtt_us_min())
