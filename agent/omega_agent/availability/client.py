"""The agent's end of a standing stream: what to send for an attempt, and which one is answered.

Pure: octets in, octets out. An attempt is a STAMP packet where a stream is open. Where none is, or
two attempts in a row have failed (the address may have changed, the test point forgotten us), every
other one is a hello; a challenge is answered at once, within the same attempt. Only what the test
point has signed, or keyed, answers an attempt.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from omega_core.canonical import NotPlainJsonError
from omega_core.envelope import EnvelopeError, PayloadType, open_sealed, parse_envelope
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import ContentError, parse_model
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_US
from omega_core.wire.stamp import NotStampError, SenderPacket, decode_reflector, encode_sender
from omega_core.wire.standing import (
    NO_COOKIE,
    Challenge,
    NotStandingError,
    Welcome,
    decode_answer,
    encode_hello,
    is_standing,
    stream_key,
)

_DOUBTED_AFTER = 2


class LeaveError(Exception):
    """These octets are no standing grant of this server for this device: why."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt was answered; `restarted` when the test point has started anew since the last.

    `stream_was_known`: packets of the stream that was open until now would have been answered too.
    """

    number: int
    restarted: bool = False
    stream_was_known: bool = True


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The attempt is not decided: this goes out at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class _Greeting:
    number: int
    data: bytes
    exchange: X25519PrivateKey


@dataclass(frozen=True, slots=True)
class _Open:
    ssid: int
    key: bytes


class StandingClient:
    """One standing stream under one grant. Times are UTC in microseconds."""

    def __init__(
        self,
        grant: bytes,
        content: StandingGrant,
        key: SigningKey,
        *,
        instance: bytes | None = None,
    ) -> None:
        self._envelope = grant
        self.grant = content
        self._key = key
        self._test_point_key = PublicKey.from_text(content.test_point_key)
        self._instance = instance
        self._open: _Open | None = None
        self._greeting: _Greeting | None = None
        self._last_answered = -1
        self._hello_unix_us = 0

    def take_over(self, before: StandingClient) -> None:
        """Go on where an earlier grant's client was: at one test point the stream stays open."""
        if before.grant.test_point_key == self.grant.test_point_key:
            self._open, self._instance = before._open, before._instance
            self._last_answered = before._last_answered
            self._hello_unix_us = before._hello_unix_us
            self._greeting = before._greeting  # its welcome may be on the way

    def forget(self) -> None:
        """Greet again: what follows comes from another address or port."""
        self._open = None

    def holds_at(self, now_unix_us: int) -> bool:
        """Say whether the grant is good at a time; how far the clocks agree is the other's care."""
        return now_unix_us <= self.grant.not_after_unix_us

    def attempt(self, number: int, now_unix_us: int) -> bytes:
        """Return what to send for an attempt. Numbers ascend."""
        doubted = number - self._last_answered > _DOUBTED_AFTER
        if self._open is None or (doubted and number % 2 == 0):
            return self._hello(number, now_unix_us, NO_COOKIE)
        packet = SenderPacket(number & 0xFFFF_FFFF, now_unix_us * NS_PER_US, self._open.ssid)
        return encode_sender(packet, key=self._open.key)

    def received(self, data: bytes, now_unix_us: int) -> Answered | SendAgain | None:
        """Take a datagram; None when it is of no account."""
        try:
            return self._greeted(data, now_unix_us) if is_standing(data) else self._reply(data)
        except (NotStandingError, NotStampError):
            return None

    def _hello(self, number: int, now_unix_us: int, cookie: bytes) -> bytes:
        """Greet, later than before on any clock: the test point takes no hello for new twice.

        A device that wakes in 1970 knows at least when the server gave leave.
        """
        known_us = max(self._hello_unix_us + 1, self.grant.not_before_unix_us)
        self._hello_unix_us = max(now_unix_us, known_us)
        exchange = X25519PrivateKey.generate()
        data = encode_hello(
            self._envelope,
            exchange.public_key().public_bytes_raw(),
            self._key,
            sent_unix_us=self._hello_unix_us,
            cookie=cookie,
        )
        self._greeting = _Greeting(number, data, exchange)
        return data

    def _greeted(self, data: bytes, now_unix_us: int) -> Answered | SendAgain | None:
        greeting = self._greeting
        if greeting is None:
            return None
        match decode_answer(data, greeting.data, self._test_point_key):
            case Challenge(cookie=cookie):
                return SendAgain(self._hello(greeting.number, now_unix_us, cookie))
            case Welcome() as welcome:
                key = stream_key(greeting.exchange, welcome.exchange_key, greeting.data)
                restarted = self._instance not in {None, welcome.instance}
                was_known = welcome.is_known and self._open is not None
                self._instance, self._greeting = welcome.instance, None
                self._open = _Open(welcome.ssid, key)
                self._last_answered = max(self._last_answered, greeting.number)
                return Answered(greeting.number, restarted, was_known)

    def _reply(self, data: bytes) -> Answered | None:
        if self._open is None:
            return None
        reply = decode_reflector(data, key=self._open.key)
        if reply.ssid != self._open.ssid:
            return None
        self._last_answered = max(self._last_answered, reply.sender_sequence)
        return Answered(reply.sender_sequence)


def granted(envelope: bytes, server_key: PublicKey, agent_key: SigningKey) -> StandingClient:
    """Return a client under a grant; raises LeaveError unless it is the server's, and for us."""
    try:
        payload = open_sealed(
            parse_envelope(envelope), PayloadType.STANDING_GRANT, {server_key.kid: server_key}
        )
        content = parse_model(StandingGrant, payload)
    except (EnvelopeError, NotPlainJsonError, ContentError) as error:
        raise LeaveError(str(error)) from error
    if content.agent_key != agent_key.public.text:
        raise LeaveError("the standing grant is for another key")
    return StandingClient(envelope, content, agent_key)
