"""One TCP run as the probe sees it, without sockets and without a clock.

Theory of operation. The driver tells the machine what the receiver has counted (its own flows, or
the test point's Progress), which flows joined and which broke, and the time; it asks how many flows
to open and whether the run is over. Two clocks meet here: `now_ns` is the probe's and bounds the
run; counters carry the receiver's, and only their differences are used.

A run ends

    COMPLETED        when its time is used up
    DECIDED          when its rate is the bound that the line is known to set (`goodput_end`)
    BUDGET           when either end has used up its octets
    LINK_LOST        when nothing at all has arrived on any flow for `SILENCE_NS`; less is a stall
    TEST_POINT_LOST  when every flow has broken

and otherwise when the driver says so. A flow that breaks is not replaced: it makes the run invalid,
and the others go on to show what there is to see.
"""

from __future__ import annotations

from omega_core.counters import FlowSeries
from omega_core.evidence import Ended, FlowCounts
from omega_core.limits import SILENCE_NS
from omega_core.units import NS_PER_US, rate_bps
from omega_probe.goodput_end import has_reached
from omega_probe.goodput_growth import Growth

RATE_SPAN_US = 1_000_000  # what a progress display shows is the rate of the last second


class GoodputMachine:
    """The state of one run; see the module. One that doesn't grow keeps the flows it began with."""

    def __init__(
        self, *, duration_ns: int, base_rtt_us: int, now_ns: int, grows: bool = True
    ) -> None:
        self._duration_ns = duration_ns
        self._end_ns = now_ns + duration_ns
        self._grows = grows
        self._base_rtt_us = base_rtt_us
        self._bound_bps: int | None = None
        self._growth = Growth(base_rtt_us=base_rtt_us, duration_us=duration_ns // NS_PER_US)
        self._moved_ns = now_ns
        self._joined = 0
        self._series: dict[int, FlowSeries] = {}
        self._broken: set[int] = set()
        self.ended: Ended | None = None
        """How the run ended, None while it goes on."""

    def bounded_by(self, payload_bps: int) -> None:
        """Take what the line can carry of payload: the run may end when it is reached."""
        self._bound_bps = self._growth.enough_bps = payload_bps

    def begin(self, now_ns: int) -> None:
        """Start the run's time: its first flows are there."""
        self._moved_ns = now_ns
        self._end_ns = now_ns + self._duration_ns

    @property
    def broken_flows(self) -> int:
        """How many flows have broken."""
        return len(self._broken)

    def flow_joined(self) -> None:
        """Take that a flow was let in; its counter may come later, from the other end."""
        self._joined += 1

    def counted(self, flow: int, *, at_us: int, octets: int, tick_us: int, now_ns: int) -> None:
        """Take a flow's counter at a tick: `octets`, of which the last moved at `at_us`.

        The first counter of a flow is the moment it joined, with 0 octets.
        """
        series = self._series.get(flow)
        if series is None:
            joined_ns = at_us * NS_PER_US
            self._series[flow] = FlowSeries(flow, epoch_ns=0, joined_ns=joined_ns)
            return
        if octets > series.octets:
            self._moved_ns = now_ns
        series.add(at_us * NS_PER_US, octets, now_ns=tick_us * NS_PER_US)

    def counted_last(self, flow: int, *, at_us: int, octets: int) -> None:
        """Take a flow's last counter, after it was stopped."""
        if flow in self._series:
            self._series[flow].close(at_us * NS_PER_US, octets)

    def flow_broke(self, flow: int) -> None:
        """Take that a flow ended by itself."""
        self._broken.add(flow)

    def flows_to_open(self, now_us: int, *, opening: int) -> int:
        """Return how many flows to open now.

        `now_us` is on the receiver's clock; `opening` flows are on their way to joining.
        """
        if not self._grows or self.ended is not None:
            return 0
        if opening or len(self._series) < self._joined:
            return 0
        return self._growth.flows_to_add(self.counts(), now_us)

    def growth_is_over(self, now_us: int) -> bool:
        """Say whether a flow that joins now would only disturb the others."""
        return now_us >= self._growth.until_us

    def advance(self, now_ns: int, *, budget_used_up: bool) -> None:
        """Let time pass: end the run when it is over."""
        if self.ended is not None:
            return
        if budget_used_up:
            self.ended = Ended.BUDGET
        elif self._series and len(self._broken) >= len(self._series):
            self.ended = Ended.TEST_POINT_LOST
        elif now_ns - self._moved_ns >= SILENCE_NS:
            self.ended = Ended.LINK_LOST
        elif now_ns >= self._end_ns:
            self.ended = Ended.COMPLETED
        elif self._has_reached_bound():
            self.ended = Ended.DECIDED

    def _has_reached_bound(self) -> bool:
        if self._bound_bps is None or self._broken or len(self._series) < self._joined:
            return False
        flows = self.counts()
        return has_reached(
            self._bound_bps,
            flows,
            base_rtt_us=self._base_rtt_us,
            growth_ended_us=max((flow.at_us[0] for flow in flows), default=0),
        )

    def end(self, ended: Ended) -> None:
        """End the run for a reason from outside; the first reason stays."""
        self.ended = self.ended or ended

    def counts(self) -> tuple[FlowCounts, ...]:
        """Return what the receiver has counted so far."""
        return tuple(series.counts() for _, series in sorted(self._series.items()))

    @property
    def latest_us(self) -> int:
        """The newest counter's time, on the receiver's clock."""
        return max((series.at_us for series in self._series.values()), default=0)

    def rate_bps(self) -> int | None:
        """Return the rate of the last second, for a display; None before there is one."""
        now_us = self.latest_us
        start_us = max(now_us - RATE_SPAN_US, 0)
        octets = sum(series.octets - series.octets_at(start_us) for series in self._series.values())
        return rate_bps(octets, now_us - start_us)
