"""One capacity run of a session: what is known goes into the search, what was counted comes out.

The search starts at the rate that TCP has just shown, or the plan's; without either at a guess that
a few trains correct. Packets are sized for that rate. What the receiver counted is the evidence;
the search's own opinion is not kept.

A plan's rate is asked about in packets of the plan's MTU, because so it was sold: smaller ones take
more cells or frames of the line. A repeat is due `REPEAT_US` after a window that was short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from omega_core import limits
from omega_core.capacity import IdleLoss
from omega_core.capacity_metrics import qualification_of
from omega_core.evidence import CapacityRun, IdleStream
from omega_core.load import LoadTick
from omega_core.metrics import Direction
from omega_core.qualification import REPEAT_US, Carried
from omega_core.units import NS_PER_US, rate_bps, share_ppm_rounded_up
from omega_probe.capacity_search import CapacitySearch, packet_ip_octets
from omega_probe.delay_stream import AtTestPoint
from omega_probe.fixed_rate import SUB_INTERVAL_US, FixedRate
from omega_probe.load_link import run_load
from omega_probe.load_run import LoadMachine, LoadRequest, LoadResult
from omega_probe.plan import CapacityTask

MTU_OCTETS_MAX: Final = 1_500  # what passes unfragmented nearly everywhere
_SHOWN_TICKS: Final = 10
TCP_SHARE_PERCENT: Final = 96  # of the IP rate is what TCP carries of a full packet


def measure_capacity(
    number: int,
    task: CapacityTask,
    at: AtTestPoint,
    *,
    octets_max: int,
    known_bps: int | None,
    mtu_bytes: int | None,
    base_rtt_us: int | None,
    idle: IdleStream | None,
    session_started_ns: int,
    progress: Callable[[LoadTick], None],
) -> tuple[CapacityRun, LoadResult]:
    """Carry out one run; raises nothing for what the network does."""
    client = at.client
    ip_octets = load_ip_octets(task, known_bps=known_bps, mtu_bytes=mtu_bytes)
    sent, lost = _idle_loss(idle, task.direction)
    base_us = base_rtt_us or client.rtt_us_min()
    idle_loss = IdleLoss(loss_ppm=share_ppm_rounded_up(lost, sent), packets=sent)
    sub_interval_us = SUB_INTERVAL_US

    def begin(granted_octets: int, now_ns: int) -> LoadMachine:
        nonlocal sub_interval_us
        if task.fixed_bps is not None:
            return FixedRate(
                wanted_bps=task.fixed_bps,
                octets_max=min(granted_octets, octets_max),
                duration_ns=task.duration_ns,
                base_rtt_us=base_us,
                idle=idle_loss,
                ip_octets=ip_octets,
                now_ns=now_ns,
                allowance=task.allowance,
            )
        search = CapacitySearch(
            start_bps=known_bps,
            rate_max_bps=limits.LOAD_RATE_BPS_MAX,
            octets_max=min(granted_octets, octets_max),
            duration_ns=task.duration_ns,
            base_rtt_us=base_us,
            idle_loss_ppm=idle_loss.loss_ppm,
            idle_packets=idle_loss.packets,
            ip_octets=ip_octets,
            quick=task.quick,
            now_ns=now_ns,
        )
        sub_interval_us = search.sub_interval_us
        return search

    request = LoadRequest(
        run=number,
        direction=task.direction,
        duration_ns=task.duration_ns,
        octets_max=octets_max,
        ip_octets=ip_octets,
    )
    began_ns = at.waiter.clock.monotonic_ns()
    result = run_load(
        client,
        request,
        begin,
        clock=at.waiter.clock,
        meter=at.meter,
        stop=at.waiter.stop,
        progress=progress,
    )
    counts = result.received
    run = CapacityRun(
        run=number,
        family=client.family,
        direction=task.direction,
        started_offset_us=((result.started_ns or began_ns) - session_started_ns) // NS_PER_US,
        base_rtt_us=base_us,
        ip_octets=ip_octets,
        idle_loss_ppm=idle_loss.loss_ppm,
        idle_packets=idle_loss.packets,
        sub_interval_us=sub_interval_us,
        fixed_bps=task.fixed_bps,
        at_us=counts.at_us,
        octets=counts.octets,
        packets=counts.packets,
        highest=counts.highest,
        delay_us_max=counts.delay_us_max,
        offered=result.offered,
        reordered=counts.reordered,
        duplicates=counts.duplicates,
        host_drops=counts.host_drops,
        ended=result.ended,
    )
    return run, result


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
    return packet_ip_octets(limits.LOAD_RATE_BPS_MAX, min(mtu, task.mtu_bytes))


def known_rate_bps(goodput_bps: int | None, expected_bps: int | None) -> int | None:
    """Return about what the line carries at the IP layer: as TCP has shown, or as was sold."""
    if goodput_bps is not None:
        return goodput_bps * 100 // TCP_SHARE_PERCENT
    return expected_bps


def _idle_loss(idle: IdleStream | None, direction: Direction) -> tuple[int, int]:
    """Return how many packets of the quiet line went that way, and how many were lost on it."""
    if idle is None:
        return 0, 0
    lost_up = sum(last - first + 1 for first, last in idle.lost_up)
    lost_down = sum(last - first + 1 for first, last in idle.lost_down)
    if direction is Direction.UP:
        return len(idle.rtt_us), lost_up
    return len(idle.rtt_us) - lost_up, lost_down
