"""A delay stream on the quiet line: planned by what the grant has left, held, and kept.

Its report is not waited for where it could tell nothing new; it is taken at the end of the session.
It may begin early, while the replies to attempts before it are still to come: they disturb nothing.
It ends early once what is asked of it is known: see `omega_probe.until_known`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omega_core import limits
from omega_core.evidence import Ended, IdleStream
from omega_core.units import NS_PER_S
from omega_core.wire.testpoint import OpenStream
from omega_probe.delay_stream import (
    AtTestPoint,
    HeldStream,
    StreamPlan,
    close_stream,
    end_stream,
    hold_stream,
    idle_stream_of,
    open_stream,
    opening_of,
    random_phase_ns,
)
from omega_probe.early_stream import EarlyStream
from omega_probe.plan import MeasurementPlan
from omega_probe.round_trip import StampSender
from omega_probe.session_budget import Budget
from omega_probe.until_known import UntilKnown

FIRST_STREAM: Final = 2  # numbers 0 and 1 are connectivity's; those after it stand beside runs
SECOND_STREAM: Final = limits.SESSION_STREAMS_MAX - 1  # beyond those beside runs


class IdleTask:
    """Holds one stream, and puts what was measured in front of `streams`."""

    def __init__(
        self,
        plan: MeasurementPlan,
        *,
        stream: int,
        duration_ns: int,
        streams: list[IdleStream],
        key: bytes | None,
        started_ns: int,
    ) -> None:
        self._plan = plan
        self._stream = stream
        self._duration_ns = duration_ns
        self._streams = streams
        self._key = key
        self._started_ns = started_ns
        self._early: tuple[StreamPlan, EarlyStream | HeldStream] | None = None
        self._unreported: tuple[StreamPlan, HeldStream] | None = None

    def openings(self) -> list[OpenStream]:
        """Return what is to be asked for together with the session."""
        if not self._duration_ns:
            return []
        return [OpenStream(stream=self._stream, authenticated=self._key is not None)]

    @property
    def has_begun(self) -> bool:
        """Whether the stream has begun early."""
        return self._early is not None

    def begin_early(self, at: AtTestPoint, budget: Budget, *, begins: Callable[[], None]) -> None:
        """Begin the stream, unless the test point is not ready for it or nothing is left for it.

        `begins` is called before its first packet, and only if there will be one.
        """
        if not self._duration_ns or at.waiter.stop.is_set():
            return
        plan = self.planned(at, budget)
        if plan.packets < 1 or at.client.answer_to(opening_of(plan)) is None:
            return
        begins()
        opened = open_stream(plan, at)
        if isinstance(opened, HeldStream):
            self._early = plan, opened
        else:
            self._early = plan, EarlyStream(plan, at, opened)

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
            stream=self._stream,
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
        at: AtTestPoint,
        budget: Budget,
        *,
        progress: Callable[[int | None], None],
        over: Callable[[], None],
        late: bool,
        until: UntilKnown | None = None,
    ) -> tuple[Ended, str]:
        """Hold the stream; return how the task has ended. `over` and `late`: see `hold_stream`."""
        plan, early = self._early or (self.planned(at, budget), None)

        def told(machine: StampSender) -> None:
            progress(machine.latest_rtt_us)
            if until is not None:
                self._look(plan, machine, at, until)

        if early is None:
            held = hold_stream(plan, at, progress=told, over=over, late=late)
        else:
            if isinstance(early, EarlyStream):
                early = early.finish(progress=told, all_sent=over)
            held = end_stream(plan, at, early, late=late)
        stream = idle_stream_of(held, plan, session_started_ns=self._started_ns)
        if stream is not None:
            self._streams.insert(0, stream)
        if held.unreported:
            self._unreported = (plan, held)
        return self._end(held, plan, None if until is None else until.known_after)

    def leave(self) -> None:
        """Let go of the stream that has begun early."""
        if self._early is not None and isinstance(self._early[1], EarlyStream):
            self._early[1].leave()

    def take_late_report(self, at: AtTestPoint) -> None:
        """Add the report that nobody waited for, of the stream that was held last."""
        if self._unreported is None:
            return
        plan, held = self._unreported
        held = close_stream(plan, at, held)
        stream = idle_stream_of(held, plan, session_started_ns=self._started_ns)
        if stream is not None:
            self._streams[0] = stream

    def _look(
        self, plan: StreamPlan, machine: StampSender, at: AtTestPoint, until: UntilKnown
    ) -> None:
        """Look whether the stream may end."""

        def stream_of(packets: int) -> IdleStream | None:
            so_far = HeldStream(ended=Ended.COMPLETED, outcome=machine.so_far(packets))
            return idle_stream_of(so_far, plan, session_started_ns=self._started_ns)

        until.look(machine, at.waiter.clock.monotonic_ns(), stream_of)

    def _end(
        self, held: HeldStream, plan: StreamPlan, known_after: int | None
    ) -> tuple[Ended, str]:
        if held.ended is not Ended.COMPLETED:
            return held.ended, held.detail
        if known_after is not None:
            return Ended.DECIDED, f"what was asked was known after {known_after} packets"
        if plan.packets < self._packets_wanted():
            return Ended.BUDGET, held.detail
        return Ended.COMPLETED, held.detail

    def _packets_wanted(self) -> int:
        return limits.packet_count(self._duration_ns, self._plan.idle_period_ns)
