"""One session at the test point, without sockets and without a clock.

Theory of operation. The host makes a session for each Hello whose grant holds, hands it what the
probe says, what reflector and workers report, and the time; it gets back commands to carry out in
their order. Times are nanoseconds of the monotonic clock.

    probe                  session                     reflector, workers
    OpenStream   ------->  Reflect           ------->
                 <-------  StreamReady
    CloseStream  ------->  StopReflecting    ------->
                 <-------  StreamClosed      <-------  ReflectedReport
    OpenRun      ------->  StartRun          ------->
                 <-------  RunReady
    Join         ------->  `join` says yes, or raises
    EndRun       ------->  StopRun           ------->
                 <-------  RunClosed         <-------  RunReport
    OpenLoad, CloseLoad    see `session_loads`
    Finish       ------->  (all of the above that is still open, then)
                 <-------  Finished, HangUp

What always holds: nothing moves that was not opened; a number is opened once; octets set aside
never exceed what the grant left; the session ends at its time whatever the probe does. A request
that can't be met is refused by itself and the session goes on; only its end closes the connection.
"""

from __future__ import annotations

import hmac

from omega_core import limits
from omega_core.control import Observation
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.testpoint import (
    CloseLoad,
    CloseStream,
    EndRun,
    Finish,
    Finished,
    FlowTick,
    FromProbe,
    Hello,
    Join,
    OpenLoad,
    OpenRun,
    OpenStream,
    Progress,
    RunClosed,
    RunReady,
    StreamClosed,
    StreamReady,
    Welcome,
    flow_mac,
)
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.commands import (
    Command,
    HangUp,
    LoadReport,
    Reflect,
    ReflectedReport,
    RunReport,
    Say,
    StartRun,
    StopReflecting,
    StopRun,
)
from omega_server.testpoint.grants import CheckedGrant
from omega_server.testpoint.load import LoadSample, SessionLoad
from omega_server.testpoint.purse import Purse
from omega_server.testpoint.session_loads import Loads
from omega_server.testpoint.state import (
    Phase,
    Run,
    Stream,
    Surroundings,
    run_counts,
    stream_counts,
)

FINISH_NS = 5 * NS_PER_S  # reflector and workers report within milliseconds
STOPPED_BY_LIMIT = "limit"
STOPPED_BY_TIME = "time"
_COLUMNS_OF_A_LOAD = 3  # five numbers a tick and two a command, where a flow's entry has two


