"""One TCP run of a session with its delay stream beside it: planned, carried out, both kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omega_core.evidence import WorkingStream
from omega_probe.delay_stream import AtTestPoint, StreamPlan, random_phase_ns
from omega_probe.goodput import GoodputRequest, GoodputResult, run_goodput
from omega_probe.plan import GoodputTask
from omega_probe.session_budget import Budget
from omega_probe.test_point_client import TestPointClient
from omega_probe.working_stream import (
    BesideRun,
    packets_beside,
    stream_ip_octets,
    working_period_ns,
)

STREAM_OF_FIRST_RUN: Final = 3  # numbers below are connectivity's, of each family, and idle's


def plan_beside(
    number: int,
    task: GoodputTask,
    client: TestPointClient,
    budget: Budget,
    *,
    expected_bps: int | None,
    key: bytes | None,
) -> StreamPlan:
    """Return the stream beside a run; where octets are few it has no packet.

    `expected_bps` is what the line is known to carry in the direction of the run.
    """
    octets = stream_ip_octets(client.family, authenticated=key is not None)
    period_ns = working_period_ns(expected_bps, ip_octets=octets)
    packets = budget.packets_beside(packets_beside(task.duration_ns), ip_octets=octets)
    return StreamPlan(
        stream=STREAM_OF_FIRST_RUN + number,
        address=client.address,
        family=client.family,
        packets=packets,
        period_ns=period_ns,
        phase_ns=random_phase_ns(period_ns),
        key=key,
        octets_max=packets * octets,
    )


def run_beside_stream(
    request: GoodputRequest,
    plan: StreamPlan,
    at: AtTestPoint,
    *,
    progress: Callable[[int | None], None],
) -> tuple[GoodputResult, WorkingStream]:
    """Carry out a run while the stream goes on; raises nothing for what the network does."""
    beside = BesideRun(plan, at)

    def told(rate_bps: int | None) -> None:
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
        )
    finally:
        beside.stop()
    return result, beside.close(result, session_started_ns=request.session_started_ns)
