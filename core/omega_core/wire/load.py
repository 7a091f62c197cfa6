"""UDP datagrams of a capacity measurement's load. All numbers are unsigned, in network order.

Load packet, sender to receiver; random octets follow up to the size of the run, a multiple of 4:

    octet   0       4        8       16     20        24        32
            | "OmL1" | stream | token | seq  | command | sent ns | random ...

Rate, probe to test point, whichever of them sends: in the order it was made for it says what the
test point is to send; else it says that the probe is there, and at what rate it sends.

    octet   0       4        8        12       16         24       28       44
            | "OmR1" | stream | serial | number | rate bps | train | HMAC   |

Feedback, test point to probe, of a run whose receiver is the test point:

    octet   0       4        8                                120      136
            | "OmF1" | stream | the 14 numbers of a LoadTick   | HMAC   |

The fourth octet of each is the version. Keys and token are made from the session secret for one
stream each, so a datagram is of no use in another. The token keeps strangers' packets out of the
counts; it is in the clear, so whoever can read the line can forge it, and spoil his own line's
measurement. What makes the test point send is under a whole HMAC-SHA-256, cut to 16 octets; its
`serial` rises with every datagram, so a copy of an old one is told from a new one.

Decoders return None for anything that is not what they are for: on an open port that is expected.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import astuple, dataclass
from typing import Final, Self

from omega_core import limits
from omega_core.facts import INTEGER_MAX
from omega_core.load import LoadRate, LoadTick

LOAD_MAGIC: Final = b"OmL1"
RATE_MAGIC: Final = b"OmR1"
FEEDBACK_MAGIC: Final = b"OmF1"
TOKEN_OCTETS: Final = 8
LOAD_HEADER: Final = struct.Struct("!4sI8sIIQ")
TOKEN_OFFSET: Final = 8
SEQUENCE_OFFSET: Final = TOKEN_OFFSET + TOKEN_OCTETS
COMMAND_OFFSET: Final = 20
SENT_OFFSET: Final = 24
UINT32_MAX: Final = 2**32 - 1
UDP_IP_OCTETS: Final = {4: 28, 6: 48}
"""IP and UDP header of a datagram, of each family."""

_MAC_OCTETS = 16
_RATE = struct.Struct("!4sIIIQI")
_FEEDBACK = struct.Struct("!4sI14Q")
RATE_OCTETS: Final = _RATE.size + _MAC_OCTETS
FEEDBACK_OCTETS: Final = _FEEDBACK.size + _MAC_OCTETS
DATAGRAM_OCTETS_MAX: Final = FEEDBACK_OCTETS
"""The longest datagram that is not load."""


@dataclass(frozen=True, slots=True)
class LoadKeys:
    """What proves that a datagram belongs to one stream of one session."""

    stream: int
    token: bytes
    rate_key: bytes
    feedback_key: bytes

    @classmethod
    def of(cls, secret: bytes, *, session_id: str, run: int, stream: int) -> Self:
        """Return the keys that both ends make from the session secret."""

        def derived(purpose: str) -> bytes:
            named = f"omega-load/v1\n{purpose}\n{session_id}\n{run}\n{stream}\n".encode()
            return hmac.digest(secret, named, hashlib.sha256)

        return cls(stream, derived("token")[:TOKEN_OCTETS], derived("rate"), derived("feedback"))


@dataclass(frozen=True, slots=True)
class LoadHeader:
    """The header of a load packet; `sent_ns` is on the sender's monotonic clock."""

    sequence: int
    command: int
    sent_ns: int


def prefix_of(keys: LoadKeys) -> bytes:
    """Return what every load packet of a stream begins with."""
    return LOAD_MAGIC + keys.stream.to_bytes(4, "big") + keys.token


def encode_load(header: LoadHeader, keys: LoadKeys, payload_octets: int) -> bytes:
    """Return one load packet, filled with zeros; senders of many write the fields in place."""
    fields = (header.sequence, header.command, header.sent_ns)
    packed = LOAD_HEADER.pack(LOAD_MAGIC, keys.stream, keys.token, *fields)
    return packed.ljust(payload_octets, b"\0")


