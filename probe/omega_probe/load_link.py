"""UDP load: drive one capacity run against a test point.

Theory of operation. What decides is a machine (`LoadMachine`), at this end whichever end sends;
here are the socket, the control connection and the clock. A run goes

    OpenLoad      the test point opens a socket of its own for it
    first Rate    from our socket: it proves who we are, and opens the way through a NAT; upwards no
                  load is sent before the first Feedback, so `load_knock` may get that ahead
    carry         down: Rates go out, load comes in and is counted, every `FEEDBACK_NS` the machine
                  gets a tick. Up: load goes out as the machine says, Feedback brings the ticks
    CloseLoad     the test point's counts: all its ticks of an upward run, else what it sent

The loop never waits longer than `_LOOK_NS`, so time reaches the machine and stop is noticed. A
machine that does not end is ended shortly after the run's time. `run_load` raises nothing for what
the network does: a run that could not begin, was refused or lost its test point ends with that, and
with what was counted until then.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final, NamedTuple

from omega_core import limits
from omega_core.clock import Clock
from omega_core.evidence import Ended
from omega_core.load import LoadCounter, LoadCounts, LoadRate, LoadSeries, LoadTick, Pacer
from omega_core.metrics import Direction
from omega_core.sockets import load
from omega_core.sockets.datagrams import SocketAddress
from omega_core.sockets.load_receiving import LoadReceiver
from omega_core.sockets.load_sending import LoadSender, PacedSender
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.load import (
    UDP_IP_OCTETS,
    LoadKeys,
    decode_feedback,
)
from omega_core.wire.testpoint import CloseLoad, LoadReady, OpenLoad
from omega_probe.attempts import SOCKET_FAMILY, reason_of
from omega_probe.delay_stream import ended_of
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.load_knock import LoadKnock, LoadWay
from omega_probe.load_run import Account, LoadMachine, LoadRequest, LoadResult
from omega_probe.load_telling import RateTeller
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.stream import undisturbed
from omega_probe.test_point_client import TestPointClient

_LOOK_NS: Final = 10 * NS_PER_MS
_OVERTIME_NS: Final = NS_PER_S  # for a machine; the test point gives up no earlier
_READS: Final = 256
_CATCH_UP: Final = 4  # so many times: 10 ms of packets that come one by one
_SETTLE: Final = 24  # so many times: most of a full receive buffer, in 60 ms
_PAUSE_S: Final = 0.000_5  # reading several packets a call costs less; the kernel keeps their times
_CLOSE_TIMEOUT_S: Final = 6  # the answer may queue behind a full buffer, and be lost there once
_CLOSE_TIMEOUT_S_SILENT: Final = 2  # on a line that has been silent for a second already
_STOPPED: Final = {"limit": Ended.BUDGET, "time": Ended.COMPLETED, "silence": Ended.LINK_LOST}


def run_load(
    client: TestPointClient,
    request: LoadRequest,
    begin: Callable[[int, int], LoadMachine],
    *,
    clock: Clock,
    meter: OwnTrafficMeter,
    stop: threading.Event,
    progress: Callable[[LoadTick], None] = lambda _: None,
    caught_up: Callable[[], None] = lambda: None,
    over: Callable[[], None] = lambda: None,
    knock: LoadKnock | None = None,
) -> LoadResult:
    """Carry out one run with the machine that `begin(octets_max, now_ns)` makes once it can begin.

    `octets_max` is what the test point has set aside. `progress` is called with every tick, and
    `caught_up` after it unless packets wait here that the interface has counted and the meter has
    not. `over` is called when the load has ended and its counts have been asked for, and are still
    to come. When `stop` is set the run ends within a tenth of a second, as INTERRUPTED, with what
    was counted. `knock` is what `begin_to_knock` has returned, if it was called.
    """
    try:
        ready = client.request(opening_of(request))
        way = _way(client, request, ready) if knock is None else knock.take()
    except (TestPointLostError, TestPointRefusedError) as error:
        if knock is not None:
            knock.give_up(meter)
        return LoadResult(ended=ended_of(error), detail=str(error))
    except OSError as error:
        return LoadResult(ended=Ended.LINK_LOST, detail=f"no way to send: {reason_of(error)}")
    with closing(way.endpoint):
        driver = _Driver(client, request, way, clock=clock, meter=meter)
        return driver.drive(begin, stop, _Listeners(progress, caught_up), over)


def begin_to_knock(
    client: TestPointClient, request: LoadRequest, *, clock: Clock
) -> LoadKnock | None:
    """Begin to tell the test point that an upward run comes; None where it is not ready for it.

    Nothing is waited for. Whoever does not hand the knock to `run_load` gives it up.
    """
    ready = client.answer_to(opening_of(request))
    if request.direction is Direction.DOWN or not isinstance(ready, LoadReady):
        return None
    try:
        return LoadKnock(_way(client, request, ready), clock)
    except OSError:  # the load will find out why
        return None


def _way(client: TestPointClient, request: LoadRequest, ready: LoadReady) -> LoadWay:
    keys = LoadKeys.of(
        client.access.secret,
        session_id=client.access.session_id,
        run=request.run,
        stream=ready.stream,
    )
    return LoadWay(ready, _endpoint(client, ready), keys, RateTeller(keys))


def opening_of(request: LoadRequest) -> OpenLoad:
    """Return what the test point is asked for; it may be asked ahead."""
    return OpenLoad(
        run=request.run,
        direction=request.direction,
        duration_ms=request.duration_ns // NS_PER_MS,
        ip_octets=request.ip_octets,
        octets_max=request.octets_max,
    )


def _endpoint(client: TestPointClient, ready: LoadReady) -> socket.socket:
    endpoint = socket.socket(SOCKET_FAMILY[client.family], socket.SOCK_DGRAM)
    try:
        load.prepare(endpoint)
        endpoint.connect((client.address, ready.udp_port))
    except BaseException:
        endpoint.close()
        raise
    return endpoint


class _Listeners(NamedTuple):
    progress: Callable[[LoadTick], None]
    caught_up: Callable[[], None]


class _Driver:
    def __init__(
        self,
        client: TestPointClient,
        request: LoadRequest,
        way: LoadWay,
        *,
        clock: Clock,
        meter: OwnTrafficMeter,
    ) -> None:
        self._client = client
        self._request = request
        self._ready, self._endpoint, self._keys, self._teller = way
        self._now_ns = clock.monotonic_ns
        self._payload = request.ip_octets - UDP_IP_OCTETS[client.family]
        self._up = request.direction is Direction.UP
        self._counter = LoadCounter()
        self._series = LoadSeries()
        self._receiver = LoadReceiver(
            way.endpoint,
            self._keys,
            self._counter,
            clock=clock,
            other=self._feedback_received,
            gro=request.offload,
        )
        self._paced = PacedSender(
            LoadSender(
                way.endpoint,
                self._keys,
                payload_octets=self._payload,
                clock=clock,
                gso=request.offload,
            ),
            Pacer(request.ip_octets),
            packets_max=min(way.ready.octets_max, request.octets_max) // request.ip_octets,
        )
        self._rates: dict[int, int] = {}
        self._feedbacks: list[LoadTick] = []
        self._account = Account(meter, client.family, self._payload)
        self._feedbacks_seen = 0
        self._behind = False
        self._tick_ns = 0
        self._started_ns = self._now_ns()
        self._ended = Ended.INTERRUPTED
        self._detail = ""

    def drive(
        self,
        begin: Callable[[int, int], LoadMachine],
        stop: threading.Event,
        told: _Listeners,
        over: Callable[[], None],
    ) -> LoadResult:
        self._started_ns = now_ns = self._now_ns()
        self._tick_ns = now_ns + limits.FEEDBACK_NS
        machine = begin(self._ready.octets_max, now_ns)
        try:
            with undisturbed():
                self._carry(machine, stop, told)
        except (TestPointLostError, TestPointRefusedError) as error:
            self._ended, self._detail = ended_of(error), str(error)
        finally:
            self._ask_for_counts()
            over()
            self._settle(1 if stop.is_set() else _SETTLE)
        there = self._fetch_counts()
        return self._result(there)

    def _carry(
        self,
        machine: LoadMachine,
        stop: threading.Event,
        told: _Listeners,
    ) -> None:
        over_ns = self._started_ns + self._request.duration_ns + _OVERTIME_NS
        while machine.ended is None:
            now_ns = self._now_ns()
            if stop.is_set():
                return
            if now_ns >= over_ns:
                self._ended, self._detail = Ended.COMPLETED, "the time was used up"
                return
            self._order(machine.wanted(), now_ns)
            if self._up and self._send(now_ns):
                self._ended, self._detail = Ended.BUDGET, "the octets are used up"
                return
            self._tell(now_ns)
            for tick in self._new_ticks(now_ns):
                machine.feedback(tick, now_ns=now_ns)
                told.progress(tick)
                if not self._behind:
                    told.caught_up()
            machine.advance(now_ns)
            if self._wait(now_ns):
                return
        self._ended, self._detail = machine.ended, machine.detail

    def _order(self, rate: LoadRate, now_ns: int) -> None:
        if rate.number not in self._rates:
            self._rates[rate.number] = rate.rate_bps
        self._teller.order(rate, now_ns, urgent=not self._up)
        if self._up and self._series.last is not None:
            self._paced.pacer.order(rate, now_ns)

    def _send(self, now_ns: int) -> bool:
        """Send what is due; return whether no more may be sent."""
        if self._paced.step(now_ns):
            self._teller.alive(now_ns)
        return self._paced.exhausted

    def _tell(self, now_ns: int) -> None:
        self._teller.arrived(self._counter.command)
        data = self._teller.datagram(now_ns)
        if data is not None:
            with suppress(OSError):  # a full queue or no route: lost, as in any network
                self._endpoint.send(data)

    def _new_ticks(self, now_ns: int) -> list[LoadTick]:
        """Return what the receiver has told since the last call, here or there."""
        if self._up:
            ticks, self._feedbacks = self._feedbacks, []
            if ticks:
                self._count_traffic()  # who is told of a tick compares it with the interface
        elif now_ns >= self._tick_ns:
            self._catch_up(_CATCH_UP)
            ticks = [self._counter.tick()]
        else:
            return []
        if now_ns >= self._tick_ns:
            self._tick_ns += limits.FEEDBACK_NS * (
                1 + (now_ns - self._tick_ns) // limits.FEEDBACK_NS
            )
            self._count_traffic()
        return [tick for tick in ticks if self._series.add(tick)]

    def _wait(self, now_ns: int) -> bool:
        """Wait for something to do, and read what has come; True when the test point has ended."""
        until_ns = min(now_ns + _LOOK_NS, self._tick_ns, self._teller.wakeup_ns())
        if self._up:
            until_ns = min(until_ns, self._paced.pacer.wakeup_ns() or until_ns)
        left_ns = max(until_ns - self._now_ns(), 0)
        watched: list[socket.socket | TestPointClient] = [self._endpoint, self._client]
        ready, _, _ = select.select(watched, (), (), left_ns / NS_PER_S)
        if self._endpoint in ready:
            reads = self._receiver.drain(_READS)
            if not self._up and 1 < reads < _READS:
                time.sleep(_PAUSE_S)
        return self._client in ready and self._take_news()

    def _take_news(self) -> bool:
        for news in self._client.poll():
            if news.run == self._request.run and news.stopped is not None:
                self._ended = _STOPPED.get(news.stopped, Ended.TEST_POINT_LOST)
                self._detail = f"the test point stopped the run: {news.stopped}"
                return True
        return False

    def _feedback_received(self, data: bytes, _: SocketAddress) -> None:
        tick = decode_feedback(data, self._keys)
        if tick is not None and self._up:
            self._feedbacks_seen += 1
            self._feedbacks.append(tick)
            self._teller.arrived(max(self._rates, default=0))

    def _catch_up(self, rounds: int) -> None:
        """Read what waits here, for the interface has counted it: who is told compares the two."""
        self._behind = all(self._receiver.drain(_READS) == _READS for _ in range(rounds))

    def _settle(self, rounds: int) -> None:
        """Take the last counts of this end."""
        if not self._up:
            self._catch_up(rounds)
            self._series.add(self._counter.tick())
        self._count_traffic()

    def _count_traffic(self) -> None:
        dropped = self._counter.host_drops  # by our socket: the interface has counted them
        self._account.tell(
            load_sent=self._paced.sender.packets,
            load_received=self._receiver.octets // self._request.ip_octets + dropped,
            rates=self._teller.told,
            feedbacks=self._feedbacks_seen,
        )

    def _ask_for_counts(self) -> None:
        if self._ended is not Ended.TEST_POINT_LOST:
            self._client.ask_ahead(CloseLoad(run=self._request.run))

    def _fetch_counts(self) -> LoadCounts | None:
        """Take the test point's counts; what it can't tell any more stays unknown."""
        if self._ended is Ended.TEST_POINT_LOST:
            return None
        silent = self._ended is Ended.LINK_LOST
        timeout_s = _CLOSE_TIMEOUT_S_SILENT if silent else _CLOSE_TIMEOUT_S
        try:
            return self._client.request(CloseLoad(run=self._request.run), timeout_s).counts
        except (TestPointLostError, TestPointRefusedError) as error:
            if not silent:
                self._ended, self._detail = ended_of(error), str(error)
            return None

    def _result(self, there: LoadCounts | None) -> LoadResult:
        here = LoadCounts(
            sent_packets=self._paced.sender.packets,
            sent_octets=self._paced.sender.packets * self._request.ip_octets,
            late_sends=self._paced.pacer.late_sends,
        )
        received, failure = self._series.counts(), self._paced.sender.failure
        if self._up and there is not None:
            received = there
        firsts = zip(received.commands, received.command_first_us, strict=True)
        return LoadResult(
            ended=self._ended,
            detail=self._detail,
            started_ns=self._started_ns,
            received=received,
            sent=here if self._up else there,
            offered=tuple(
                (number, self._rates[number], at_us)
                for number, at_us in firsts
                if number in self._rates
            ),
            failure=None if failure is None else reason_of(failure),
            gso=self._paced.sender.gso,
            gro=self._receiver.gro,
        )
