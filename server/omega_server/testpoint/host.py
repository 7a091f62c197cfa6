"""The test point's main process: accepts connections, runs the sessions, orders its children.

Theory of operation. One loop, one thread; nothing in it ever waits for a peer. A connection first
has to say what it is for, within `FIRST_FRAME_NS`:

    Hello   its grant is checked, and it becomes the control connection of a session
    Join    its proof is checked, and its socket goes to the worker that has the run
    else    one refusal, and the end

What a session wants done comes back as commands (`session`), which are carried out in their order.
Bounds: so many connections that have said nothing yet, in all and of one address (the oldest makes
room, so a flood of silent ones can't keep a session out), so many sessions, so many unsent bytes.
"""

from __future__ import annotations

import logging
import secrets
import selectors
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from omega_core import limits
from omega_core.clock import Clock
from omega_core.control import Observation
from omega_core.sockets.tcp_info import read_tcp_info
from omega_core.units import NS_PER_S, NS_PER_US
from omega_core.wire.frames import FrameError
from omega_core.wire.testpoint import (
    Finish,
    FlowTick,
    FromProbe,
    Hello,
    Join,
    Joined,
    decode_from_probe,
)
from omega_server.testpoint.binding import load_endpoint, port_of
from omega_server.testpoint.children import Child, Children, Heard, RunKey
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.commands import (
    Command,
    HangUp,
    LoadReport,
    Reflect,
    ReflectedReport,
    RunReport,
    Say,
    StartLoad,
    StartRun,
    StopLoad,
    StopReflecting,
    StopRun,
)
from omega_server.testpoint.congestion import usable_congestion_control
from omega_server.testpoint.connection import Connection, PeerGoneError
from omega_server.testpoint.grants import GrantDesk
from omega_server.testpoint.session import Session
from omega_server.testpoint.state import Surroundings
from omega_server.testpoint.watch import LOOK_NS, Kind, LoadWatch

_SSID_MAX = 65_535
_ACCEPTED_AT_ONCE = 64
_FRAMES_AT_ONCE = 16
_SILENCE_ROUND_TRIPS = 3

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """A session, its control connection, and its runs among those of all sessions."""

    session: Session
    connection: Connection
    runs: dict[int, RunKey] = field(default_factory=dict)


