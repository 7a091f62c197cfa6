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
is understood. A sender may be as short as 14 octets (TWAMP Light); the answer never is shorter than
44 and otherwise has the size of the request. Octets after the base packet are TLVs of RFC 8972:
neither side adds any here, and a reflector copies them with the U flag still set.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from omega_core.units import NS_PER_S

BASE_OCTETS = 44
AUTHENTICATED_OCTETS = 112
SHORTEST_OCTETS = 14
_HMAC_OCTETS = 16
_SIGNED_OCTETS = AUTHENTICATED_OCTETS - _HMAC_OCTETS
_NTP_UNIX_S = 2_208_988_800
_PTP_FLAG = 0x4000

ERROR_ESTIMATE_UNSYNCHRONISED = 0x0001 | (22 << 8)
"""Not synchronised to UTC (S=0), NTP format (Z=0), about a millisecond: 1 x 2^-32 x 2^22 s."""

_SENDER = struct.Struct("!IQHH28x")
_SENDER_SHORT = struct.Struct("!IQH")
_REPLY = struct.Struct("!IQHHQIQH2xB3x")
_SENDER_AUTH = struct.Struct("!I12xQHH68x")
_REPLY_AUTH = struct.Struct("!I12xQHH4xQ8xI12xQH6xB15x")

assert _SENDER.size == _REPLY.size == BASE_OCTETS  # noqa: S101 - relates our own constants
assert _SENDER_AUTH.size == _REPLY_AUTH.size == _SIGNED_OCTETS  # noqa: S101 - the same


class NotStampError(ValueError):
    """The datagram is not a STAMP packet of this session; expected on an open port, so ignored."""


@dataclass(frozen=True, slots=True)
class SenderPacket:
    """What a Session-Sender puts on the wire. Times are Unix nanoseconds of the sender's clock."""

    sequence: int
    sent_unix_ns: int
    ssid: int
    error_estimate: int = ERROR_ESTIMATE_UNSYNCHRONISED


@dataclass(frozen=True, slots=True)
class ReflectorPacket:
    """What a Session-Reflector answers.

    Times are Unix nanoseconds: T1 on the sender's clock, T2 and T3 on the reflector's.
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


def encode_sender(
    packet: SenderPacket, *, octets: int = BASE_OCTETS, key: bytes | None = None
) -> bytes:
    """Return the packet, padded with zeros to `octets`; with a key, the authenticated layout.

    Raises ValueError when `octets` is shorter than the layout.
    """
    fields = (packet.sequence, to_ntp(packet.sent_unix_ns), packet.error_estimate, packet.ssid)
    base = _SENDER.pack(*fields) if key is None else _with_hmac(_SENDER_AUTH.pack(*fields), key)
    return _padded(base, octets if key is None else max(octets, AUTHENTICATED_OCTETS))


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
    return SenderPacket(sequence, from_stamp(t1, error), ssid, _checked(error))


def encode_reflector(
    packet: ReflectorPacket, *, octets: int = BASE_OCTETS, key: bytes | None = None
) -> bytes:
    """Return the reply, padded with zeros to `octets`; with a key, the authenticated layout."""
    fields = (
        packet.sequence,
        to_ntp(packet.replied_unix_ns),
        packet.error_estimate,
        packet.ssid,
        to_ntp(packet.received_unix_ns),
        packet.sender_sequence,
        to_ntp(packet.sender_sent_unix_ns),
        packet.sender_error_estimate,
        packet.ttl,
    )
    base = _REPLY.pack(*fields) if key is None else _with_hmac(_REPLY_AUTH.pack(*fields), key)
    return _padded(base, max(octets, len(base)))


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


def _padded(base: bytes, octets: int) -> bytes:
    if octets < len(base):
        raise ValueError(f"{octets} octets asked for, {len(base)} at least")
    return base.ljust(octets, b"\0")


def _with_hmac(signed: bytes, key: bytes) -> bytes:
    return signed + hmac.digest(key, signed, hashlib.sha256)[:_HMAC_OCTETS]


def _without_hmac(data: bytes, key: bytes) -> bytes:
    if len(data) < AUTHENTICATED_OCTETS:
        raise NotStampError(f"{len(data)} octets, {AUTHENTICATED_OCTETS} at least")
    signed, mac = data[:_SIGNED_OCTETS], data[_SIGNED_OCTETS:AUTHENTICATED_OCTETS]
    if not hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256)[:_HMAC_OCTETS], mac):
        raise NotStampError("the HMAC does not hold")
    return signed
