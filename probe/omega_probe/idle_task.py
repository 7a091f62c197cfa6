"""The delay stream on the quiet line: planned by what the grant has left, held, and kept.

Its report is not waited for where it could tell nothing new; it is taken at the end of the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omega_core import limits
from omega_core.evidence import Ended, IdleStream
from omega_core.units import NS_PER_S
from omega_probe.delay_stream import (
    AtTestPoint,
    HeldStream,
    StreamPlan,
    close_stream,
    hold_stream,
    idle_stream_of,
    opening_of,
    random_phase_ns,
)
from omega_probe.plan import MeasurementPlan
from omega_probe.session_budget import Budget

IDLE_STREAM: Final = 2  # numbers 0 and 1 are connectivity's; those after it stand beside runs


class IdleTask:
    """Carries out one session's task; `streams` has what was measured."""

    def __init__(self, plan: MeasurementPlan, *, key: bytes | None, started_ns: int) -> None:
        self.streams: list[IdleStream] = []
        self._plan = plan
        self._key = key
        self._started_ns = started_ns
        self._unreported: tuple[StreamPlan, HeldStream] | None = None

    def ask_ahead(self, at: AtTestPoint, budget: Budget) -> None:
        """Ask the test point for the stream while the attempts before it are made."""
        if self._plan.idle_duration_ns:
            at.client.ask_ahead(opening_of(self.planned(at, budget)))

    def planned(self, at: AtTestPoint, budget: Budget) -> StreamPlan:
        """Return the stream, shortened to what is left; of no packet where nothing is."""
        period_ns = self._plan.idle_period_ns
        packets = budget.packets(
            self._packets_wanted(),
            ip_octets=limits.STREAM_IP_OCTETS_MAX,
            period_ns=period_ns,
            waiting_ns=NS_PER_S,
        )
        return StreamPlan(
            stream=IDLE_STREAM,
            address=at.client.address,
            family=at.client.family,
            packets=packets,
            period_ns=period_ns,
            phase_ns=random_phase_ns(period_ns),
            key=self._key,
            hurried=self._plan.idle_hurried,
        )

    def carry_out(
        self,
        plan: StreamPlan,
        at: AtTestPoint,
        *,
        progress: Callable[[int | None], None],
        over: Callable[[], None],
        late: bool,
    ) -> tuple[Ended, str]:
        """Hold the stream; return how the task has ended. `over` and `late`: see `hold_stream`."""
        held = hold_stream(
            plan, at, progress=lambda _, rtt_us: progress(rtt_us), over=over, late=late
        )
        stream = idle_stream_of(held, plan, session_started_ns=self._started_ns)
        if stream is not None:
            self.streams.append(stream)
        if held.unreported:
            self._unreported = (plan, held)
        if held.ended is Ended.COMPLETED and plan.packets < self._packets_wanted():
            return Ended.BUDGET, held.detail
        return held.ended, held.detail

    def take_late_report(self, at: AtTestPoint) -> None:
        """Add the report that nobody waited for."""
        if self._unreported is None:
            return
        plan, held = self._unreported
        held = close_stream(plan, at, held)
        stream = idle_stream_of(held, plan, session_started_ns=self._started_ns)
        if stream is not None:
            self.streams[-1:] = [stream]

    def _packets_wanted(self) -> int:
        return limits.packet_count(self._plan.idle_duration_ns, self._plan.idle_period_ns)