class Session:
    """The machine; see the module."""

    def __init__(
        self, grant: CheckedGrant, around: Surroundings, *, now_ns: int, now_unix_us: int
    ) -> None:
        self._grant = grant
        self._around = around
        self._started_unix_us = now_unix_us
        self._until_ns = now_ns + grant.content.limits.duration_s * NS_PER_S
        self._purses = {
            Direction.DOWN: Purse(grant.content.limits.bytes_down),
            Direction.UP: Purse(grant.content.limits.bytes_up),
        }
        self._streams: dict[int, Stream] = {}
        self._runs: dict[int, Run] = {}
        self._loads = Loads(grant, self._purses)
        self._finish_by_ns: int | None = None
        self._ended = False
        self._octets_received = self._octets_sent = 0
        self._entries_left = limits.SESSION_COUNTER_ENTRIES_MAX
        self._load = SessionLoad()

    @property
    def id(self) -> str:
        """The session's name, by which flows join it."""
        return self._grant.content.session_id

    @property
    def ended(self) -> bool:
        """Whether nothing can happen any more."""
        return self._ended

    def welcome(self) -> Welcome:
        """Return the answer to Hello."""
        return Welcome(session_id=self.id, now_unix_us=self._started_unix_us)

    def received(self, message: FromProbe, *, now_ns: int, now_unix_us: int) -> list[Command]:
        """Take a message of the control connection."""
        try:
            match message:
                case OpenStream():
                    return self._open_stream(message)
                case CloseStream(stream=number):
                    return self._close_stream(number)
                case OpenRun():
                    return self._open_run(message)
                case EndRun(run=number):
                    return self._end_run(number)
                case OpenLoad(run=number):
                    self._refuse_used(number)
                    return self._open_load(message)
                case CloseLoad(run=number):
                    return self._loads.close(number)
                case Finish():
                    return self._finish(now_ns, now_unix_us)
                case Hello() | Join():
                    return _refused(Code.PROTOCOL, f"{message.type} is not for this connection")
        except RefusalError as refusal:
            return [Say(refusal.message)]

    def join(self, join: Join, *, peer: str, now_ns: int) -> None:
        """Let a flow in; raises RefusalError."""
        expected = flow_mac(self._grant.secret, session_id=self.id, run=join.run, flow=join.flow)
        if not hmac.compare_digest(expected.encode(), join.mac.encode()):
            raise RefusalError(Code.PROTOCOL, "whoever joins does not hold the session's secret")
        if normalised(peer) not in self._grant.addresses:
            raise RefusalError(
                Code.GRANT_OTHER_ADDRESS, f"the grant is for another address than {peer}"
            )
        run = self._runs.get(join.run)
        if run is None or run.phase is not Phase.OPEN:
            raise RefusalError(Code.PROTOCOL, f"run {join.run} is not open")
        if join.flow in run.joined:
            raise RefusalError(Code.PROTOCOL, f"flow {join.flow} has joined run {join.run} already")
        run.joined.add(join.flow)
        if run.until_ns is None:
            run.until_ns = now_ns + run.duration_ns + limits.RUN_OVERTIME_NS

    def reflected(self, report: ReflectedReport, *, now_unix_us: int) -> list[Command]:
        """Take the report of a stream that was to be closed."""
        for number, stream in self._streams.items():
            if stream.ssid == report.ssid and stream.phase is Phase.CLOSING:
                stream.phase, stream.report = Phase.CLOSED, report.report
                self._count(report.octets_received, report.octets_sent)
                down = self._purses[Direction.DOWN]
                down.settle(set_aside=stream.octets_max, used=report.octets_sent)
                self._purses[Direction.UP].settle(set_aside=0, used=report.octets_received)
                said: list[Command] = []
                if stream.asked_for:
                    said = [Say(StreamClosed(stream=number, report=report.report))]
                return said + self._finished_if_all_closed(now_unix_us)
        return []

    def progressed(self, run: int, flows: tuple[FlowTick, ...]) -> list[Command]:
        """Take the counters of an upward run that goes on."""
        state = self._runs.get(run)
        if state is None or state.phase is not Phase.OPEN:
            return []
        return [Say(Progress(run=run, flows=flows))]

    def run_stopped(self, run: int) -> list[Command]:
        """Take that a run has used up its octets."""
        return self._stop_run(run, STOPPED_BY_LIMIT)

    def run_closed(self, run: int, report: RunReport, *, now_unix_us: int) -> list[Command]:
        """Take the report of a run that was to be closed."""
        state = self._runs.get(run)
        if state is None or state.phase is not Phase.CLOSING:
            return []
        state.phase, state.report = Phase.CLOSED, report
        self._count(report.octets_received, report.octets_sent)
        used = report.octets_sent if state.direction is Direction.DOWN else report.octets_received
        self._purses[state.direction].settle(set_aside=state.octets_max, used=used)
        said: list[Command] = [self._run_closed(run, state)] if state.asked_for else []
        return said + self._finished_if_all_closed(now_unix_us)

    def load_opened(self, run: int, udp_port: int | None) -> list[Command]:
        """Take the port of a load that was to be started; None when it could not be."""
        return self._loads.opened(run, udp_port)

    def load_stopped(self, run: int, why: str) -> list[Command]:
        """Take that a load has ended by itself."""
        return self._loads.stopped(run, why)

    def load_closed(self, run: int, report: LoadReport, *, now_unix_us: int) -> list[Command]:
        """Take the report of a load that was to be closed."""
        self._count(report.octets_received, report.octets_sent)
        return self._loads.closed(run, report) + self._finished_if_all_closed(now_unix_us)

    def tick(self, *, now_ns: int, now_unix_us: int) -> list[Command]:
        """Let time do its work; call it a few times a second."""
        if self._ended:
            return []
        if self._finish_by_ns is not None:
            return self._finished(now_unix_us) if now_ns >= self._finish_by_ns else []
        if now_ns >= self._until_ns:
            said = _refused(Code.LIMIT, "the session's time is used up")
            return [*said, *self.end(), HangUp()]
        return [
            command
            for number, run in self._runs.items()
            if run.phase is Phase.OPEN and run.until_ns is not None and now_ns >= run.until_ns
            for command in self._stop_run(number, STOPPED_BY_TIME)
        ]

    def load_sampled(self, sample: LoadSample) -> None:
        """Take how busy the test point has been since the last sample."""
        self._load.add(sample)

    def end(self) -> list[Command]:
        """Stop everything without an observation: the probe is gone, or its time is."""
        self._ended = True
        return self._close_everything()

    def _open_stream(self, asked: OpenStream) -> list[Command]:
        if asked.stream in self._streams:
            raise RefusalError(Code.PROTOCOL, f"stream {asked.stream} has been opened before")
        octets_max = self._purses[Direction.DOWN].for_stream(asked.octets_max)
        if not octets_max or not self._purses[Direction.UP].left:
            raise RefusalError(Code.LIMIT, "the grant's bytes are used up")
        stream = Stream(ssid=self._around.new_ssid(), octets_max=octets_max)
        self._streams[asked.stream] = stream
        reflect = Reflect(
            ssid=stream.ssid,
            addresses=self._grant.addresses,
            key=self._grant.secret if asked.authenticated else None,
            octets_max=octets_max,
        )
        ready = StreamReady(stream=asked.stream, ssid=stream.ssid, udp_port=self._around.udp_port)
        return [reflect, Say(ready)]

    def _close_stream(self, number: int) -> list[Command]:
        stream = self._streams.get(number)
        if stream is None or stream.asked_for:
            raise RefusalError(Code.PROTOCOL, f"stream {number} is not open")
        stream.asked_for = True
        stream.phase = Phase.CLOSING
        return [StopReflecting(stream.ssid)]

    def _open_run(self, asked: OpenRun) -> list[Command]:
        self._refuse_used(asked.run)
        duration_ns = asked.duration_ms * NS_PER_MS
        if asked.direction is Direction.UP:
            ticks = limits.packet_count(duration_ns, limits.TICK_NS)
            self._set_entries_aside(limits.GOODPUT_FLOWS_MAX * ticks)
        octets_max = self._purses[asked.direction].for_run(asked.octets_max)
        if not octets_max:
            raise RefusalError(Code.LIMIT, "the grant's bytes are used up")
        self._runs[asked.run] = Run(asked.direction, octets_max, duration_ns)
        start = StartRun(
            run=asked.run,
            direction=asked.direction,
            octets_max=octets_max,
            duration_ns=duration_ns,
            congestion_control=asked.congestion_control,
            congestion_control_fast=asked.congestion_control_fast or asked.congestion_control,
            pace_bps=asked.pace_bps,
        )
        control = self._around.congestion_control(asked.congestion_control)
        ready = RunReady(run=asked.run, congestion_control=control)
        return [start, Say(ready)]

    def _refuse_used(self, run: int) -> None:
        if run in self._runs or run in self._loads:
            raise RefusalError(Code.PROTOCOL, f"run {run} has been opened before")

    def _open_load(self, asked: OpenLoad) -> list[Command]:
        if asked.direction is Direction.UP:
            ticks = limits.packet_count(asked.duration_ms * NS_PER_MS, limits.FEEDBACK_NS)
            self._set_entries_aside(_COLUMNS_OF_A_LOAD * ticks)
        return self._loads.open(asked, stream=self._around.new_ssid())

    def _set_entries_aside(self, entries: int) -> None:
        """An observation that would be too large to send is refused before anything is moved."""
        if entries > self._entries_left:
            raise RefusalError(Code.LIMIT, "one session can't observe more upward runs")
        self._entries_left -= entries

    def _end_run(self, number: int) -> list[Command]:
        run = self._runs.get(number)
        if run is None or run.asked_for:
            raise RefusalError(Code.PROTOCOL, f"run {number} is not open")
        run.asked_for = True
        match run.phase:
            case Phase.OPEN:
                run.phase = Phase.CLOSING
                return [StopRun(number)]
            case Phase.CLOSING:
                return []  # stopped from this side; its report is on the way
            case Phase.CLOSED:
                return [self._run_closed(number, run)]

    def _stop_run(self, number: int, why: str) -> list[Command]:
        run = self._runs.get(number)
        if run is None or run.phase is not Phase.OPEN:
            return []
        run.phase = Phase.CLOSING
        return [StopRun(number), Say(Progress(run=number, flows=(), stopped=why))]

    def _run_closed(self, number: int, run: Run) -> Say:
        report = run.report
        return Say(
            RunClosed(
                run=number,
                flows=report.flows,
                senders=report.senders,
                congestion_control=report.congestion_control,
                held_back=report.held_back,
            )
        )

    def _finish(self, now_ns: int, now_unix_us: int) -> list[Command]:
        if self._finish_by_ns is not None:
            raise RefusalError(Code.PROTOCOL, "the session is being finished already")
        self._finish_by_ns = now_ns + FINISH_NS
        return [*self._close_everything(), *self._finished_if_all_closed(now_unix_us)]

    def _close_everything(self) -> list[Command]:
        commands: list[Command] = self._loads.close_all()
        for stream in self._streams.values():
            if stream.phase is Phase.OPEN:
                stream.phase = Phase.CLOSING
                commands.append(StopReflecting(stream.ssid))
        for number, run in self._runs.items():
            if run.phase is Phase.OPEN:
                run.phase = Phase.CLOSING
                commands.append(StopRun(number))
        return commands

    def _finished_if_all_closed(self, now_unix_us: int) -> list[Command]:
        if self._finish_by_ns is None or self._ended:
            return []
        phases = [stream.phase for stream in self._streams.values()]
        phases += [run.phase for run in self._runs.values()]
        if any(phase is not Phase.CLOSED for phase in phases) or not self._loads.all_closed:
            return []
        return self._finished(now_unix_us)

    def _finished(self, now_unix_us: int) -> list[Command]:
        self._ended = True
        observation = self._around.seal(self._observation(now_unix_us))
        return [Say(Finished(observation=observation)), HangUp()]

    def _observation(self, now_unix_us: int) -> Observation:
        return Observation(
            session_id=self.id,
            grant_digest=self._grant.digest,
            test_point=self._around.test_point,
            started_unix_us=self._started_unix_us,
            ended_unix_us=max(now_unix_us, self._started_unix_us),
            streams=stream_counts(self._streams.items()),
            runs=run_counts(self._runs.items()),
            capacity=self._loads.counts(),
            octets_received=self._octets_received,
            octets_sent=self._octets_sent,
            load=self._load.stated(),
        )

    def _count(self, received: int, sent: int) -> None:
        self._octets_received += received
        self._octets_sent += sent


def _refused(code: Code, detail: str) -> list[Command]:
    return [Say(RefusalError(code, detail).message)]
