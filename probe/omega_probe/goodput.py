"""TCP goodput: drive one run against a test point.

Theory of operation. Everything that decides is in machines (`goodput_run`, `goodput_growth`,
`flow_opening`); here are the sockets, the threads and the clock. A run goes

    OpenRun       the test point makes ready
    open flows    the first ones, connected and joined before counting begins
    carry         flow threads move octets; every tick the receiver's counters go to the machine,
                  which adds flows while they help, and ends the run
    cut           the flows are reset: nothing of the run is left in a queue of this host
    EndRun        the test point's counts: the receiver's of an upward run, else the sender's

Downwards the receiver is here, and its counters are the truth; upwards it is the test point, whose
Progress comes every tick and whose final counters come with RunClosed. Every wait has a deadline.
`run_goodput` never raises for what the network does: a run that could not begin, was refused or
lost its test point ends with that, and with what was counted until then.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from omega_core.clock import Clock
from omega_core.evidence import Ended, GoodputRun
from omega_core.goodput import payload_bound_bps
from omega_core.limits import TICK_NS
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_core.wire.testpoint import EndRun, OpenRun, RunClosed, RunReady
from omega_probe.congestion_wish import CongestionWish, wish
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.flow_opening import FlowOpener, FlowTarget, TrafficWatch
from omega_probe.goodput_end import pace_bps
from omega_probe.goodput_flows import FlowSet
from omega_probe.goodput_growth import flows_at_start
from omega_probe.goodput_run import GoodputMachine
from omega_probe.test_point_client import TestPointClient

_FINISHED: Final = {Ended.COMPLETED, Ended.DECIDED}
_OPENING_NS: Final = 10 * NS_PER_S
_END_RUN_TIMEOUT_S: Final = 6  # the answer may queue behind a full buffer, and be lost there once
_END_RUN_TIMEOUT_S_SILENT: Final = 2  # on a line that has been silent for three seconds already
_NEWS_NS: Final = 300 * NS_PER_MS  # after a flow broke, until the test point's word on it is here


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputRequest:
    """One run. `octets_max` is of IP octets in its direction: its share of the grant.

    `base_rtt_us` is the smallest round trip of the quiet line; without it the control connection's
    is taken. `idle_loss_ppm` is the quiet line's loss in the run's direction, None where it is not
    known. `session_started_ns` is the zero of the offsets in the evidence.
    """

    run: int
    direction: Direction
    duration_ns: int
    octets_max: int
    base_rtt_us: int | None
    session_started_ns: int
    idle_loss_ppm: int | None = None
    congestion: CongestionWish | None = None
    """What to ask for instead of what the line suggests."""
    flows: int | None = None
    """So many flows from beginning to end, instead of as many as help."""
    carried_bps: int | None = None
    """What the line is known to carry at the IP layer: the run ends when it has reached that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputResult:
    """What came of a run; `run.ended` says how it ended and `detail` adds words for people.

    `epoch_ns` is the zero of the receiver's clock on this host's; of an upward run, which the test
    point receives, to within a round trip. None when no flow joined.
    """

    run: GoodputRun
    detail: str = ""
    epoch_ns: int | None = None


def run_goodput(
    client: TestPointClient,
    request: GoodputRequest,
    *,
    clock: Clock,
    traffic: TrafficWatch,
    stop: threading.Event,
    progress: Callable[[int | None], None],
    grown: Callable[[], None] = lambda: None,
    over: Callable[[], None] = lambda: None,
    opener: FlowOpener | None = None,
) -> GoodputResult:
    """Carry out one run.

    `progress` is called at every tick with the present rate in bit/s, `grown` once when no more
    flows are added, `over` when the flows are closed and the test point's counts have been asked
    for, and are still to come. `traffic` counts the flows' own octets. `opener` is what
    `begin_to_connect` has returned, if it was called. When `stop` is set the run ends within a tick
    or two, as INTERRUPTED, with what was counted.
    """
    opener = opener or _opener_of(client, request, clock, traffic)
    driver = _Driver(client, request, opener, clock=clock, traffic=traffic)
    return driver.drive(stop, progress, grown, over)