def decode_load(data: bytes | memoryview, prefix: bytes) -> LoadHeader | None:
    """Return the header of a load packet of the stream whose `prefix_of` this is."""
    if len(data) < LOAD_HEADER.size or not hmac.compare_digest(data[: len(prefix)], prefix):
        return None
    _, _, _, sequence, command, sent_ns = LOAD_HEADER.unpack_from(data)
    return LoadHeader(sequence, command, sent_ns)


def encode_rate(rate: LoadRate, keys: LoadKeys, *, serial: int) -> bytes:
    """Return the order as a datagram; raises ValueError for one that no decoder would take."""
    if not _is_sensible(rate) or not 0 < serial <= UINT32_MAX:
        raise ValueError(f"not a rate to send at: {rate}")
    fields = (serial, rate.number, rate.rate_bps, rate.train_packets)
    return _signed(_RATE.pack(RATE_MAGIC, keys.stream, *fields), keys.rate_key)


def decode_rate(data: bytes | memoryview, keys: LoadKeys) -> tuple[int, LoadRate] | None:
    """Return the serial number and the order."""
    signed = _verified(data, RATE_MAGIC, keys.stream, RATE_OCTETS, keys.rate_key)
    if signed is None:
        return None
    _, _, serial, number, rate_bps, train_packets = _RATE.unpack(signed)
    rate = LoadRate(number=number, rate_bps=rate_bps, train_packets=train_packets)
    return (serial, rate) if serial and _is_sensible(rate) else None


def encode_feedback(tick: LoadTick, keys: LoadKeys) -> bytes:
    """Return the tick as a datagram; raises ValueError for one that no decoder would take."""
    numbers = astuple(tick)
    if not all(0 <= number <= INTEGER_MAX for number in numbers):
        raise ValueError(f"not what a receiver counts: {tick}")
    return _signed(_FEEDBACK.pack(FEEDBACK_MAGIC, keys.stream, *numbers), keys.feedback_key)


def decode_feedback(data: bytes | memoryview, keys: LoadKeys) -> LoadTick | None:
    """Return the tick."""
    signed = _verified(data, FEEDBACK_MAGIC, keys.stream, FEEDBACK_OCTETS, keys.feedback_key)
    if signed is None:
        return None
    _, _, *numbers = _FEEDBACK.unpack(signed)
    if max(numbers) > INTEGER_MAX:
        return None
    return LoadTick(**dict(zip(LoadTick.__slots__, numbers, strict=True)))


def _is_sensible(rate: LoadRate) -> bool:
    return (
        1 <= rate.number <= UINT32_MAX
        and 0 <= rate.rate_bps <= limits.LOAD_RATE_BPS_MAX
        and 0 <= rate.train_packets <= limits.LOAD_TRAIN_PACKETS_MAX
    )


def _signed(data: bytes, key: bytes) -> bytes:
    return data + hmac.digest(key, data, hashlib.sha256)[:_MAC_OCTETS]


def _verified(
    data: bytes | memoryview, magic: bytes, stream: int, octets: int, key: bytes
) -> bytes | None:
    """Return what is signed, if it is all there and signed with the key."""
    if len(data) != octets or data[:8] != magic + stream.to_bytes(4, "big"):
        return None
    signed, mac = bytes(data[:-_MAC_OCTETS]), bytes(data[-_MAC_OCTETS:])
    right = hmac.digest(key, signed, hashlib.sha256)[:_MAC_OCTETS]
    return signed if hmac.compare_digest(right, mac) else None


assert len(LOAD_MAGIC + b"stre" + b"8 octets") == SEQUENCE_OFFSET  # noqa: S101 - our own constants
assert LOAD_HEADER.size <= limits.LOAD_IP_OCTETS_MIN - max(UDP_IP_OCTETS.values())  # noqa: S101 - the same
