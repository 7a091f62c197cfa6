"""The STAMP Session-Reflector (RFC 8762), stateful, without a socket and without a clock.

Theory of operation. The driver hands every datagram to `received`; when it is to be answered there
comes back a `Reply`, whose `encode` the driver calls with T3 just before it sends. Everything else
is dropped without a word, so the port tells a scanner nothing and can't be made to send to anybody:
a packet is answered when

- its SSID is that of an open stream (RFC 8972), or it has none, as TWAMP Light senders do, and its
  address has a stream that is open and not authenticated;
- it comes from an address of the grant, and from not more than a few ports of it: the port is
  learned from the packets, and changes when a NAT restarts;
- its HMAC holds, on an authenticated stream;
- its number is one that a stream can have, and the stream may still reply.

Replies are numbered by themselves from 0, so that a gap in them is loss on the way back and a gap
in the sender's numbers loss on the way here. They have the size of the request, 44 octets at least;
what follows the base packet is copied. A stream that has been silent for `REFLECTOR_IDLE_NS` has
lost its sender and is answered no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from omega_core import limits
from omega_core.evidence import SequenceRange, StreamReport
from omega_core.samples import ArrivalOrder
from omega_core.wire.stamp import (
    AUTHENTICATED_OCTETS,
    BASE_OCTETS,
    NotStampError,
    ReflectorPacket,
    SenderPacket,
    decode_sender,
    encode_reflector,
    ssid_of,
    trailer_of,
    with_reply_time,
)
from omega_server.testpoint.commands import Reflect, ReflectedReport

_UDP_OCTETS = 8
_IP_OCTETS = {4: 20, 6: 40}


@dataclass(slots=True)
class Reply:
    """An answer that waits for its time of sending, packed but for that."""

    _packed: bytes
    _received_unix_ns: int
    _key: bytes | None

    def encode(self, replied_unix_ns: int) -> bytes:
        """Return the packet to send, with T3; never before T2, however coarse the clock is."""
        at_ns = max(replied_unix_ns, self._received_unix_ns)
        return with_reply_time(self._packed, at_ns, key=self._key)


@dataclass(slots=True)
class _Stream:
    wanted: Reflect
    order: ArrivalOrder = field(default_factory=ArrivalOrder)
    seen: bytearray = field(default_factory=lambda: bytearray(limits.STREAM_PACKETS_MAX))
    ports: set[int] = field(default_factory=set)
    replies: int = 0
    octets_received: int = 0
    octets_sent: int = 0
    last_ns: int | None = None


class Reflector:
    """All streams of a test point. Times called `now_ns` are of the monotonic clock."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}

    def open(self, wanted: Reflect) -> None:
        """Answer a stream from now on."""
        self._streams[wanted.ssid] = _Stream(wanted)

    def close(self, ssid: int) -> ReflectedReport | None:
        """Answer a stream no more and say what was seen; None of one that is not open."""
        stream = self._streams.pop(ssid, None)
        if stream is None:
            return None
        return ReflectedReport(
            ssid=ssid,
            report=StreamReport(
                received=tuple(_ranges(stream.seen)),
                replies=stream.replies,
                duplicates=stream.order.duplicates,
                reordered=stream.order.reordered,
            ),
            octets_received=stream.octets_received,
            octets_sent=stream.octets_sent,
        )

    def received(
        self, data: bytes, *, address: str, port: int, received_unix_ns: int, ttl: int, now_ns: int
    ) -> Reply | None:
        """Take a datagram; return the reply it deserves, or None."""
        stream = self._stream_of(data, address)
        if stream is None or not _is_welcome(stream, address=address, port=port, now_ns=now_ns):
            return None
        try:
            packet = decode_sender(data, key=stream.wanted.key)
        except NotStampError:
            return None
        if packet.sequence >= limits.STREAM_PACKETS_MAX:
            return None
        base_octets = BASE_OCTETS if stream.wanted.key is None else AUTHENTICATED_OCTETS
        octets = max(len(data), base_octets) + _headers(address)
        if not _may_reply(stream, octets):
            return None
        _count(stream, packet, port=port, now_ns=now_ns)
        stream.octets_received += len(data) + _headers(address)
        stream.octets_sent += octets
        sequence = stream.replies
        stream.replies += 1
        key = stream.wanted.key
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
        trailer = trailer_of(data, authenticated=key is not None)
        return Reply(encode_reflector(answer, key=key, trailer=trailer), received_unix_ns, key)

    def _stream_of(self, data: bytes, address: str) -> _Stream | None:
        """Find the stream by its SSID, which stands elsewhere in the authenticated layout."""
        for authenticated in (False, True):
            stream = self._streams.get(ssid_of(data, authenticated=authenticated))
            if stream is not None and (stream.wanted.key is not None) is authenticated:
                return stream
        if ssid_of(data, authenticated=False):
            return None
        without_key = (each for each in self._streams.values() if each.wanted.key is None)
        return next((each for each in without_key if address in each.wanted.addresses), None)


def _is_welcome(stream: _Stream, *, address: str, port: int, now_ns: int) -> bool:
    if address not in stream.wanted.addresses:
        return False
    if port not in stream.ports and len(stream.ports) >= limits.STREAM_PORTS_MAX:
        return False
    return stream.last_ns is None or now_ns - stream.last_ns <= limits.REFLECTOR_IDLE_NS


def _may_reply(stream: _Stream, octets: int) -> bool:
    return (
        stream.replies < limits.STREAM_REPLIES_MAX
        and stream.octets_sent + octets <= stream.wanted.octets_max
    )


def _count(stream: _Stream, packet: SenderPacket, *, port: int, now_ns: int) -> None:
    stream.ports.add(port)
    stream.last_ns = now_ns
    stream.order.arrived(packet.sequence, seen_before=bool(stream.seen[packet.sequence]))
    stream.seen[packet.sequence] = 1


def _ranges(seen: bytearray) -> Iterator[SequenceRange]:
    """Yield the unbroken runs of packets that have arrived."""
    first = seen.find(1)
    while first >= 0:
        end = seen.find(0, first)
        last = (len(seen) if end < 0 else end) - 1
        yield first, last
        first = seen.find(1, last + 1)


def _headers(address: str) -> int:
    """Return the octets of the IP and UDP headers of a packet to or from an address."""
    return _UDP_OCTETS + _IP_OCTETS[6 if ":" in address else 4]