def begin_to_connect(
    client: TestPointClient, request: GoodputRequest, *, clock: Clock, traffic: TrafficWatch
) -> FlowOpener:
    """Begin to connect a run's first flows ahead of it; returns at once.

    Whoever does not hand the opener to `run_goodput` gives it up.
    """
    opener = _opener_of(client, request, clock, traffic)
    opener.open(_flows_at_start(request, request.base_rtt_us or client.rtt_us_min()))
    return opener


def _opener_of(
    client: TestPointClient, request: GoodputRequest, clock: Clock, traffic: TrafficWatch
) -> FlowOpener:
    target = FlowTarget(
        address=client.address,
        tcp_port=client.access.tcp_port,
        session_id=client.access.session_id,
        secret=client.access.secret,
        run=request.run,
    )
    return FlowOpener(target, clock=clock, traffic=traffic)


def _flows_at_start(request: GoodputRequest, base_rtt_us: int) -> int:
    return request.flows or flows_at_start(base_rtt_us, request.carried_bps)


def opening_of(request: GoodputRequest, *, base_rtt_us: int) -> OpenRun:
    """Return what the test point is asked for; it may be asked ahead."""
    wished = _wish_of(request, base_rtt_us)
    return OpenRun(
        run=request.run,
        direction=request.direction,
        duration_ms=request.duration_ns // NS_PER_MS,
        congestion_control=wished.first,
        congestion_control_fast=wished.fast,
        octets_max=request.octets_max,
        pace_bps=_pace_of(request),
    )


def _wish_of(request: GoodputRequest, base_rtt_us: int) -> CongestionWish:
    loss_ppm = request.idle_loss_ppm
    return request.congestion or wish(base_rtt_us=base_rtt_us, idle_loss_ppm=loss_ppm)


def _pace_of(request: GoodputRequest) -> int | None:
    return None if request.carried_bps is None else pace_bps(request.carried_bps)