class Host:
    """The loop; made by `run.run`, which owns listeners and children."""

    def __init__(
        self,
        *,
        listeners: list[socket.socket],
        children: Children,
        desk: GrantDesk,
        test_point: str,
        udp_port: int,
        seal: Callable[[Observation], str],
        watch: LoadWatch,
        clock: Clock,
    ) -> None:
        self._children = children
        self._desk = desk
        self._around = Surroundings(
            test_point=test_point,
            udp_port=udp_port,
            new_ssid=self._new_ssid,
            congestion_control=usable_congestion_control,
            seal=seal,
        )
        self._load = watch
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[Connection, None] = {}
        """Connections that have not said what they are for, or are closing; oldest first."""
        self._sessions: dict[str, _Open] = {}
        self._control: dict[Connection, _Open] = {}
        self._run_owner: dict[RunKey, tuple[_Open, int]] = {}
        self._stream_owner: dict[int, _Open] = {}
        self._heard = Heard(
            reflected=self._reflected,
            progressed=self._progressed,
            exhausted=self._exhausted,
            closed=self._closed,
            load_stopped=self._load_stopped,
            load_closed=self._load_closed,
            moved=watch.moved,
        )
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        for child in children.all:
            self._selector.register(child.channel, selectors.EVENT_READ, child)

    def serve_until(self, *endings: int) -> None:
        """Serve until one of these descriptors is readable; raises TestPointBrokenError."""
        for ending in endings:
            self._selector.register(ending, selectors.EVENT_READ)
        while True:
            for key, events in self._selector.select(LOOK_NS / NS_PER_S):
                if key.fileobj in endings:
                    return
                self._serve(key, events)
            self._let_time_pass()

    def _serve(self, key: selectors.SelectorKey, events: int) -> None:
        if isinstance(key.data, Child):
            self._children.hear(key.data, self._heard)
        elif isinstance(key.fileobj, Connection):
            if key.fileobj.fileno() >= 0:  # else dropped since the selector saw it
                self._serve_connection(key.fileobj, events)
        elif isinstance(key.fileobj, socket.socket):
            self._accept(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                endpoint, _ = listener.accept()
            except OSError:  # nothing more to accept, or gone between knocking and opening
                return
            try:
                connection = Connection(endpoint, now_ns=self._clock.monotonic_ns())
            except OSError:
                endpoint.close()
                continue
            self._make_room(connection.peer)
            self._waiting[connection] = None
            self._selector.register(connection, selectors.EVENT_READ)

    def _make_room(self, peer: str) -> None:
        """Close the oldest waiting connection where an address, or all, have too many."""
        of_peer = [each for each in self._waiting if each.peer == peer]
        if len(of_peer) >= limits.CONNECTIONS_OF_AN_ADDRESS_MAX:
            self._drop(of_peer[0])
        elif len(self._waiting) >= limits.CONNECTIONS_WAITING_MAX:
            crowded, _ = Counter(each.peer for each in self._waiting).most_common(1)[0]
            self._drop(next(each for each in self._waiting if each.peer == crowded))

    def _serve_connection(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                connection.flush()
            if connection.leave_by_ns is not None:
                connection.linger()
            else:
                self._read(connection)
        except PeerGoneError:
            self._drop(connection)
        except (FrameError, RefusalError) as error:
            self._refuse(connection, error)
        else:
            self._watch(connection)

    def _read(self, connection: Connection) -> None:
        for _ in range(_FRAMES_AT_ONCE):
            frame = connection.receive()
            if frame is None:
                return
            message = decode_from_probe(frame)
            opened = self._control.get(connection)
            if opened is not None:
                self._session_said(opened, message)
            elif isinstance(message, Hello):
                self._open_session(connection, message)
            elif isinstance(message, Join):
                self._join(connection, message)
                return
            else:
                raise RefusalError(
                    Code.PROTOCOL, f"a connection begins with hello or join, not {message.type}"
                )
            if connection.leave_by_ns is not None:
                return

    def _session_said(self, opened: _Open, message: FromProbe) -> None:
        now_ns, now_unix_us = self._clock.monotonic_ns(), self._clock.unix_us()
        if isinstance(message, Finish):
            self._sample_load(now_ns, last=True)
        session = opened.session
        self._do(opened, session.received(message, now_ns=now_ns, now_unix_us=now_unix_us))

    def _open_session(self, connection: Connection, hello: Hello) -> None:
        now_ns, now_unix_us = self._clock.monotonic_ns(), self._clock.unix_us()
        grant = self._desk.check(hello.grant, peer=connection.peer, now_unix_us=now_unix_us)
        if grant.content.session_id in self._sessions:
            raise RefusalError(Code.PROTOCOL, "a session of that name is under way")
        newcomer = self._load.newcomer(grant, peer=connection.peer, now_ns=now_ns)
        self._load.check_room(newcomer, now_ns=now_ns)
        self._desk.spend(grant, now_unix_us=now_unix_us)
        self._load.came(newcomer, now_ns=now_ns)
        session = Session(grant, self._around, now_ns=now_ns, now_unix_us=now_unix_us)
        opened = _Open(session, connection)
        del self._waiting[connection]
        self._control[connection] = self._sessions[session.id] = opened
        _log.info("session %s of %s opened", session.id, connection.peer)
        connection.send(session.welcome())

    def _join(self, connection: Connection, join: Join) -> None:
        opened = self._sessions.get(join.session_id)
        if opened is None:
            raise RefusalError(Code.PROTOCOL, "no such session is open here")
        now_ns = self._clock.monotonic_ns()
        opened.session.join(join, peer=connection.peer, now_ns=now_ns)
        key = opened.runs[join.run]
        connection.send(Joined(run=join.run, flow=join.flow))
        if connection.has_unsent:
            raise PeerGoneError("a new connection takes a hundred octets, or it is broken")
        self._children.join(key, connection.endpoint, flow=join.flow, joined_ns=now_ns)
        self._drop(connection)  # the worker has its own copy

    def _do(self, opened: _Open, commands: list[Command]) -> None:
        for command in commands:
            self._do_one(opened, command)

    def _do_one(self, opened: _Open, command: Command) -> None:
        match command:
            case Say(message=message):
                with suppress(PeerGoneError):  # its end is noticed when it is read
                    opened.connection.send(message)
                    self._watch(opened.connection)
            case HangUp():
                self._forget(opened)
                self._leave(opened.connection)
            case Reflect():
                self._stream_owner[command.ssid] = opened
                self._load.tally.runs[Kind.STAMP] += 1
                self._children.reflect(command)
            case StopReflecting(ssid=ssid):
                self._children.stop_reflecting(ssid)
            case StartRun():
                self._own(self._children.start_run(command), opened, command.run, Kind.TCP)
            case StartLoad():
                self._start_load(opened, command)
            case StopRun(run=run) | StopLoad(run=run):
                self._children.stop_run(opened.runs[run])
            case _:
                assert_never(command)

    def _own(self, key: RunKey, opened: _Open, run: int, kind: Kind) -> None:
        opened.runs[run] = key
        self._run_owner[key] = (opened, run)
        self._load.began(key, opened.session.id, kind)

    def _start_load(self, opened: _Open, command: StartLoad) -> None:
        endpoint_of = opened.connection.endpoint
        try:
            endpoint = load_endpoint(endpoint_of)
            rtt_ns = read_tcp_info(endpoint_of).min_rtt_us * NS_PER_US
        except OSError as error:
            _log.warning("no UDP socket for a load: %s", error)
            self._do(opened, opened.session.load_opened(command.run, None))
            return
        with endpoint:
            silence_ns = max(limits.LOAD_SILENCE_NS, _SILENCE_ROUND_TRIPS * rtt_ns)
            silence_ns = min(silence_ns, limits.LOAD_SILENCE_NS_MAX)
            key = self._children.start_load(command, endpoint, silence_ns=silence_ns)
            self._own(key, opened, command.run, Kind.UDP)
            self._do(opened, opened.session.load_opened(command.run, port_of([endpoint])))

    def _load_stopped(self, key: RunKey, why: str) -> None:
        opened, run = self._run_owner[key]
        self._do(opened, opened.session.load_stopped(run, why))

    def _load_closed(self, key: RunKey, report: LoadReport) -> None:
        opened, run = self._run_owner.pop(key)
        received, sent, drops = report.octets_received, report.octets_sent, report.counts.host_drops
        self._load.ended(key, received, sent, host_drops=drops)
        now_unix_us = self._clock.unix_us()
        self._do(opened, opened.session.load_closed(run, report, now_unix_us=now_unix_us))

    def _reflected(self, report: ReflectedReport) -> None:
        opened = self._stream_owner.pop(report.ssid, None)
        self._load.reflected(report.octets_received, report.octets_sent)
        if opened is not None:
            self._do(opened, opened.session.reflected(report, now_unix_us=self._clock.unix_us()))

    def _progressed(self, key: RunKey, flows: tuple[FlowTick, ...]) -> None:
        opened, run = self._run_owner[key]
        self._do(opened, opened.session.progressed(run, flows))

    def _exhausted(self, key: RunKey) -> None:
        opened, run = self._run_owner[key]
        self._do(opened, opened.session.run_stopped(run))

    def _closed(self, key: RunKey, report: RunReport) -> None:
        opened, run = self._run_owner.pop(key)
        self._load.ended(key, report.octets_received, report.octets_sent)
        now_unix_us = self._clock.unix_us()
        self._do(opened, opened.session.run_closed(run, report, now_unix_us=now_unix_us))

    def _let_time_pass(self) -> None:
        now_ns, now_unix_us = self._clock.monotonic_ns(), self._clock.unix_us()
        self._sample_load(now_ns)
        for opened in [*self._sessions.values()]:
            self._do(opened, opened.session.tick(now_ns=now_ns, now_unix_us=now_unix_us))
        for connection in [*self._waiting]:
            leave_by_ns = connection.leave_by_ns or connection.opened_ns + limits.FIRST_FRAME_NS
            if now_ns >= leave_by_ns:
                self._drop(connection)

    def _sample_load(self, now_ns: int, *, last: bool = False) -> None:
        sample = self._load.look(now_ns, last=last)
        if sample is not None:
            for opened in self._sessions.values():
                opened.session.load_sampled(sample)

    def _new_ssid(self) -> int:
        """Return an identifier that no stream has; nobody can tell it from the ones before."""
        while True:
            ssid = 1 + secrets.randbelow(_SSID_MAX)
            if ssid not in self._stream_owner:
                return ssid

    def _refuse(self, connection: Connection, error: FrameError | RefusalError) -> None:
        if not isinstance(error, RefusalError):
            error = RefusalError(Code.PROTOCOL, f"this is not the protocol: {error}")
        _log.info("refused %s: %s: %s", connection.peer, error.code, error)
        self._load.tally.refusals[error.code] += 1
        opened = self._control.get(connection)
        if opened is not None:
            self._do(opened, [Say(error.message), *opened.session.end(), HangUp()])
            return
        with suppress(PeerGoneError):
            connection.send(error.message)
        self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        self._waiting[connection] = None
        try:
            connection.begin_to_leave(now_ns=self._clock.monotonic_ns())
        except PeerGoneError:
            self._drop(connection)
        else:
            self._watch(connection)

    def _drop(self, connection: Connection) -> None:
        opened = self._control.get(connection)
        if opened is not None:
            _log.info("session %s ended by its probe", opened.session.id)
            self._forget(opened)
            self._do(opened, opened.session.end())
        self._waiting.pop(connection, None)
        self._selector.unregister(connection)
        connection.endpoint.close()

    def _forget(self, opened: _Open) -> None:
        """Take a session out of the books; reports of what it had open still find it."""
        self._load.left(opened.session.id)
        self._sessions.pop(opened.session.id, None)
        self._control.pop(opened.connection, None)

    def _watch(self, connection: Connection) -> None:
        """Ask for writability exactly while something waits to be written."""
        if connection.fileno() < 0:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE * connection.has_unsent)
        self._selector.modify(connection, events)
