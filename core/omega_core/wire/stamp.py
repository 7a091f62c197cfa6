"""STAMP packets: RFC 8762, with the session identifier of RFC 8972.

Unauthenticated, 44 octets:

    octet   0         4            12        14      16
    sender  | seq     | T1         | err est | SSID  | 28 zero                                    |
    octet   0         4            12        14      16        24      28     36   38  40    41
    reply   | seq     | T3         | err est | SSID  | T2      | s.seq | T1   | e  | 0 | TTL | 0  |

Authenticated, 112 octets, the last 16 of them HMAC-SHA-256 over the first 96, cut to 16:

    octet   0         4       16           24        26      28
    sender  | seq     | 0     | T1         | err est | SSID  | 0                           | HMAC  |
    octet   0         4       16           24        26      28  32   40  48      52  64   72  74
    reply   | seq     | 0     | T3         | err est | SSID  | 0 | T2 | 0 | s.seq | 0 | T1 | e | 0 |
    octet   80    81                                                                       96
            | TTL | 0                                                                      | HMAC  |

T1 is when the sender sent, T2 when the reflector received, T3 when it replied; the fourth time, of
the reply's arrival, is never on the wire. Timestamps are NTP 64-bit; a foreign stamp with Z=1 (PTP)
is understood, and copied into a reply in its own format. A sender may be as short as 14 octets
(TWAMP Light); the answer never is shorter than 44 and otherwise has the size of the request. Octets
after the base packet are TLVs of RFC 8972. Our sender makes a packet larger by one, Extra Padding;
a reflector understands none and copies them as they came, with the U flag still set (`trailer_of`).

    octet   0        1      2        4
            | 0x80 U | 1    | length | zeros ... |
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from omega_core.units import NS_PER_S

BASE_OCTETS = 44
AUTHENTICATED_OCTETS = 112
SHORTEST_OCTETS = 14
_HMAC_OCTETS = 16
_SIGNED_OCTETS = AUTHENTICATED_OCTETS - _HMAC_OCTETS
_NTP_UNIX_S = 2_208_988_800
_PTP_FLAG = 0x4000
_TLV_UNRECOGNISED = 0x80  # a sender sets U; a reflector that understands the TLV clears it
_TLV_EXTRA_PADDING = 1

ERROR_ESTIMATE_UNSYNCHRONISED = 0x0001 | (22 << 8)
"""Not synchronised to UTC (S=0), NTP format (Z=0), about a millisecond: 1 x 2^-32 x 2^22 s."""

_SENDER = struct.Struct("!IQHH28x")
_SENDER_SHORT = struct.Struct("!IQH")
_REPLY = struct.Struct("!IQHHQIQH2xB3x")
_SENDER_AUTH = struct.Struct("!I12xQHH68x")
_REPLY_AUTH = struct.Struct("!I12xQHH4xQ8xI12xQH6xB15x")
_TLV_HEADER = struct.Struct("!BBH")
_STAMP = struct.Struct("!Q")
_T3_OFFSET, _T3_OFFSET_AUTH = 4, 16

assert _SENDER.size == _REPLY.size == BASE_OCTETS  # noqa: S101 - relates our own constants
assert _SENDER_AUTH.size == _REPLY_AUTH.size == _SIGNED_OCTETS  # noqa: S101 - the same


class NotStampError(ValueError):
    """The datagram is not a STAMP packet of this session; expected on an open port, so ignored."""


@dataclass(frozen=True, slots=True)
class SenderPacket:
    """What a Session-Sender puts on the wire. Times are Unix nanoseconds of the sender's clock.

    `stamp` is T1 as it came, finer than a nanosecond, for the reply; None in a packet to be sent.
    """

    sequence: int
    sent_unix_ns: int
    ssid: int
    error_estimate: int = ERROR_ESTIMATE_UNSYNCHRONISED
    stamp: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReflectorPacket:
    """What a Session-Reflector answers.

    Times are Unix nanoseconds: T1 on the sender's clock, T2 and T3 on the reflector's. With
    `sender_stamp`, T1 goes back bit by bit as it came (RFC 8762 s4.3.1 asks for a copy).
    """

    sequence: int
    replied_unix_ns: int
    ssid: int
    received_unix_ns: int
    sender_sequence: int
    sender_sent_unix_ns: int
    sender_error_estimate: int
    ttl: int
    error_estimate: int = ERROR_ESTIMATE_UNSYNCHRONISED
    sender_stamp: int | None = field(default=None, compare=False)


def encode_sender(
    packet: SenderPacket, *, octets: int = BASE_OCTETS, key: bytes | None = None
) -> bytes:
    """Return the packet, padded to `octets` (RFC 8972 s4.1); with a key, the authenticated layout.

    Raises ValueError when `octets` is shorter than 44, or too little for the header of the padding.
    """
    t1 = to_stamp(packet.sent_unix_ns, packet.error_estimate)
    fields = (packet.sequence, t1, packet.error_estimate, packet.ssid)
    base = _SENDER.pack(*fields) if key is None else _with_hmac(_SENDER_AUTH.pack(*fields), key)
    return base + _extra_padding((octets if key is None else max(octets, len(base))) - len(base))


def decode_sender(data: bytes, *, key: bytes | None = None) -> SenderPacket:
    """Return the packet; raises NotStampError when it is too short, or the HMAC does not hold.

    Shorter than 44 octets but at least 14 is a TWAMP Light sender without SSID: its SSID is 0.
    """
    if key is not None:
        signed = _without_hmac(data, key)
        sequence, t1, error, ssid = _SENDER_AUTH.unpack(signed)
    elif len(data) >= BASE_OCTETS:
        sequence, t1, error, ssid = _SENDER.unpack_from(data)
    elif len(data) >= SHORTEST_OCTETS:
        sequence, t1, error = _SENDER_SHORT.unpack_from(data)
        ssid = 0
    else:
        raise NotStampError(f"{len(data)} octets, {SHORTEST_OCTETS} at least")
    return SenderPacket(sequence, from_stamp(t1, error), ssid, _checked(error), stamp=t1)


def encode_reflector(
    packet: ReflectorPacket,
    *,
    octets: int = BASE_OCTETS,
    key: bytes | None = None,
    trailer: bytes = b"",
) -> bytes:
    """Return the reply; with a key, the authenticated layout.

    `trailer` is what followed the base packet of the request and follows the reply as it came (RFC
    8762 s4.3). Without it the reply is filled with zeros to `octets`.
    """
    t1 = packet.sender_stamp
    if t1 is None:
        t1 = to_stamp(packet.sender_sent_unix_ns, packet.sender_error_estimate)
    fields = (
        packet.sequence,
        to_stamp(packet.replied_unix_ns, packet.error_estimate),
        packet.error_estimate,
        packet.ssid,
        to_stamp(packet.received_unix_ns, packet.error_estimate),
        packet.sender_sequence,
        t1,
        packet.sender_error_estimate,
        packet.ttl,
    )
    base = _REPLY.pack(*fields) if key is None else _with_hmac(_REPLY_AUTH.pack(*fields), key)
    return (base + trailer).ljust(octets, b"\0")


def with_reply_time(reply: bytes, replied_unix_ns: int, *, key: bytes | None = None) -> bytes:
    """Return an encoded reply of ours with another T3, and its HMAC made anew where it has one.

    So a reflector packs the reply first and reads its clock last: little is left to do between.
    """
    offset = _T3_OFFSET if key is None else _T3_OFFSET_AUTH
    head, tail = reply[:offset], reply[offset + _STAMP.size :]
    timed = head + _STAMP.pack(to_ntp(replied_unix_ns)) + tail
    if key is None:
        return timed
    return _with_hmac(timed[:_SIGNED_OCTETS], key) + timed[AUTHENTICATED_OCTETS:]


def trailer_of(data: bytes, *, authenticated: bool) -> bytes:
    """Return what follows the base packet of a request: a reflector copies it into the reply."""
    return data[AUTHENTICATED_OCTETS if authenticated else BASE_OCTETS :]


def decode_reflector(data: bytes, *, key: bytes | None = None) -> ReflectorPacket:
    """Return the reply; raises NotStampError when it is too short, or the HMAC does not hold."""
    if key is not None:
        fields = _REPLY_AUTH.unpack(_without_hmac(data, key))
    elif len(data) >= BASE_OCTETS:
        fields = _REPLY.unpack_from(data)
    else:
        raise NotStampError(f"{len(data)} octets, {BASE_OCTETS} at least")
    sequence, t3, error, ssid, t2, sender_sequence, t1, sender_error, ttl = fields
    return ReflectorPacket(
        sequence=sequence,
        replied_unix_ns=from_stamp(t3, error),
        ssid=ssid,
        received_unix_ns=from_stamp(t2, error),
        sender_sequence=sender_sequence,
        sender_sent_unix_ns=from_stamp(t1, sender_error),
        sender_error_estimate=sender_error,
        ttl=ttl,
        error_estimate=_checked(error),
        sender_stamp=t1,
    )


def ssid_of(data: bytes, *, authenticated: bool) -> int:
    """Return the session identifier without checking anything else; 0 when the packet has none.

    The reflector needs it to find the key by which the rest is checked.
    """
    offset, least = (26, AUTHENTICATED_OCTETS) if authenticated else (14, BASE_OCTETS)
    return int.from_bytes(data[offset : offset + 2], "big") if len(data) >= least else 0


def to_ntp(unix_ns: int) -> int:
    """Return the NTP 64-bit stamp, to the nearest of its 0.23 ns steps; an era ends in 2036."""
    seconds, rest_ns = divmod(unix_ns, NS_PER_S)
    fraction = (rest_ns * (1 << 32) + NS_PER_S // 2) // NS_PER_S
    return (((seconds + _NTP_UNIX_S) << 32) + fraction) & 0xFFFF_FFFF_FFFF_FFFF


def to_stamp(unix_ns: int, error_estimate: int) -> int:
    """Return the 64-bit stamp in the format that the error estimate's Z bit names."""
    if not error_estimate & _PTP_FLAG:
        return to_ntp(unix_ns)
    seconds, rest_ns = divmod(unix_ns, NS_PER_S)
    return (seconds & 0xFFFF_FFFF) << 32 | rest_ns


