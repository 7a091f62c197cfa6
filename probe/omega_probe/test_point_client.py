"""The probe's end of a test point's control connection: one connection is one session.

Theory of operation. `connect` finds an address of the grant that answers, says Hello and returns a
client. Then the session is a sequence of requests, each answered by the one message that belongs to
it (`omega_core.wire.testpoint` draws them). Between requests, and while one waits for its answer,
the test point may send Progress; those are kept until `poll` fetches them. What is sure to be asked
for next can be sent ahead: its answer is kept until `request` asks for it, which then saves a round
trip. Answers carry what they belong to, refusals do not: with several requests under way one has
been refused when as many refusals have come as there are requests without an answer.

Every wait has a deadline, and whatever goes wrong is one of two errors:

    TestPointRefusedError   it said no, with a stable code; after Hello that is the end
    TestPointLostError      it is gone, silent, or speaks something else; `ended` tells which task
                            end that is: LINK_LOST of a silent path, else TEST_POINT_LOST

Not for two threads at once. The client belongs to whoever runs the session.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeVar, overload

from omega_core.clock import Clock
from omega_core.evidence import Ended
from omega_core.limits import CONTROL_TIMEOUT_S
from omega_core.sockets.tcp_info import read_tcp_info
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.frames import FrameError, FrameReader
from omega_core.wire.testpoint import (
    PROTOCOL_VERSION,
    CloseLoad,
    CloseStream,
    EndRun,
    Finish,
    Finished,
    FromTestPoint,
    Hello,
    LoadClosed,
    LoadReady,
    OpenLoad,
    OpenRun,
    OpenStream,
    Progress,
    Refused,
    RunClosed,
    RunReady,
    StreamClosed,
    StreamReady,
    Welcome,
    decode_from_test_point,
    encode,
)
from omega_probe.errors import TestPointLostError, TestPointRefusedError

CONNECT_TIMEOUT_S: Final = 4  # one lost SYN is repeated after a second, two after three
_READ_OCTETS: Final = 64 * 1024
_SLICE_NS: Final = 100 * NS_PER_MS
GRACE_NS: Final = 250 * NS_PER_MS
_PROGRESS_KEPT: Final = 64  # counters are cumulative: the newest say everything
_REFUSALS_KEPT: Final = 64  # more than can be under way: a peer that refuses for ever is none
_PATH_ERRORS: Final = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}
_FAMILY: Final = {socket.AF_INET: 4, socket.AF_INET6: 6}

Request = Hello | OpenStream | CloseStream | OpenRun | EndRun | OpenLoad | CloseLoad | Finish
AnswerT = TypeVar(
    "AnswerT",
    Welcome,
    StreamReady,
    StreamClosed,
    RunReady,
    RunClosed,
    LoadReady,
    LoadClosed,
    Finished,
)

_ANSWER_OF: Final[dict[type[Request], type[FromTestPoint]]] = {
    Hello: Welcome,
    OpenStream: StreamReady,
    CloseStream: StreamClosed,
    OpenRun: RunReady,
    EndRun: RunClosed,
    OpenLoad: LoadReady,
    CloseLoad: LoadClosed,
    Finish: Finished,
}


class Access(Protocol):
    """What the client needs of `omega_probe.plan.TestPointAccess`."""

    @property
    def session_id(self) -> str:
        """The session that the grant is for."""
        ...

    @property
    def grant(self) -> str:
        """The sealed grant, as the Controller sent it."""
        ...

    @property
    def secret(self) -> bytes:
        """The session secret, under which flows are joined and packets authenticated."""
        ...

    @property
    def addresses(self) -> Sequence[str]:
        """Where the test point may be reached, the preferred address first."""
        ...

    @property
    def tcp_port(self) -> int:
        """Port of control and flow connections."""
        ...


class TestPointClient:
    """An open session with a test point; made by `connect`."""

    __test__ = False  # not a pytest class

    def __init__(self, connection: socket.socket, access: Access, clock: Clock) -> None:
        self.access = access
        self.address: str = connection.getpeername()[0]
        """The address that answered; flows and streams go to the same one."""
        self.local_address: str = connection.getsockname()[0]
        self.family: Literal[4, 6] = 6 if connection.family == socket.AF_INET6 else 4
        self.welcome: Welcome
        """What the test point said first; set by `connect`."""
        self.stop: threading.Event | None = None
        """Once it is set, all further waiting together takes no longer than `GRACE_NS`: enough for
        the last words of a session on most lines, and over within the half second that stop has."""
        self._grace_until_ns: int | None = None
        self._connection = connection
        self._clock = clock
        self._gone: TestPointLostError | None = None
        self._reader = FrameReader()
        self._asked: list[Request] = []
        self._answers: list[FromTestPoint] = []
        self._refusals: deque[Refused] = deque(maxlen=_REFUSALS_KEPT)
        self._ended: TestPointLostError | None = None
        self._progress: deque[Progress] = deque(maxlen=_PROGRESS_KEPT)
        connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @overload
    def request(self, message: Hello, timeout_s: float = ...) -> Welcome: ...
    @overload
    def request(self, message: OpenStream, timeout_s: float = ...) -> StreamReady: ...
    @overload
    def request(self, message: CloseStream, timeout_s: float = ...) -> StreamClosed: ...
    @overload
    def request(self, message: OpenRun, timeout_s: float = ...) -> RunReady: ...
    @overload
    def request(self, message: EndRun, timeout_s: float = ...) -> RunClosed: ...
    @overload
    def request(self, message: OpenLoad, timeout_s: float = ...) -> LoadReady: ...
    @overload
    def request(self, message: CloseLoad, timeout_s: float = ...) -> LoadClosed: ...
    @overload
    def request(self, message: Finish, timeout_s: float = ...) -> Finished: ...
    def request(self, message: Request, timeout_s: float = CONTROL_TIMEOUT_S) -> FromTestPoint:
        """Send a message and return the answer that belongs to it.

        Raises TestPointRefusedError when the answer is a refusal; the session goes on without what
        was asked for. Raises TestPointLostError when there is none in time, or another than this
        protocol allows, and from then on always: a late answer could be taken for another's.
        """
        answer = self._exchange(message, timeout_s)
        if isinstance(answer, Refused):
            raise _refused(answer)
        return answer

    def ask_ahead(self, *messages: Request) -> None:
        """Send what will be requested soon; nothing is raised before `request` is called with it.

        All of it leaves in one write: a peer that reads once and closes has then read all. A
        request that is never made does no harm: the session's end closes what was opened.
        """
        new = [each for each in messages if each not in self._asked]
        if self._gone is not None or not new:
            return
        deadline_ns = self._clock.monotonic_ns() + CONTROL_TIMEOUT_S * NS_PER_S
        try:
            self._send(new, deadline_ns)
        except TestPointLostError as error:
            self._gone = error

    def answer_to(self, message: Request) -> FromTestPoint | None:
        """Look at the answer to what was asked ahead; None while it is not here, or a refusal.

        With an answer `request` does not wait, and raises nothing.
        """
        if self._gone is None:
            try:
                self._read()
            except TestPointLostError as error:
                self._gone = error
        return next((each for each in self._answers if _belongs(each, message)), None)

    def poll(self) -> list[Progress]:
        """Return the Progress that has come since the last call, without waiting.

        Raises TestPointLostError when the connection has ended, and TestPointRefusedError when the
        test point has ended the session by itself (a limit of the grant was reached).
        """
        self._read()
        if self._refusals and not self._unanswered():
            raise _refused(self._refusals.popleft())
        if self._ended is not None:
            raise self._end(self._ended)
        arrived = [*self._progress]
        self._progress.clear()
        return arrived

    def rtt_us_min(self) -> int:
        """Return the smallest round trip that the kernel has seen on this connection."""
        return read_tcp_info(self._connection).min_rtt_us

    def fileno(self) -> int:
        """Return the descriptor to wait on for what `poll` fetches."""
        return self._connection.fileno()

    def close(self) -> None:
        """End the session; the test point ends its part when it sees that."""
        self._connection.close()

    def _exchange(self, message: Request, timeout_s: float) -> FromTestPoint:
        if self._gone is not None:
            if (kept := self._take(message)) is not None:  # it came while the test point was there
                return kept
            raise self._gone
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        try:
            if message not in self._asked:
                self._send([message], deadline_ns)
            self._read()
            while (answer := self._answer(message)) is None:
                if self._ended is not None:
                    raise self._end(self._ended)
                self._wait(select.POLLIN, deadline_ns, waiting_for=message.type)
                self._read()
        except TestPointLostError as error:
            self._gone = error
            raise
        self._asked.remove(message)
        return answer

    def _take(self, message: Request) -> FromTestPoint | None:
        """Take the answer to a request out of those that have come."""
        for answer in self._answers:
            if _belongs(answer, message):
                self._answers.remove(answer)
                return answer
        return None

    def _answer(self, message: Request) -> FromTestPoint | None:
        """Return what belongs to a request that was sent; None while it has not come."""
        if (answer := self._take(message)) is not None:
            return answer
        if len(self._refusals) >= len(self._unanswered()):
            return self._refusals.popleft()
        return None

    def _unanswered(self) -> list[Request]:
        """Return the requests under way that nothing has come for; a refusal may be for any."""
        return [
            asked
            for asked in self._asked
            if not any(_belongs(answer, asked) for answer in self._answers)
        ]

    def _end(self, ended: TestPointLostError) -> TestPointLostError | TestPointRefusedError:
        """Return what the end of the connection means: a refusal just before it tells more."""
        return _refused(self._refusals.pop()) if self._refusals else ended

    def _send(self, messages: Sequence[Request], deadline_ns: int) -> None:
        frames = memoryview(b"".join(map(encode, messages)))
        while frames:
            try:
                frames = frames[self._connection.send(frames) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline_ns, waiting_for=messages[-1].type)
            except OSError as error:
                raise _lost(error) from error
        self._asked += messages

    def _wait(self, events: int, deadline_ns: int, *, waiting_for: str) -> None:
        poller = select.poll()
        poller.register(self._connection, events)
        while (left_ns := deadline_ns - self._clock.monotonic_ns()) > 0:
            left_ns = min(left_ns, self._grace_left_ns(waiting_for))
            if poller.poll(min(left_ns, _SLICE_NS) / NS_PER_MS):
                return
        raise TestPointLostError(f"no answer from the test point to {waiting_for}", Ended.LINK_LOST)

    def _grace_left_ns(self, waiting_for: str) -> int:
        """Return how long a wait may still take; raises TestPointLostError when stop was said."""
        if self.stop is None or not self.stop.is_set():
            return _SLICE_NS
        now_ns = self._clock.monotonic_ns()
        if self._grace_until_ns is None:
            self._grace_until_ns = now_ns + GRACE_NS
        if now_ns >= self._grace_until_ns:
            raise TestPointLostError(f"stopped during {waiting_for}", Ended.INTERRUPTED)
        return self._grace_until_ns - now_ns

    def _read(self) -> None:
        """Take in what has arrived, without waiting."""
        try:
            while self._ended is None:
                data = self._connection.recv(_READ_OCTETS)
                if not data:
                    self._ended = TestPointLostError(
                        "the test point closed the connection", Ended.TEST_POINT_LOST
                    )
                for frame in self._reader.feed(data):
                    self._keep(decode_from_test_point(frame))
        except BlockingIOError:
            return
        except OSError as error:
            self._ended = _lost(error)
        except FrameError as error:
            raise TestPointLostError(
                f"the test point sent something else than this protocol: {error}",
                Ended.TEST_POINT_LOST,
            ) from error

    def _keep(self, message: FromTestPoint) -> None:
        if isinstance(message, Progress):
            self._progress.append(message)
        elif isinstance(message, Refused):
            self._refusals.append(message)
        elif any(_belongs(message, asked) for asked in self._unanswered()):
            self._answers.append(message)
        else:
            asked = " and ".join(each.type for each in self._unanswered()) or "nothing"
            raise TestPointLostError(
                f"the test point answered {asked} with {message.type}", Ended.TEST_POINT_LOST
            )


def connect(
    access: Access, clock: Clock, *, timeout_s: float = CONTROL_TIMEOUT_S
) -> TestPointClient:
    """Return an open session: the first address that answers, after Hello and Welcome.

    `timeout_s` is for Hello; each address gets `CONNECT_TIMEOUT_S` to be reached. Raises
    TestPointRefusedError for a grant that is not accepted, TestPointLostError for anything else.
    """
    client = TestPointClient(_first_that_answers(access), access, clock)
    try:
        hello = Hello(version=PROTOCOL_VERSION, grant=access.grant)
        client.welcome = client.request(hello, timeout_s)
    except BaseException:
        client.close()
        raise
    return client


def _first_that_answers(access: Access) -> socket.socket:
    failures: list[str] = []
    ended = Ended.LINK_LOST
    for address in access.addresses:
        try:
            return socket.create_connection((address, access.tcp_port), CONNECT_TIMEOUT_S)
        except OSError as error:
            lost = _lost(error)
            failures.append(f"{address} port {access.tcp_port}: {_reason(error)}")
            if lost.ended is Ended.TEST_POINT_LOST:
                ended = Ended.TEST_POINT_LOST
    raise TestPointLostError(f"no test point at {'; '.join(failures)}", ended)


def _belongs(answer: FromTestPoint, asked: Request) -> bool:
    """Say whether an answer is one to a request: of the kind, and of the stream or run."""
    if not isinstance(answer, _ANSWER_OF[type(asked)]):
        return False
    return _number(answer) == _number(asked)


def _number(message: FromTestPoint | Request) -> int | None:
    return getattr(message, "stream" if "stream" in message.type else "run", None)


def _refused(answer: Refused) -> TestPointRefusedError:
    return TestPointRefusedError(answer.code, answer.detail, answer.retry_after_s)


def _lost(error: OSError) -> TestPointLostError:
    """A host that answers with a reset is there and its test point is not; silence is the path."""
    silent = isinstance(error, TimeoutError) or error.errno in _PATH_ERRORS
    ended = Ended.LINK_LOST if silent else Ended.TEST_POINT_LOST
    return TestPointLostError(f"lost the test point: {_reason(error)}", ended)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "timed out"
