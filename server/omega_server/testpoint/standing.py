"""Standing streams at the test point: hellos in, challenges and welcomes out, then STAMP.

Theory of operation. A hello is checked in the order of cost: size, how many were checked in this
second, the server's signature under the grant, its place and time, the agent's signature under the
hello, the address cookie. Whatever is wrong, nothing is sent. A right hello without a right cookie
is answered with one, and nothing is kept; with it a stream is kept under the address and port that
the hello came from.

What is kept is soft: `STANDING_STREAMS_MAX` streams, one of each agent. A restart of the test
point, a change of the agent's address and ten minutes of silence all end in another
hello. When there is no room, the hello goes unanswered.

A stream may have `WATCH_REPLIES_PER_S` replies a second, and a few at once; replies have the size
of the requests. A hello that is captured and sent again from another address gets a challenge of 29
octets at most; from the same address, within the cookie's life, a stream whose key its sender does
not know. That would take the place of the true one, so within that life a hello must be newer than
the last. Later its cookie says that it is new: a device that wakes in 1970 can't date it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from omega_core import limits
from omega_core.envelope import (
    EnvelopeError,
    PayloadType,
    keys_by_id,
    open_sealed,
    parse_envelope,
)
from omega_core.keys import PublicKey, SigningKey
from omega_core.models import ContentError, NotPlainJsonError, parse_model
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_S, US_PER_S
from omega_core.wire.stamp import (
    AUTHENTICATED_OCTETS,
    NotStampError,
    ReflectorPacket,
    decode_sender,
    encode_reflector,
)
from omega_core.wire.standing import (
    INSTANCE_OCTETS,
    NO_COOKIE,
    Challenge,
    Hello,
    NotStandingError,
    Welcome,
    decode_hello,
    encode_challenge,
    encode_welcome,
    stream_key,
)

_BURST = 2 * limits.WATCH_REPLIES_PER_S
_COOKIE_OCTETS = len(NO_COOKIE)
_COOKIE_LIFE_NS = 2 * limits.STANDING_COOKIE_S * NS_PER_S  # one is good in its epoch and the next
Place = tuple[str, int]
"""Address and port."""


@dataclass(slots=True)
class _Stream:
    agent_key: str
    key: bytes
    ssid: int
    not_after_unix_us: int
    last_ns: int
    is_used: bool = False
    """The agent has its key: a packet has come that was made with it."""
    replies: int = 0
    purse_ns: int = _BURST * NS_PER_S // limits.WATCH_REPLIES_PER_S


@dataclass(frozen=True, slots=True)
class _Opened:
    place: Place
    hello_unix_us: int
    at_ns: int

    def is_newer_than(self, hello: Hello, now_ns: int) -> bool:
        """Whether this hello may be one that was captured before."""
        is_recent = now_ns - self.at_ns <= _COOKIE_LIFE_NS
        return is_recent and hello.sent_unix_us <= self.hello_unix_us


class StandingDesk:
    """All standing streams of one test point. `now_ns` is of the monotonic clock."""

    def __init__(
        self, *, server_keys: Sequence[PublicKey], test_point: str, own_key: SigningKey
    ) -> None:
        self._keys = keys_by_id(server_keys)
        self._test_point = test_point
        self._own_key = own_key
        self._instance = secrets.token_bytes(INSTANCE_OCTETS)
        self._cookie_key = os.urandom(32)
        self._streams: dict[Place, _Stream] = {}
        self._opened_of: dict[str, _Opened] = {}
        self._checked_second = (0, 0)

    @property
    def streams(self) -> int:
        """How many streams are kept."""
        return len(self._streams)

    def hello(self, data: bytes, place: Place, *, now_unix_us: int, now_ns: int) -> bytes | None:
        """Return the answer to a hello, or None for anything that deserves none."""
        if not self._may_check(now_ns):
            return None
        try:
            hello = decode_hello(data)
            grant = self._granted(hello, now_unix_us)
        except NotStandingError:
            return None
        if not self._is_cookie(hello.cookie, place, now_ns):
            cookie = self._cookie(place, now_ns // NS_PER_S // limits.STANDING_COOKIE_S)
            return encode_challenge(Challenge(self._instance, cookie))
        return self._open(hello, grant, place, now_ns)

    def packet(
        self, data: bytes, place: Place, *, received_unix_ns: int, ttl: int, now_ns: int
    ) -> bytes | None:
        """Return the reply to a STAMP packet, its T3 being its T2; None where it has no stream."""
        stream = self._streams.get(place)
        if stream is None or not _may_reply(stream, now_ns):
            return None
        try:
            packet = decode_sender(data, key=stream.key)
        except NotStampError:
            return None
        if packet.ssid != stream.ssid or len(data) != AUTHENTICATED_OCTETS:
            return None
        if received_unix_ns // 1_000 > stream.not_after_unix_us:
            return None
        stream.last_ns = now_ns
        stream.is_used = True
        stream.purse_ns -= NS_PER_S // limits.WATCH_REPLIES_PER_S
        sequence, stream.replies = stream.replies, (stream.replies + 1) & 0xFFFF_FFFF
        answer = ReflectorPacket(
            sequence=sequence,
            replied_unix_ns=received_unix_ns,
            ssid=packet.ssid,
            received_unix_ns=received_unix_ns,
            sender_sequence=packet.sequence,
            sender_sent_unix_ns=packet.sent_unix_ns,
            sender_error_estimate=packet.error_estimate,
            ttl=ttl,
            sender_stamp=packet.stamp,
        )
        return encode_reflector(answer, key=stream.key)

    def _granted(self, hello: Hello, now_unix_us: int) -> StandingGrant:
        try:
            sealed = parse_envelope(hello.grant)
            payload = open_sealed(sealed, PayloadType.STANDING_GRANT, self._keys)
            grant = parse_model(StandingGrant, payload)
            agent_key = PublicKey.from_text(grant.agent_key)
        except (EnvelopeError, NotPlainJsonError, ContentError, ValueError) as error:
            raise NotStandingError("not a standing grant of this server") from error
        if (grant.test_point, grant.test_point_key) != (
            self._test_point,
            self._own_key.public.text,
        ):
            raise NotStandingError("a grant for another test point")
        early_us = limits.GRANT_EARLY_S * US_PER_S
        if not grant.not_before_unix_us - early_us <= now_unix_us <= grant.not_after_unix_us:
            raise NotStandingError("the grant is not valid now")
        if not hello.is_signed_by(agent_key):
            raise NotStandingError("not signed by the agent of the grant")
        return grant

    def _open(self, hello: Hello, grant: StandingGrant, place: Place, now_ns: int) -> bytes | None:
        before = self._opened_of.get(grant.agent_key)
        if before is not None and before.is_newer_than(hello, now_ns):
            return None
        if before is None and len(self._streams) >= limits.STANDING_STREAMS_MAX:
            self._forget(now_ns)
            if len(self._streams) >= limits.STANDING_STREAMS_MAX:
                return None
        mine = X25519PrivateKey.generate()
        try:
            key = stream_key(mine, hello.exchange_key, hello.octets)
        except NotStandingError:
            return None
        stream_before = None if before is None else self._streams.get(before.place)
        is_known = before is not None and before.place == place and _is_used(stream_before)
        self._drop(grant.agent_key)
        taken = self._streams.get(place)
        if taken is not None:
            self._drop(taken.agent_key)
        ssid = 1 + secrets.randbelow(0xFFFF)
        self._streams[place] = _Stream(grant.agent_key, key, ssid, grant.not_after_unix_us, now_ns)
        self._opened_of[grant.agent_key] = _Opened(place, hello.sent_unix_us, now_ns)
        welcome = Welcome(self._instance, ssid, mine.public_key().public_bytes_raw(), is_known)
        return encode_welcome(welcome, hello.octets, self._own_key)

    def _drop(self, agent_key: str) -> None:
        known = self._opened_of.pop(agent_key, None)
        if known is not None:
            self._streams.pop(known.place, None)

    def _forget(self, now_ns: int) -> None:
        silent = [
            each.agent_key
            for each in self._streams.values()
            if now_ns - each.last_ns > limits.STANDING_SILENCE_NS
        ]
        for agent_key in silent:
            self._drop(agent_key)

    def _may_check(self, now_ns: int) -> bool:
        second = now_ns // NS_PER_S
        checked = self._checked_second[1] if self._checked_second[0] == second else 0
        self._checked_second = (second, checked + 1)
        return checked < limits.STANDING_HELLOS_PER_S

    def _is_cookie(self, cookie: bytes, place: Place, now_ns: int) -> bool:
        epoch = now_ns // NS_PER_S // limits.STANDING_COOKIE_S
        good = (self._cookie(place, each) for each in (epoch, epoch - 1))
        return any(hmac.compare_digest(cookie, each) for each in good)

    def _cookie(self, place: Place, epoch: int) -> bytes:
        text = f"{place[0]} {place[1]} {epoch}".encode()
        return hmac.digest(self._cookie_key, text, hashlib.sha256)[:_COOKIE_OCTETS]


def _is_used(stream: _Stream | None) -> bool:
    return stream is not None and stream.is_used


def _may_reply(stream: _Stream, now_ns: int) -> bool:
    """Fill the stream's purse by the time since its last packet; say whether a reply is in it."""
    full_ns = _BURST * NS_PER_S // limits.WATCH_REPLIES_PER_S
    stream.purse_ns = min(full_ns, stream.purse_ns + now_ns - stream.last_ns)
    stream.last_ns = now_ns
    return stream.purse_ns >= NS_PER_S // limits.WATCH_REPLIES_PER_S
