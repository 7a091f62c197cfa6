"""One capacity run of a session: what is known goes into the search, what was counted comes out.

The search starts at the plan's rate; without one at a guess that a few trains correct. Packets are
sized for that rate. What the receiver counted is the evidence; the search's own opinion is not
kept.

A search that holds has a delay stream: it begins with the filling of the buffer, so that it takes
nothing of what is searched for.

A plan's rate is asked about in packets of the plan's MTU, because so it was sold: smaller ones take
more cells or frames of the line. A repeat is due `REPEAT_US` after a window that was short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from omega_core import limits
from omega_core.capacity import IdleLoss
from omega_core.capacity_metrics import qualification_of
from omega_core.evidence import CapacityRun, IdleStream, WorkingStream
from omega_core.load import LoadTick
from omega_core.metrics import Direction
from omega_core.qualification import REPEAT_US, Carried
from omega_core.units import NS_PER_US, rate_bps, share_ppm_rounded_up
from omega_probe.capacity_hold import SearchThenHold
from omega_probe.capacity_search import CapacitySearch, packet_ip_octets
from omega_probe.delay_stream import AtTestPoint, StreamPlan
from omega_probe.fixed_rate import SUB_INTERVAL_US, FixedRate
from omega_probe.load_knock import LoadKnock
from omega_probe.load_link import run_load
from omega_probe.load_run import LoadMachine, LoadRequest, LoadResult
from omega_probe.plan import CapacityTask
from omega_probe.working_stream import BesideRun, LoadOfStream

MTU_OCTETS_MAX: Final = 1_500  # what passes unfragmented nearly everywhere
_SHOWN_TICKS: Final = 10


class CapacityKnown(NamedTuple):
    """What the session knows of the line; rates of the IP layer."""

    rate_bps: int | None
    base_rtt_us: int | None
    idle: IdleStream | None


class MeasuredCapacity(NamedTuple):
    """What the record keeps of a run, and words on how it ended."""

    run: CapacityRun
    working: tuple[WorkingStream, ...]
    detail: str
    unreported: BesideRun | None
    """The stream of `working`, where its report is still to be fetched."""


def measure_capacity(
    request: LoadRequest,
    task: CapacityTask,
    at: AtTestPoint,
    known: CapacityKnown,
    beside: StreamPlan | None,
    *,
    session_started_ns: int,
    progress: Callable[[LoadTick], None],
    caught_up: Callable[[], None],
    over: Callable[[], None],
    closed: Callable[[], None],
    knock: LoadKnock | None = None,
) -> MeasuredCapacity:
    """Carry out one run; raises nothing for what the network does.

    `caught_up` is called after a tick when the meter has all that the interface has counted: see
    `run_load`. `over` is called when nothing is to be sent any more and the counts, which have been
    asked for, are still to come; `closed` when all is asked for and only the report of the stream
    beside it, which is not waited for, is still to come. `knock` has reached the test point, if
    anybody has.
    """
    stream = None if beside is None else BesideRun(beside, at)
    decider = _Decider(request, task, at, known, stream)

    def ended() -> None:
        decider.over()
        over()
        if stream is None:
            closed()

    def told(tick: LoadTick) -> None:
        decider.look()
        progress(tick)

    began_ns = at.waiter.clock.monotonic_ns()
    try:
        result = run_load(
            at.client,
            request,
            decider.begin,
            clock=at.waiter.clock,
            meter=at.meter,
            stop=at.waiter.stop,
            progress=told,
            caught_up=caught_up,
            over=ended,
            knock=knock,
        )
    finally:
        decider.stop()
    run = decider.evidence(result, began_ns=began_ns, session_started_ns=session_started_ns)
    working = decider.working(run, session_started_ns)
    if stream is not None:
        closed()
    unreported = stream if stream is not None and stream.unreported else None
    return MeasuredCapacity(run, working, result.detail, unreported)


class _Decider:
    """Makes what decides in a run when it begins, and the stream beside it when that is due."""

    def __init__(
        self,
        request: LoadRequest,
        task: CapacityTask,
        at: AtTestPoint,
        known: CapacityKnown,
        beside: BesideRun | None,
    ) -> None:
        self._request = request
        self._task = task
        self._family = at.client.family
        self._known = known
        self._beside = beside
        self._base_us = known.base_rtt_us or at.client.rtt_us_min()
        sent, lost = _idle_loss(known.idle, task.direction)
        self._idle = IdleLoss(loss_ppm=share_ppm_rounded_up(lost, sent), packets=sent)
        self._sub_interval_us = SUB_INTERVAL_US
        self._held: SearchThenHold | None = None

    def begin(self, granted_octets: int, now_ns: int) -> LoadMachine:
        """Return what decides in the run, which begins now."""
        task, request = self._task, self._request
        octets_max = min(granted_octets, request.octets_max)
        if task.fixed_bps is not None:
            return FixedRate(
                wanted_bps=task.fixed_bps,
                octets_max=octets_max,
                duration_ns=task.duration_ns,
                base_rtt_us=self._base_us,
                idle=self._idle,
                ip_octets=request.ip_octets,
                now_ns=now_ns,
                allowance=task.allowance,
            )
        search = CapacitySearch(
            start_bps=self._known.rate_bps,
            rate_max_bps=limits.LOAD_RATE_BPS_MAX,
            octets_max=octets_max,
            duration_ns=task.duration_ns,
            base_rtt_us=self._base_us,
            idle_loss_ppm=self._idle.loss_ppm,
            idle_packets=self._idle.packets,
            ip_octets=request.ip_octets,
            quick=task.quick,
            held=self._beside is not None,
            now_ns=now_ns,
        )
        self._sub_interval_us = search.sub_interval_us
        if self._beside is None:
            return search
        self._held = SearchThenHold(search, hold_ns=self._beside.held_ns, base_rtt_us=self._base_us)
        return self._held

    def look(self) -> None:
        """Begin the stream as soon as the buffer is being filled."""
        held = self._held
        if held is not None and self._beside is not None and held.carried_bps is not None:
            self._beside.begin(held.carried_bps)

    def over(self) -> None:
        """Let the stream end while the counts are fetched."""
        if self._beside is not None:
            self._beside.end()

    def stop(self) -> None:
        """End the stream."""
        if self._beside is not None:
            self._beside.stop()

    def evidence(
        self, result: LoadResult, *, began_ns: int, session_started_ns: int
    ) -> CapacityRun:
        """Return what the record keeps of the run."""
        request = self._request
        counts = result.received
        hold = self._held.hold if self._held else None
        started_ns = result.started_ns or began_ns
        return CapacityRun(
            run=request.run,
            family=self._family,
            direction=request.direction,
            started_offset_us=(started_ns - session_started_ns) // NS_PER_US,
            base_rtt_us=self._base_us,
            ip_octets=request.ip_octets,
            idle_loss_ppm=self._idle.loss_ppm,
            idle_packets=self._idle.packets,
            sub_interval_us=self._sub_interval_us,
            fixed_bps=self._task.fixed_bps,
            at_us=counts.at_us,
            octets=counts.octets,
            packets=counts.packets,
            highest=counts.highest,
            delay_us_max=counts.delay_us_max,
            offered=result.offered,
            reordered=counts.reordered,
            duplicates=counts.duplicates,
            host_drops=counts.host_drops,
            held_us=None
            if hold is None
            else (
                (hold.from_ns - session_started_ns) // NS_PER_US,
                (hold.until_ns - session_started_ns) // NS_PER_US,
            ),
            filled=hold is not None and hold.full,
            ended=result.ended,
        )

    def working(self, run: CapacityRun, session_started_ns: int) -> tuple[WorkingStream, ...]:
        """Return the stream beside the run, if it was to have one."""
        if self._beside is None:
            return ()
        of = LoadOfStream(run.run, run.direction, run.ended, None)
        return (self._beside.close(of, session_started_ns=session_started_ns, late=True),)


class RateDisplay:
    """What a display shows of a run: the rate over the last half second."""

    def __init__(self) -> None:
        self._ticks: deque[LoadTick] = deque(maxlen=_SHOWN_TICKS)

    def rate_bps(self, tick: LoadTick) -> int | None:
        """Take a tick; return the rate over the last ones, None before there are two."""
        self._ticks.append(tick)
        first = self._ticks[0]
        return rate_bps(tick.octets - first.octets, tick.at_us - first.at_us)


def repeat_due_us(task: CapacityTask, earlier: Sequence[CapacityRun]) -> int | None:
    """Return when in the session a repeat may begin; None where none is needed."""
    same = [
        run
        for run in earlier
        if run.direction is task.direction and run.fixed_bps == task.fixed_bps is not None
    ]
    if not same or task.fixed_bps is None:
        return None
    seen = qualification_of(same[-1], task.fixed_bps, task.allowance)
    if seen is None or seen.outcome is not Carried.SHORT:
        return None
    return same[-1].started_offset_us + REPEAT_US


def load_ip_octets(task: CapacityTask, *, known_bps: int | None, mtu_bytes: int | None) -> int:
    """Return the IP octets of a packet: the plan's MTU where its rate is in question."""
    mtu = min(mtu_bytes or MTU_OCTETS_MAX, MTU_OCTETS_MAX)
    if task.fixed_bps is None or task.mtu_bytes is None:
        return packet_ip_octets(known_bps, mtu)
    return packet_ip_octets(None, min(mtu, task.mtu_bytes))


def _idle_loss(idle: IdleStream | None, direction: Direction) -> tuple[int, int]:
    """Return how many packets of the quiet line went that way, and how many were lost on it."""
    if idle is None:
        return 0, 0
    lost_up = sum(last - first + 1 for first, last in idle.lost_up)
    lost_down = sum(last - first + 1 for first, last in idle.lost_down)
    if direction is Direction.UP:
        return len(idle.rtt_us), lost_up
    return len(idle.rtt_us) - lost_up, lost_down
