"""The delay stream beside a load: opened before it, in its own thread, ended after it.

Theory of operation. The control connection belongs to whoever runs the session, so the stream's
thread never touches it: opening and closing are done by the caller, before the run and after it.
The thread has its own socket and its own stop; it ends within a tenth of a second of being told,
whatever the network does, and not later than its packets are used up. When the stream can't be had
the run goes on without it, and the evidence says why.

    BesideRun(plan, at)   OpenStream, StreamReady
    begin()               the thread sends: beside TCP from the start; beside a search, from which
                          it must take nothing, when the capacity is known
    line_carries(rate)    at each tick of a TCP run: the packets may follow closer
    end()                 no more is sent, what is on its way comes in
    stop()                the thread leaves; may be called again
    close(load)           CloseStream, unless the test point is gone: what the record keeps
    reported()            the same with the report, where that was not waited for

Beside TCP the packets take `WORKING_SHARE_PPM` of the line, which the goodput lacks. Beside a load
that is held after a search nobody lacks them, and they are as close as a probe may be.
"""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Final, NamedTuple

from omega_core import limits
from omega_core.evidence import Ended, Family, IdleStream, WorkingStream
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, NS_PER_MS, NS_PER_S, NS_PER_US, PPM
from omega_core.wire.stamp import AUTHENTICATED_OCTETS, BASE_OCTETS
from omega_probe.delay_stream import (
    AtTestPoint,
    HeldStream,
    OpenedStream,
    StreamPlan,
    close_late,
    close_stream,
    idle_stream_of,
    open_stream,
    run_stream,
)
from omega_probe.round_trip import StampSender

HELD_SHARE_PPM: Final = 100_000  # what a probe's stream may be of a line, at most
HELD_PACKETS: Final = 140  # in the window that counts; some of them are dropped by the full buffer
HELD_NS_MIN: Final = 600 * NS_PER_MS
HELD_STREAM_PACKETS: Final = 4 * HELD_PACKETS  # the filling takes up to twice the window
MARGIN_NS: Final = 4 * NS_PER_S  # flows are let in before a run's time begins and counted after it
LEAVE_S: Final = 5.0  # the thread looks at its stop ten times a second
LOOK_S: Final = 0.05  # how soon a stop of the session is noticed meanwhile
MS_PER_S: Final = 1_000
_HEADERS: Final[dict[Family, int]] = {4: 28, 6: 48}
_GONE: Final = {Ended.LINK_LOST, Ended.TEST_POINT_LOST}


