"""Opening a run's flows: connect, prove, be let in; all of it without waiting for any of them.

Theory of operation. `open` begins so many connections, `advance` takes each as far as it can go and
returns those that have joined since; the driver waits on `interests` in between. So a flow can be
added while others carry data, and connect time is never measured. The flows opened together join
together: none sends its Join before all have connected, or `_TOGETHER_NS` have passed, because on a
lossy line one lost SYN costs a second, and flows start together.

    connecting --writable--> connected --all are--> joining --Joined--> joined
         '----------------- refused, reset, or out of time: given up ----'

A flow that is given up has carried nothing: it is no failed flow, only a missing one.

A run's first flows may be connected ahead of it, by `open` alone: a connection belongs to no run
before its Join. The test point closes one that says nothing for `FIRST_FRAME_NS`, so `drop_stale`
gives up what has waited for nearly as long. Those of an upward run may join ahead as well, for
nothing moves before this end sends; the test point must have the run open by then.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from omega_core.clock import Clock
from omega_core.limits import FIRST_FRAME_NS, GOODPUT_FLOWS_MAX
from omega_core.sockets.linux import abort_on_close
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.frames import FrameError, FrameReader
from omega_core.wire.testpoint import (
    Join,
    Joined,
    Refused,
    decode_from_test_point,
    encode,
    flow_mac,
)

OPENING_NS: Final = 8 * NS_PER_S  # three lost SYNs: 1 + 2 + 4 s
STALE_NS: Final = FIRST_FRAME_NS - NS_PER_S  # a Join has to get there, too
_STEPS_TO_JOINING: Final = 2  # whether all have connected is seen in one, and counts in the next
_TOGETHER_NS: Final = 500 * NS_PER_MS


class TrafficWatch(Protocol):
    """Who counts what the probe's own connections carry."""

    def watch(self, connection: socket.socket) -> None:
        """Count a connection from now on."""
        ...

    def release(self, connection: socket.socket) -> None:
        """Take the last reading of a connection, just before it is closed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTarget:
    """Where flows go, and what lets them in."""

    address: str
    tcp_port: int
    session_id: str
    secret: bytes
    run: int


class _State(Enum):
    CONNECTING = auto()
    CONNECTED = auto()
    JOINING = auto()


@dataclass(slots=True)
class _Opening:
    number: int
    connection: socket.socket
    opened_ns: int
    reader: FrameReader
    state: _State = _State.CONNECTING


class GivenUpError(Exception):
    """A flow can't be opened; its text says why, for people."""


