"""The delay streams beside loads: planned, and a TCP run carried out with one; both are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omega_core import limits
from omega_core.evidence import WorkingStream
from omega_probe.delay_stream import AtTestPoint, StreamPlan, random_phase_ns
from omega_probe.flow_opening import FlowOpener
from omega_probe.goodput import GoodputRequest, GoodputResult, run_goodput
from omega_probe.session_budget import Budget
from omega_probe.test_point_client import TestPointClient
from omega_probe.working_stream import (
    HELD_STREAM_PACKETS,
    BesideRun,
    LoadOfStream,
    packets_beside,
    stream_ip_octets,
    working_period_ns,
)

STREAM_OF_FIRST_RUN: Final = 3  # numbers below are connectivity's, of each family, and idle's


def plan_beside(
    number: int,
    duration_ns: int,
    client: TestPointClient,
    budget: Budget,
    *,
    expected_bps: int | None,
    key: bytes | None,
) -> StreamPlan:
    """Return the stream beside a TCP run of that length; where octets are few it has no packet.

    `expected_bps` is what the line is known to carry in the direction of the run.
    """
    octets = stream_ip_octets(client.family, authenticated=key is not None)
    period_ns = working_period_ns(expected_bps, ip_octets=octets)
    return _plan(number, packets_beside(duration_ns), period_ns, client, budget, key=key)


def plan_beside_hold(
    number: int, client: TestPointClient, budget: Budget, *, key: bytes | None
) -> StreamPlan:
    """Return the stream beside a load that is held; what the line carries is not known yet."""
    return _plan(number, HELD_STREAM_PACKETS, limits.STREAM_PERIOD_NS_MIN, client, budget, key=key)


def run_beside_stream(
    request: GoodputRequest,
    plan: StreamPlan | None,
    at: AtTestPoint,
    *,
    progress: Callable[[int | None], None],
    over: Callable[[], None],
    grown: Callable[[], None] = lambda: None,
    opener: FlowOpener | None = None,
) -> tuple[GoodputResult, tuple[WorkingStream, ...]]:
    """Carry out a run while the stream goes on; raises nothing for what the network does.

    `grown` is called when no more flows are added, `over` when the load has ended and the counts of
    it are still to come. `opener` has connected the run's first flows, if anybody has.
    """
    beside = None if plan is None else BesideRun(plan, at)
    if beside is not None:
        beside.begin()

    def told(rate_bps: int | None) -> None:
        if beside is not None:
            beside.line_carries(rate_bps)
        progress(rate_bps)

    try:
        result = run_goodput(
            at.client,
            request,
            clock=at.waiter.clock,
            traffic=at.meter,
            stop=at.waiter.stop,
            progress=told,
            over=over,
            grown=grown,
            opener=opener,
        )
    finally:
        if beside is not None:
            beside.stop()
    if beside is None:
        return result, ()
    run = result.run
    of = LoadOfStream(run.run, run.direction, run.ended, result.epoch_ns)
    return result, (beside.close(of, session_started_ns=request.session_started_ns),)


def _plan(
    number: int,
    packets: int,
    period_ns: int,
    client: TestPointClient,
    budget: Budget,
    *,
    key: bytes | None,
) -> StreamPlan:
    octets = stream_ip_octets(client.family, authenticated=key is not None)
    packets = budget.packets_beside(packets, ip_octets=octets)
    return StreamPlan(
        stream=STREAM_OF_FIRST_RUN + number,
        address=client.address,
        family=client.family,
        packets=packets,
        period_ns=period_ns,
        phase_ns=random_phase_ns(period_ns),
        key=key,
        octets_max=packets * octets,
        hurried=True,
    )