def from_stamp(stamp: int, error_estimate: int) -> int:
    """Return Unix nanoseconds of a 64-bit stamp, whose format the error estimate's Z bit names.

    NTP seconds below 2^31 belong to the era that begins in 2036 (RFC 8877).
    """
    seconds, fraction = stamp >> 32, stamp & 0xFFFF_FFFF
    if error_estimate & _PTP_FLAG:
        return seconds * NS_PER_S + fraction
    if seconds < 1 << 31:
        seconds += 1 << 32
    rest_ns = (fraction * NS_PER_S + (1 << 31)) >> 32
    return (seconds - _NTP_UNIX_S) * NS_PER_S + rest_ns


def _checked(error_estimate: int) -> int:
    if error_estimate & 0xFF == 0:
        raise NotStampError("an error estimate with multiplier 0 is invalid (RFC 4656 s4.1.2)")
    return error_estimate


def _extra_padding(octets: int) -> bytes:
    """Return an Extra Padding TLV of this size in all, header included; nothing for none."""
    if octets == 0:
        return b""
    length = octets - _TLV_HEADER.size
    if length < 0:
        raise ValueError(f"a packet can't be {octets} octets larger than its layout")
    return _TLV_HEADER.pack(_TLV_UNRECOGNISED, _TLV_EXTRA_PADDING, length).ljust(octets, b"\0")


def _with_hmac(signed: bytes, key: bytes) -> bytes:
    return signed + hmac.digest(key, signed, hashlib.sha256)[:_HMAC_OCTETS]


def _without_hmac(data: bytes, key: bytes) -> bytes:
    if len(data) < AUTHENTICATED_OCTETS:
        raise NotStampError(f"{len(data)} octets, {AUTHENTICATED_OCTETS} at least")
    signed, mac = data[:_SIGNED_OCTETS], data[_SIGNED_OCTETS:AUTHENTICATED_OCTETS]
    if not hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256)[:_HMAC_OCTETS], mac):
        raise NotStampError("the HMAC does not hold")
    return signed
