"""The far end of a simulated line: a test point's desk, or one without keys that does the same.

A month has 2.6 million attempts, and nearly all their cost is cryptography. `PlainEnd` answers as
`DeskEnd` does and takes the same turns; a test lets both tell the same story.
"""

from __future__ import annotations

import struct
from typing import Protocol

from omega_agent.availability.client import Answered, SendAgain, StandingClient, granted
from omega_core import limits
from omega_core.envelope import PayloadType, seal
from omega_core.models import model_bytes
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_US, US_PER_S
from omega_core.wire.standing import is_standing
from omega_server.testpoint.standing import StandingDesk
from support import builders
from support.clock import START_UNIX_US

AGENT_KEY = builders.AGENT_KEY
TEST_POINT = "tp-1"
_PLACE = ("192.0.2.7", 4_000)
_GRANT = StandingGrant(
    agent_key=AGENT_KEY.public.text,
    nonce="n" * 16,
    test_point=TEST_POINT,
    test_point_key=builders.TEST_POINT_KEY.public.text,
    udp_port=862,
    not_before_unix_us=START_UNIX_US,
    not_after_unix_us=START_UNIX_US + limits.STANDING_GRANT_LIFE_S * US_PER_S,
)
_HELLO = b"OSG1 hello"
_CHALLENGE = b"OSG1 challenge"
_HELLO_AGAIN = b"OSG1 hello again"
_WELCOME = struct.Struct("!4s?II")
_PACKET = struct.Struct("!IQ")


class FarEnd(Protocol):
    """What stands at the end of the line, for longer than the agent at this end runs."""

    def client(self) -> StandingClient:
        """Return what an agent that has just been started talks with."""
        ...

    def answer(self, data: bytes, at_us: int) -> bytes | None:
        """Return what is sent back, so long after the story began."""
        ...

    def restart(self) -> None:
        """Forget all streams, and be another instance."""
        ...


class DeskEnd:
    """The real one: keys, cookies, signatures."""

    def __init__(self) -> None:
        self._envelope = seal(model_bytes(_GRANT), PayloadType.STANDING_GRANT, builders.SERVER_KEY)
        self.restart()

    def client(self) -> StandingClient:
        """See `FarEnd.client`."""
        return granted(self._envelope, builders.SERVER_KEY.public, AGENT_KEY)

    def answer(self, data: bytes, at_us: int) -> bytes | None:
        """See `FarEnd.answer`."""
        unix_us, now_ns = START_UNIX_US + at_us, at_us * NS_PER_US
        if is_standing(data):
            return self._desk.hello(data, _PLACE, now_unix_us=unix_us, now_ns=now_ns)
        received_unix_ns = unix_us * NS_PER_US
        return self._desk.packet(
            data, _PLACE, received_unix_ns=received_unix_ns, ttl=60, now_ns=now_ns
        )

    def restart(self) -> None:
        """See `FarEnd.restart`."""
        self._desk = StandingDesk(
            server_keys=[builders.SERVER_KEY.public],
            test_point=TEST_POINT,
            own_key=builders.TEST_POINT_KEY,
        )


class PlainEnd:
    """One stream, named by a number that counts on; `restart` lets nobody know it any more."""

    def __init__(self) -> None:
        self._instance = 0
        self._opened = 0
        self._stream: int | None = None
        self._is_used = False

    def client(self) -> StandingClient:
        """See `FarEnd.client`."""
        return _PlainClient()

    def answer(self, data: bytes, at_us: int) -> bytes | None:  # noqa: ARG002 - nothing gets old
        """See `FarEnd.answer`."""
        if data == _HELLO:
            return _CHALLENGE
        if data == _HELLO_AGAIN:
            return self._welcome()
        if _PACKET.unpack(data)[0] != self._stream:
            return None
        self._is_used = True
        return data

    def restart(self) -> None:
        """See `FarEnd.restart`."""
        self._instance += 1
        self._stream = None

    def _welcome(self) -> bytes:
        is_known = self._stream is not None and self._is_used
        self._opened += 1
        self._stream, self._is_used = self._opened, False
        return _WELCOME.pack(_HELLO[:4], is_known, self._instance, self._stream)


class _PlainClient(StandingClient):
    """Turns of packets and hellos as the real one takes them, without a key in any."""

    def __init__(self) -> None:
        super().__init__(b"", _GRANT, AGENT_KEY)
        self._stream: int | None = None
        self._greets: int | None = None
        self._known_instance: int | None = None

    def forget(self) -> None:
        self._stream = None

    def attempt(self, number: int, now_unix_us: int) -> bytes:  # noqa: ARG002 - as the real one
        is_doubted = number - self._last_answered > 2
        if self._stream is None or (is_doubted and number % 2 == 0):
            self._greets = number
            return _HELLO
        return _PACKET.pack(self._stream, number)

    def received(self, data: bytes, now_unix_us: int) -> Answered | SendAgain | None:  # noqa: ARG002 - as the real one
        if not is_standing(data):
            return self._replied(data)
        if self._greets is None:
            return None
        return SendAgain(_HELLO_AGAIN) if data == _CHALLENGE else self._welcomed(data, self._greets)

    def _welcomed(self, data: bytes, number: int) -> Answered:
        _, is_known, instance, stream = _WELCOME.unpack(data)
        is_restarted = self._known_instance not in {None, instance}
        was_known = is_known and self._stream is not None
        self._known_instance, self._stream, self._greets = instance, stream, None
        self._last_answered = max(self._last_answered, number)
        return Answered(number, is_restarted, was_known)

    def _replied(self, data: bytes) -> Answered | None:
        stream, number = _PACKET.unpack(data)
        if stream != self._stream:
            return None
        self._last_answered = max(self._last_answered, number)
        return Answered(number)
