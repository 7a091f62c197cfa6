"""The door that browsers come through: accepts connections, and runs each test in a thread.

Theory of operation. A connection says what it wants in one HTTP request, within `HEAD_S`; a wrong
one is answered and closed. A test is a thread that does nothing but send, or receive, large blocks:
the interpreter lets go of its lock while the kernel copies, so several tests share the cores. How
many there are at once, and how many of one address, is bounded; who finds no room is told when to
come back. A run's last message is the test point's sealed word on it.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from omega_core import limits
from omega_core.browser import BrowserObservation, BrowserTask
from omega_core.clock import Clock
from omega_core.sockets.tcp_info import TcpInfo, read_tcp_info
from omega_core.units import NS_PER_US
from omega_server.testpoint.addresses import normalised
from omega_server.testpoint.ndt7.frames import (
    Close,
    Closed,
    FrameError,
    FrameReader,
    Heard,
    Moved,
    Opcode,
    Pinged,
    Said,
    closing,
    frame,
    head_of,
)
from omega_server.testpoint.ndt7.handshake import (
    HEAD_OCTETS_MAX,
    HandshakeError,
    Upgrade,
    head_in,
    upgrade_in,
)
from omega_server.testpoint.ndt7.measurement import measurement, observed
from omega_server.testpoint.ndt7.run import SIZE_OCTETS_MAX, Due, Run, goodput_bps
from omega_server.testpoint.ndt7.tokens import Leave, TokenDesk

HEAD_S: Final = 10.0
_LINGER_S: Final = 2.0  # for the other end's close, and what is on the way
_RECEIVED_OCTETS: Final = 1 << 20
_BACKLOG: Final = 128
_TCP_CONGESTION: Final = getattr(socket, "TCP_CONGESTION", 13)
_SILENT_S: Final = 5.0  # a peer that takes nothing for so long is gone
_TASKS: Final[dict[str, BrowserTask]] = {
    "/ndt/v7/download": "download",
    "/ndt/v7/upload": "upload",
    "/omega/v1/echo": "echo",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """What a door is told. `is_open`: tests without an access token are let in as well."""

    test_point: str
    is_open: bool
    tests_max: int = limits.BROWSER_TESTS_AT_ONCE_MAX
    tests_of_an_address_max: int = limits.BROWSER_TESTS_OF_AN_ADDRESS_MAX


class _GoneError(Exception):
    """The other end has left."""


class Door:
    """One listener's tests."""

    def __init__(
        self,
        settings: DoorSettings,
        desk: TokenDesk,
        *,
        seal: Callable[[BrowserObservation], bytes],
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._seal = seal
        self._clock = clock
        self._tls = tls
        self._block = os.urandom(SIZE_OCTETS_MAX)  # what no box on the way makes smaller
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    def serve_until(self, listener: socket.socket, *endings: int) -> None:
        """Accept connections until one of these descriptors is readable."""
        listener.listen(_BACKLOG)
        while True:
            ready, _, _ = select.select([listener, *endings], [], [])
            if ready != [listener]:
                return
            with suppress(OSError):
                connection, peer = listener.accept()
                self._begin(connection, normalised(peer[0]))

    def _begin(self, connection: socket.socket, peer: str) -> None:
        with self._lock:
            crowded = (
                self._busy.total() >= self._settings.tests_max
                or self._busy[peer] >= self._settings.tests_of_an_address_max
            )
            if not crowded:
                self._busy[peer] += 1
        if crowded:
            with connection, suppress(OSError):
                full = HandshakeError(503, "there is no room for another test")
                connection.send(full.answer(retry_after_s=limits.RETRY_AFTER_S_MAX))
            return
        thread = threading.Thread(target=self._talk, args=(connection, peer), daemon=True)
        thread.start()

    def _talk(self, connection: socket.socket, peer: str) -> None:
        try:
            with suppress(OSError, _GoneError), self._secured(connection) as endpoint:
                self._serve(endpoint, peer)
        finally:
            connection.close()
            with self._lock:
                self._busy[peer] -= 1
                if not self._busy[peer]:
                    del self._busy[peer]

    def _secured(self, connection: socket.socket) -> socket.socket:
        connection.settimeout(HEAD_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_side=True)

    def _serve(self, endpoint: socket.socket, peer: str) -> None:
        try:
            asked, rest = _request(endpoint)
            leave, number = self._let_in(asked, peer)
        except HandshakeError as error:
            endpoint.sendall(error.answer())
            return
        endpoint.sendall(asked.answer())
        test = _Test(endpoint, asked, leave, number, peer, self._settings.test_point, self._clock)
        octets = test.run(self._block, rest)
        if leave is not None:
            down = octets if test.task == "download" else 0
            up = octets if test.task == "upload" else 0
            self._desk.moved(leave, down=down, up=up)
            seen = test.observation(octets)
            with suppress(OSError):
                endpoint.sendall(frame(Opcode.TEXT, observed(self._seal(seen))))
        test.close()

    def _let_in(self, asked: Upgrade, peer: str) -> tuple[Leave | None, int]:
        token = asked.query.get("access_token")
        if token is None:
            if not self._settings.is_open:
                raise HandshakeError(403, "a test here needs an access token")
            return None, 0
        return self._desk.begin(token, peer=peer, now_unix_us=self._clock.unix_us())


class _Test:
    """One run, after its handshake."""

    def __init__(
        self,
        endpoint: socket.socket,
        asked: Upgrade,
        leave: Leave | None,
        number: int,
        peer: str,
        test_point: str,
        clock: Clock,
    ) -> None:
        self.task: BrowserTask = _TASKS[asked.path]
        self._endpoint = endpoint
        self._asked = asked
        self._leave = leave
        self._number = number
        self._peer = peer
        self._test_point = test_point
        self._clock = clock
        self._reader = FrameReader()
        self._has_closed = False
        self._began_unix_us = clock.unix_us()
        self._began_ns = clock.monotonic_ns()
        self._ended_ns = self._began_ns

    def run(self, block: bytes, rest: bytes) -> int:
        """Carry it out; return how many octets of payload were moved."""
        self._endpoint.settimeout(_SILENT_S)
        run = Run(self._octets_max(), self._clock.monotonic_ns())
        try:
            if self.task == "download":
                return self._download(run, block)
            return self._receive(run, rest, is_echo=self.task == "echo")
        finally:
            self._ended_ns = self._clock.monotonic_ns()

    def observation(self, octets: int) -> BrowserObservation:
        """Return what was seen of it."""
        info = self._info()
        duration_us = (self._ended_ns - self._began_ns) // NS_PER_US
        test_id = "none" if self._leave is None else self._leave.grant.test_id
        return BrowserObservation(
            test_id=test_id,
            test_point=self._test_point,
            run=self._number,
            task=self.task,
            address=self._peer,
            began_unix_us=self._began_unix_us,
            duration_us=duration_us,
            octets=octets,
            goodput_bps=None if self.task == "echo" else goodput_bps(octets, duration_us),
            rtt_us_min=info.min_rtt_us,
            rtt_us=info.rtt_us,
            retransmitted_octets=info.bytes_retrans,
            congestion_control=self._congestion_control(),
            user_agent=self._asked.user_agent,
        )

    def close(self) -> None:
        """End in good order: our close, theirs, and nothing left unread that would reset it."""
        with suppress(OSError, _GoneError, FrameError):
            self._endpoint.sendall(closing(Close.NORMAL))
            self._endpoint.settimeout(_LINGER_S)
            while not self._has_closed:
                self._hear(self._endpoint.recv(_RECEIVED_OCTETS))

    def _octets_max(self) -> int:
        if self._leave is None:
            return limits.BROWSER_BYTES_MAX
        grant = self._leave.grant
        if self.task == "download":
            return grant.bytes_down - self._leave.bytes_down
        return grant.bytes_up - self._leave.bytes_up

    def _download(self, run: Run, block: bytes) -> int:
        view, sent = memoryview(block), 0
        while not self._has_closed:
            now_ns = self._clock.monotonic_ns()
            due = run.next(sent, now_ns)
            if due is Due.END:
                break
            if due is Due.TELL:
                self._tell(run.elapsed_us(now_ns), sent)
                self._look()
                continue
            size = run.size(sent)
            self._send(head_of(Opcode.BINARY, size), view[:size], run)
            sent += size
        return min(sent, max(0, self._info().bytes_acked))

    def _send(self, head: bytes, payload: memoryview, run: Run) -> None:
        """Send a message whole, or leave when the run is over for a peer that takes nothing."""
        if isinstance(self._endpoint, ssl.SSLSocket):  # has no sendmsg
            self._endpoint.sendall(head)
            place = 0
        else:
            place = self._endpoint.sendmsg([head, payload]) - len(head)
        if place < 0:
            raise _GoneError  # a dozen octets did not fit: nothing has been taken for long
        while place < len(payload):
            if run.left_s(self._clock.monotonic_ns()) == 0.0:
                raise _GoneError
            place += self._endpoint.send(payload[place:])

    def _receive(self, run: Run, rest: bytes, *, is_echo: bool) -> int:
        buffer = memoryview(bytearray(_RECEIVED_OCTETS))
        moved = self._take(rest, is_echo=is_echo)
        while not self._has_closed:
            now_ns = self._clock.monotonic_ns()
            due = run.next(moved, now_ns)
            if due is Due.END:
                break
            if due is Due.TELL and not is_echo:
                self._tell(run.elapsed_us(now_ns), moved)
            count = self._endpoint.recv_into(buffer)
            if count == 0:
                break
            moved += self._take(buffer[:count], is_echo=is_echo)
        return moved

    def _take(self, octets: bytes | memoryview, *, is_echo: bool) -> int:
        """Take what has come; return how many octets of it count."""
        moved = 0
        try:
            for heard in self._reader.feed(octets):
                if isinstance(heard, Moved):
                    moved += heard.octets
                elif is_echo and isinstance(heard, Said):
                    self._endpoint.sendall(frame(Opcode.TEXT, heard.text))
                    moved += len(heard.text)
                else:
                    self._answer(heard)
        except FrameError as error:
            self._endpoint.sendall(closing(error.code, str(error)))
            self._has_closed = True
        return moved

    def _answer(self, heard: Heard) -> None:
        if isinstance(heard, Pinged):
            self._endpoint.sendall(frame(Opcode.PONG, heard.content))
        elif isinstance(heard, Closed):
            self._has_closed = True

    def _look(self) -> None:
        """Take what a client says beside a download, without waiting for it."""
        ready, _, _ = select.select([self._endpoint], [], [], 0)
        if ready:
            self._hear(self._endpoint.recv(_RECEIVED_OCTETS))

    def _hear(self, octets: bytes) -> None:
        if not octets:
            raise _GoneError
        for heard in self._reader.feed(octets):
            self._answer(heard)

    def _tell(self, elapsed_us: int, octets: int) -> None:
        said = measurement(
            test=self.task,
            elapsed_us=elapsed_us,
            octets=octets,
            info=self._info(),
            server=self._test_point,
            client=self._peer,
            test_id="" if self._leave is None else self._leave.grant.test_id,
        )
        self._endpoint.sendall(frame(Opcode.TEXT, said))

    def _info(self) -> TcpInfo:
        try:
            return read_tcp_info(self._endpoint)
        except OSError:
            return TcpInfo()

    def _congestion_control(self) -> str:
        try:
            name = self._endpoint.getsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, 16)
        except OSError:
            return ""
        return name.partition(b"\0")[0].decode("ascii", "replace")


def _request(endpoint: socket.socket) -> tuple[Upgrade, bytes]:
    """Return what is asked for, and what came after it; raises HandshakeError, _GoneError."""
    received = b""
    while (length := head_in(received)) is None:
        more = endpoint.recv(HEAD_OCTETS_MAX)
        if not more:
            raise _GoneError
        received += more
    return upgrade_in(received[:length]), received[length:]