def working_period_ns(rate_bps: int | None, *, ip_octets: int) -> int:
    """Return the spacing beside a load that carries so much, in whole milliseconds.

    As close as `WORKING_SHARE_PPM` of it allows; not closer than for 1 Mbit/s where it isn't known.
    """
    if not rate_bps:
        return limits.WORKING_PERIOD_NS_START
    share_bps = max(1, rate_bps * limits.WORKING_SHARE_PPM // PPM)
    least_ms = -(-ip_octets * BITS_PER_OCTET * MS_PER_S // share_bps)
    return min(
        max(least_ms * NS_PER_MS, limits.WORKING_PERIOD_NS_MIN), limits.WORKING_PERIOD_NS_START
    )


def held_period_ns(rate_bps: int, *, ip_octets: int) -> int:
    """Return the spacing beside a load that is held on a line that carries so much."""
    share_bps = max(1, rate_bps * HELD_SHARE_PPM // PPM)
    least_ms = -(-ip_octets * BITS_PER_OCTET * MS_PER_S // share_bps)
    return min(
        max(least_ms * NS_PER_MS, limits.STREAM_PERIOD_NS_MIN), limits.WORKING_PERIOD_NS_START
    )


def packets_beside(duration_ns: int) -> int:
    """Return how many packets a stream needs at most that outlasts a run of this length."""
    return limits.packet_count(duration_ns + MARGIN_NS, limits.WORKING_PERIOD_NS_MIN)


def stream_ip_octets(family: Family, *, authenticated: bool) -> int:
    """Return the IP length of a packet of a stream."""
    return _HEADERS[family] + (AUTHENTICATED_OCTETS if authenticated else BASE_OCTETS)


class LoadOfStream(NamedTuple):
    """The run that a stream stood beside; `epoch_ns` is the zero of a TCP receiver's clock."""

    run: int
    direction: Direction
    ended: Ended
    epoch_ns: int | None


class BesideRun:
    """One stream beside one run; made with fewer packets than count, it never begins."""

    def __init__(self, plan: StreamPlan, at: AtTestPoint) -> None:
        """Open the stream; raises nothing for what the network does."""
        self._plan = plan
        self._at = at
        self._until = threading.Event()
        self._thread: threading.Thread | None = None
        self._defect: BaseException | None = None
        self._machine: StampSender | None = None
        self._opened: OpenedStream | None = None
        self._ending = False
        self._load: tuple[LoadOfStream, int] | None = None
        self._period_ns = plan.period_ns
        if plan.packets < limits.WORKING_PACKETS_MIN:
            self._held = HeldStream(ended=Ended.BUDGET)
            return
        opened = open_stream(plan, at)
        if isinstance(opened, HeldStream):
            self._held = opened
            return
        self._held = HeldStream(ended=Ended.SKIPPED)
        self._opened = opened

    def begin(self, carried_bps: int | None = None) -> None:
        """Let the stream run, once; beside a held load, as close as what the line carries bears."""
        if self._opened is None or self._thread is not None:
            return
        if carried_bps is not None:
            self._period_ns = self._held_period_ns(carried_bps)
            self._plan = self._plan._replace(period_ns=self._period_ns, phase_ns=0)
        self._held = HeldStream(ended=Ended.INTERRUPTED)
        self._thread = threading.Thread(
            target=self._run, args=(self._opened,), name="working-stream", daemon=True
        )
        self._thread.start()

    def held_ns(self, carried_bps: int) -> int:
        """Return how long a load is held for enough packets to count."""
        return max(HELD_PACKETS * self._held_period_ns(carried_bps), HELD_NS_MIN)

    def line_carries(self, rate_bps: int | None) -> None:
        """Let the packets follow closer when the load shows that the line bears it."""
        octets = stream_ip_octets(self._plan.family, authenticated=self._plan.key is not None)
        period_ns = working_period_ns(rate_bps, ip_octets=octets)
        if self._machine is not None and period_ns < self._period_ns:
            self._period_ns = period_ns
            self._machine.respace(period_ns)

    def end(self) -> None:
        """Send no more, and let what is on its way come in: `stop` waits for that."""
        self._ending = True
        if self._machine is not None:
            self._machine.end_sending()

    def stop(self) -> None:
        """End the stream; unless `end` came before, what is still on its way is not counted.

        Neither is it once the session is to stop: it has half a second for its last words.
        """
        thread, waiter = self._thread, self._at.waiter
        left_by_ns = waiter.clock.monotonic_ns() + int(LEAVE_S * NS_PER_S)
        while self._ending and thread is not None and thread.is_alive():
            if waiter.stop.is_set() or waiter.clock.monotonic_ns() >= left_by_ns:
                break
            thread.join(LOOK_S)
        self._until.set()
        if self._thread is not None:
            self._thread.join(LEAVE_S)
        elif self._opened is not None:  # it never began: nothing to wait for
            self._opened.driver.close()
            self._opened = None

    def close(
        self, load: LoadOfStream, *, session_started_ns: int, late: bool = False
    ) -> WorkingStream:
        """Return what the record keeps of the stream, after `stop`.

        The reflector's report is not asked for when the run has found the test point gone. If
        `late` is allowed it is asked for and not waited for, unless the line seems down: see
        `unreported`. Raises what broke the thread, which is a defect.
        """
        if self._defect is not None:
            raise self._defect
        self._load = load, session_started_ns
        if load.ended not in _GONE:
            close = close_late if late else close_stream
            self._held = close(self._plan, self._at, self._held)
        return self._kept()

    @property
    def unreported(self) -> bool:
        """Whether `reported` is still to be called: the report was asked for by `close`."""
        return self._held.unreported

    def reported(self) -> WorkingStream:
        """Return the stream with the report that `close` did not wait for.

        How it ended stays: a stop that was said later is not the stream's.
        """
        if self._held.unreported:
            closed = close_stream(self._plan, self._at, self._held)
            ended = closed.ended if closed.report is None else self._held.ended
            self._held = closed._replace(ended=ended)
        return self._kept()

    def _kept(self) -> WorkingStream:
        assert self._load is not None  # noqa: S101 - `close` came before
        held, (load, session_started_ns) = self._held, self._load
        stream = idle_stream_of(held, self._plan, session_started_ns=session_started_ns)
        stream = stream or _never_sent(self._plan)
        sent_ns = held.first_sent_ns or held.started_ns
        kept = {field.name: getattr(stream, field.name) for field in fields(stream)}
        kept["started_offset_us"] = _offset_us(sent_ns, session_started_ns)
        kept["period_us"] = self._period_ns // NS_PER_US
        return WorkingStream(
            **kept,
            run=load.run,
            direction=load.direction,
            run_epoch_offset_us=None
            if load.epoch_ns is None
            else _offset_us(load.epoch_ns, session_started_ns),
            spacings=held.spacings_us,
            ended=held.ended,
        )

    def _held_period_ns(self, carried_bps: int) -> int:
        octets = stream_ip_octets(self._plan.family, authenticated=self._plan.key is not None)
        return held_period_ns(carried_bps, ip_octets=octets)

    def _made(self, machine: StampSender) -> None:
        self._machine = machine
        if self._ending:  # said before there was a machine to tell
            machine.end_sending()

    def _run(self, opened: OpenedStream) -> None:
        try:
            self._held = run_stream(
                self._plan,
                self._at,
                opened,
                watches=False,
                until=self._until,
                made=self._made,
            )
        except BaseException as error:  # noqa: BLE001 - told by `close`, in the session's thread
            self._defect = error


def _never_sent(plan: StreamPlan) -> IdleStream:
    """Return a stream without a packet: it was refused, or there were no octets for it."""
    return IdleStream(
        family=plan.family,
        ip_octets=stream_ip_octets(plan.family, authenticated=plan.key is not None),
        period_us=plan.period_ns // NS_PER_US,
        waiting_time_us=0,
        authenticated=plan.key is not None,
        started_offset_us=0,
        rtt_us=(),
        lost_up=(),
        lost_down=(),
        replies_received=0,
        duplicates_down=0,
        reordered_down=0,
        late_sends=0,
        host_drops=0,
        timestamps="host",
        report=None,
    )


def _offset_us(at_ns: int, started_ns: int) -> int:
    return max(0, at_ns - started_ns) // NS_PER_US