class FlowOpener:
    """Opens the flows of one run."""

    def __init__(self, target: FlowTarget, *, clock: Clock, traffic: TrafficWatch) -> None:
        self._target = target
        self._clock = clock
        self._traffic = traffic
        self._next_number = 0
        self._openings: list[_Opening] = []
        self._joined_ahead: list[tuple[int, socket.socket]] = []
        self.reasons: list[str] = []
        """Why flows were given up, in order."""
        self.refused: Refused | None = None
        """The last refusal by the test point."""

    @property
    def pending(self) -> int:
        """How many flows are on their way, and not handed out by `advance`."""
        return len(self._openings) + len(self._joined_ahead)

    def open(self, count: int) -> None:
        """Begin to open flows; fewer where the run has its most already."""
        for _ in range(min(count, GOODPUT_FLOWS_MAX - self._next_number)):
            number, self._next_number = self._next_number, self._next_number + 1
            try:
                self._openings.append(self._begin(number))
            except OSError as error:
                self.reasons.append(_reason(error))

    def interests(self) -> Sequence[tuple[socket.socket, int]]:
        """Return the sockets to wait on, and for what."""
        return [
            (each.connection, select.POLLOUT if each.state is _State.CONNECTING else select.POLLIN)
            for each in self._openings
            if each.state is not _State.CONNECTED
        ]

    def advance(self) -> list[tuple[int, socket.socket]]:
        """Take every opening as far as it can go; return the flows that have joined."""
        now_ns = self._clock.monotonic_ns()
        joined, self._joined_ahead = self._joined_ahead, []
        together = all(
            each.state is not _State.CONNECTING or now_ns - each.opened_ns >= _TOGETHER_NS
            for each in self._openings
        )
        for opening in [*self._openings]:
            try:
                if self._advance_one(opening, now_ns, together=together):
                    self._openings.remove(opening)
                    joined.append((opening.number, opening.connection))
            except (GivenUpError, OSError) as error:
                self.reasons.append(_reason(error))
                self._give_up(opening)
        return joined

    def join_ahead(self) -> None:
        """Have the flows that have connected join, and wait for none; `advance` hands them out."""
        self.drop_stale()
        for _ in range(_STEPS_TO_JOINING):
            self._joined_ahead = self.advance()

    def drop_stale(self) -> None:
        """Give up flows that were connected ahead too long ago.

        Those that have asked to join stay; from now on they have the time of flows just opened.
        """
        now_ns = self._clock.monotonic_ns()
        asked = [each for each in self._openings if each.state is _State.JOINING]
        for each in asked:
            each.opened_ns = now_ns
        if asked or all(now_ns - each.opened_ns < STALE_NS for each in self._openings):
            return
        self.give_up_all()
        self._next_number = 0

    def give_up_unasked(self) -> None:
        """Close what has not asked to join: it would come too late to be of use."""
        for opening in [*self._openings]:
            if opening.state is not _State.JOINING:
                self._give_up(opening)

    def give_up_all(self) -> list[int]:
        """Close what has not joined; return the flows that the test point may have let in."""
        asked = [each.number for each in self._openings if each.state is _State.JOINING]
        for number, connection in self._joined_ahead:
            asked.append(number)
            self._close(connection)
        self._joined_ahead.clear()
        for opening in [*self._openings]:
            self._give_up(opening)
        return asked

    def _begin(self, number: int) -> _Opening:
        target = self._target
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
            with suppress(BlockingIOError):  # the handshake is under way
                connection.connect((target.address, target.tcp_port))
        except BaseException:
            connection.close()
            raise
        return _Opening(number, connection, self._clock.monotonic_ns(), FrameReader())

    def _advance_one(self, opening: _Opening, now_ns: int, *, together: bool) -> bool:
        if now_ns - opening.opened_ns >= OPENING_NS:
            raise GivenUpError("a flow could not be opened in time")
        if opening.state is _State.CONNECTING and _has_connected(opening.connection):
            self._traffic.watch(opening.connection)
            opening.state = _State.CONNECTED
        if opening.state is _State.CONNECTED and together:
            self._send_join(opening)
            opening.state = _State.JOINING
        return opening.state is _State.JOINING and self._has_joined(opening)

    def _send_join(self, opening: _Opening) -> None:
        target = self._target
        mac = flow_mac(
            target.secret, session_id=target.session_id, run=target.run, flow=opening.number
        )
        join = Join(session_id=target.session_id, run=target.run, flow=opening.number, mac=mac)
        frame = encode(join)
        if opening.connection.send(frame) != len(frame):
            raise GivenUpError("a new connection did not take a hundred octets")

    def _has_joined(self, opening: _Opening) -> bool:
        """Read no octet beyond the answer: what follows is the flow's."""
        while True:
            try:
                data = opening.connection.recv(opening.reader.octets_missing)
            except BlockingIOError:
                return False
            if not data:
                raise GivenUpError("the test point closed a flow before it joined")
            try:
                for frame in opening.reader.feed(data):
                    return self._is_joined(decode_from_test_point(frame))
            except FrameError as error:
                raise GivenUpError(f"the test point answered a flow with {error}") from error

    def _is_joined(self, answer: object) -> bool:
        if isinstance(answer, Refused):
            self.refused = answer
            raise GivenUpError(f"the test point refused a flow: {answer.detail}")
        if not isinstance(answer, Joined):
            raise GivenUpError("the test point answered a flow with something else")
        return True

    def _give_up(self, opening: _Opening) -> None:
        self._openings.remove(opening)
        self._close(opening.connection)

    def _close(self, connection: socket.socket) -> None:
        self._traffic.release(connection)
        abort_on_close(connection)
        connection.close()


def _has_connected(connection: socket.socket) -> bool:
    """Say whether the handshake is over; raises OSError when it failed."""
    failed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:
        raise OSError(failed, os.strerror(failed))
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"a flow could not be opened: {os.strerror(error.errno)}"
    return str(error)