class _Driver:
    def __init__(
        self,
        client: TestPointClient,
        request: GoodputRequest,
        opener: FlowOpener,
        *,
        clock: Clock,
        traffic: TrafficWatch,
    ) -> None:
        self._client = client
        self._request = request
        self._clock = clock
        self._base_rtt_us = request.base_rtt_us or client.rtt_us_min()
        self._opener = opener
        self._flows = FlowSet(
            request.direction,
            _wish_of(request, self._base_rtt_us),
            pace_bps=_pace_of(request),
            octets_max=request.octets_max,
            duration_ns=request.duration_ns,
            clock=clock,
            traffic=traffic,
        )
        self._started_ns = clock.monotonic_ns()
        self._grown = False
        self._machine = GoodputMachine(
            duration_ns=request.duration_ns,
            base_rtt_us=self._base_rtt_us,
            now_ns=self._started_ns,
            grows=request.flows is None,
        )
        self._ready: RunReady | None = None
        self._broke_ns: int | None = None
        self._stopped_there = False
        self._counts: RunClosed | None = None
        self._ended = Ended.INTERRUPTED
        self._detail = ""

    def drive(
        self,
        stop: threading.Event,
        progress: Callable[[int | None], None],
        grown: Callable[[], None],
        over: Callable[[], None],
    ) -> GoodputResult:
        opened = False
        try:
            self._open_run()
            opened = True
            self._open_first_flows(stop)
            if self._machine.ended is None:
                self._carry(stop, progress, grown)
        except (TestPointLostError, TestPointRefusedError) as error:
            self._end_with(error)
        finally:
            self._close_flows()
        self._ended = self._machine.ended or Ended.INTERRUPTED
        if opened and self._ended is not Ended.TEST_POINT_LOST:
            self._client.ask_ahead(EndRun(run=self._request.run))
            over()
            self._fetch_counts()
        return GoodputResult(
            run=self._evidence(), detail=self._detail, epoch_ns=self._flows.epoch_ns
        )

    def _close_flows(self) -> None:
        """End all flows; one that was being let in may be known to the test point, so it is here.

        It stands in the counts with the moment of its end and no octet.
        """
        asked = self._opener.give_up_all()
        self._flows.stop()
        self._take_last_counters()
        self._flows.cut()
        if self._request.direction is Direction.DOWN:
            now_us = self._flows.since_epoch_us(self._clock.monotonic_ns())
            for number in asked:
                self._count(number, now_us, 0, tick_us=now_us)

    def _open_run(self) -> None:
        asked = opening_of(self._request, base_rtt_us=self._base_rtt_us)
        self._ready = self._client.request(asked)

    def _open_first_flows(self, stop: threading.Event) -> None:
        """Connect and join before anything is counted; a flow that can't be had is left out."""
        deadline_ns = self._clock.monotonic_ns() + _OPENING_NS
        self._opener.drop_stale()
        wanted = _flows_at_start(self._request, self._base_rtt_us)
        self._opener.open(wanted - self._opener.pending)
        while self._opener.pending and self._clock.monotonic_ns() < deadline_ns:
            if stop.is_set():
                self._machine.end(Ended.INTERRUPTED)
                return
            self._wait_until(self._clock.monotonic_ns() + TICK_NS)
            self._take_joined(start=self._request.direction is Direction.DOWN)
            self._take_news()
        if not self._flows.count:
            self._detail = "; ".join(dict.fromkeys(self._opener.reasons)) or "no flow in time"
            refused = self._opener.refused is not None
            self._machine.end(Ended.REFUSED if refused else Ended.LINK_LOST)

    def _take_bound(self) -> None:
        """Tell the machine how fast payload can come in segments like these."""
        carried_bps = self._request.carried_bps
        if carried_bps is None:
            return
        bound_bps = payload_bound_bps(
            carried_bps,
            segment_octets=self._flows.segment_octets,
            header_octets=self._flows.header_octets,
        )
        if bound_bps is not None:
            self._machine.bounded_by(bound_bps)

    def _carry(
        self,
        stop: threading.Event,
        progress: Callable[[int | None], None],
        grown: Callable[[], None],
    ) -> None:
        self._flows.start_all()
        now_ns = self._clock.monotonic_ns()
        self._machine.begin(now_ns)
        tick_ns = now_ns + TICK_NS
        while self._machine.ended is None:
            while (now_ns := self._clock.monotonic_ns()) < tick_ns:
                self._wait_until(tick_ns)
                self._take_joined(start=True)
                self._take_news()
            tick_ns += TICK_NS * (1 + (now_ns - tick_ns) // TICK_NS)
            self._take_counters()
            self._flows.tick()
            self._look_for_broken(now_ns)
            if stop.is_set():
                self._machine.end(Ended.INTERRUPTED)
            used_up = self._stopped_there or self._flows.budget_used_up
            self._take_bound()
            self._machine.advance(now_ns, budget_used_up=used_up)
            if self._grow(now_ns):
                grown()
            progress(self._machine.rate_bps())

    def _wait_until(self, deadline_ns: int) -> None:
        poller = select.poll()
        poller.register(self._client.fileno(), select.POLLIN)
        for connection, events in self._opener.interests():
            poller.register(connection, events)
        left_ns = deadline_ns - self._clock.monotonic_ns()
        poller.poll(max(left_ns, 0) / NS_PER_MS)

    def _take_joined(self, *, start: bool) -> None:
        for number, connection in self._opener.advance():
            joined_us = self._flows.add(number, connection, start=start)
            self._machine.flow_joined()
            if self._request.direction is Direction.DOWN:
                self._count(number, joined_us, 0, tick_us=joined_us)

    def _take_news(self) -> None:
        """Take what the test point says of the run; raises what the client raises."""
        for news in self._client.poll():
            if news.run != self._request.run:
                continue
            if news.stopped is not None:
                self._stopped_there = True
                self._detail = f"the test point stopped the run: {news.stopped}"
            for flow in news.flows:
                self._count(flow.flow, flow.at_us, flow.octets, tick_us=flow.at_us)

    def _take_counters(self) -> None:
        """Take the counters of this end, where it is the receiver."""
        if self._request.direction is Direction.DOWN:
            tick_us = self._flows.since_epoch_us(self._clock.monotonic_ns())
            for number, at_us, octets in self._flows.counters():
                self._count(number, at_us, octets, tick_us=tick_us)

    def _take_last_counters(self) -> None:
        if self._request.direction is Direction.DOWN:
            for number, at_us, octets in self._flows.counters():
                self._machine.counted_last(number, at_us=at_us, octets=octets)

    def _count(self, flow: int, at_us: int, octets: int, *, tick_us: int) -> None:
        now_ns = self._clock.monotonic_ns()
        self._machine.counted(flow, at_us=at_us, octets=octets, tick_us=tick_us, now_ns=now_ns)

    def _look_for_broken(self, now_ns: int) -> None:
        """Count broken flows, once the test point has had time to tell that it broke them."""
        broken = self._flows.broken()
        if not broken:
            return
        if self._broke_ns is None:
            self._broke_ns = now_ns
        if now_ns - self._broke_ns >= _NEWS_NS:
            for number in broken:
                self._machine.flow_broke(number)

    def _grow(self, now_ns: int) -> bool:
        """Add flows where they help; return True once, when no more are added."""
        if self._request.direction is Direction.DOWN:
            receiver_us = self._flows.since_epoch_us(now_ns)
        else:
            receiver_us = self._machine.latest_us
        wanted = self._machine.flows_to_open(receiver_us, opening=self._opener.pending)
        self._opener.open(wanted)
        if not self._machine.growth_is_over(receiver_us):
            return False
        self._opener.give_up_unasked()
        before, self._grown = self._grown, True
        return not before

    def _fetch_counts(self) -> None:
        """Take the test point's counts; what it can't tell any more stays unknown."""
        silent = self._ended is Ended.LINK_LOST
        timeout_s = _END_RUN_TIMEOUT_S_SILENT if silent else _END_RUN_TIMEOUT_S
        try:
            self._counts = self._client.request(EndRun(run=self._request.run), timeout_s)
        except TestPointRefusedError as error:
            self._ended, self._detail = Ended.REFUSED, str(error)
        except TestPointLostError as error:
            if not silent:
                self._ended, self._detail = error.ended, str(error)

    def _end_with(self, error: TestPointLostError | TestPointRefusedError) -> None:
        self._machine.end(error.ended if isinstance(error, TestPointLostError) else Ended.REFUSED)
        self._detail = str(error)

    def _control_there(self) -> str:
        """Return what the test point's end was using when the run ended."""
        if self._counts is not None and self._counts.congestion_control is not None:
            return self._counts.congestion_control
        return self._ready.congestion_control if self._ready is not None else "unknown"

    def _held_back(self) -> bool:
        """Say whether the sending end kept to the run's octets and could have sent faster."""
        if self._request.direction is Direction.UP:
            return self._flows.held_back
        return self._counts is not None and self._counts.held_back

    def _evidence(self) -> GoodputRun:
        request, flows = self._request, self._flows
        down = request.direction is Direction.DOWN
        counts = self._machine.counts()
        senders = flows.sender_counts()
        if self._counts is not None and down:
            senders = self._counts.senders
        elif self._counts is not None:
            counts = self._counts.flows
        broken = set(flows.broken()) if self._ended in _FINISHED else set()
        return GoodputRun(
            run=request.run,
            family=self._client.family,
            direction=request.direction,
            started_offset_us=(self._started_ns - request.session_started_ns) // NS_PER_US,
            base_rtt_us=self._base_rtt_us,
            growth_ended_us=max(
                (flow.at_us[0] for flow in counts if len(flow.at_us) > 1), default=0
            ),
            congestion_control=self._control_there() if down else flows.congestion_control,
            segment_octets=flows.segment_octets,
            ip_header_octets=flows.header_octets,
            flows=counts,
            senders=() if down and self._counts is None else senders,
            failed_flows=len(broken),
            ended=self._ended,
            held_back=self._held_back(),
            carried_bps=request.carried_bps,
        )
