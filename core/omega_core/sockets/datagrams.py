"""UDP for delay streams: the kernel's own receive time, the TTL, and what the host dropped.

The receive time is the kernel's (`SO_TIMESTAMPNS`), so an interpreter that wakes late does not
lengthen a delay. It is on the wall clock; `arrival_monotonic_ns` moves it to the monotonic clock by
the packet's age at the time of reading, so that a step of the wall clock can't fall into a delay.

A socket that listens on every address of its host must answer from the one it was asked at, or a
sender that has connected its socket never sees the answer: `Datagram.answer_from` says which.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from omega_core.clock import Clock
from omega_core.limits import STAMP_OCTETS_MAX
from omega_core.sockets.linux import (
    IP_PKTINFO,
    IP_RECVTTL,
    IP_TTL,
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    SO_RXQ_OVFL,
    SO_TIMESTAMPNS,
)
from omega_core.units import NS_PER_S, NS_PER_US

RECEIVE_BUFFER_OCTETS = 1 << 20  # three seconds of 200 packets/s and more; the kernel caps it
TTL_UNKNOWN = 255
_ANCILLARY_OCTETS = 256
_TIMESPEC_LONG = struct.Struct("qq")
_TIMESPEC_SHORT = struct.Struct("ii")
_INT = struct.Struct("i")
_UNSIGNED = struct.Struct("I")
_PKTINFO_V4 = struct.Struct("=i4s4s")
_PKTINFO_V6 = struct.Struct("=16si")
_AGE_NS_MAX = NS_PER_S  # older than this is not an age but a clock step

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram as the kernel received it.

    `received_unix_ns` is the kernel's time, or None where it gave none. `drops` is the socket's
    drop counter when the kernel told it, which it only does after a drop. `answer_from` is the
    ancillary data that makes `sendmsg` answer from the address the datagram came to.
    """

    data: bytes
    sender: SocketAddress
    received_unix_ns: int | None
    ttl: int
    drops: int | None
    answer_from: tuple[tuple[int, int, bytes], ...] = ()


def prepare(endpoint: socket.socket, *, answers: bool = False) -> None:
    """Ask for receive times, TTL and drop counter, and for a buffer that outlasts a late reader.

    With `answers` also for the address that each datagram came to.
    """
    endpoint.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    endpoint.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    if endpoint.family == socket.AF_INET6:
        endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    if answers and endpoint.family == socket.AF_INET6:
        endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    elif answers:
        endpoint.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def receive(endpoint: socket.socket) -> Datagram:
    """Return the next datagram; raises BlockingIOError when a non-blocking socket has none."""
    data, ancillary, _, sender = endpoint.recvmsg(STAMP_OCTETS_MAX, _ANCILLARY_OCTETS)
    received_unix_ns: int | None = None
    drops: int | None = None
    ttl = TTL_UNKNOWN
    answer_from: tuple[tuple[int, int, bytes], ...] = ()
    for level, kind, value in ancillary:
        match level, kind:
            case socket.SOL_SOCKET, 35:
                received_unix_ns = timespec_ns(value)
            case socket.SOL_SOCKET, 40:
                drops = _UNSIGNED.unpack_from(value)[0]
            case (socket.IPPROTO_IP, 2) | (socket.IPPROTO_IPV6, 52):
                ttl = _INT.unpack_from(value)[0]
            case socket.IPPROTO_IP, 8:
                _, local, _ = _PKTINFO_V4.unpack_from(value)
                answer_from = ((level, kind, _PKTINFO_V4.pack(0, local, bytes(4))),)
            case socket.IPPROTO_IPV6, 50:
                local, _ = _PKTINFO_V6.unpack_from(value)  # not the interface: routes may differ
                answer_from = ((level, kind, _PKTINFO_V6.pack(local, 0)),)
            case _:
                continue
    return Datagram(data, sender, received_unix_ns, ttl, drops, answer_from)


def arrival_monotonic_ns(datagram: Datagram, clock: Clock) -> int:
    """Return when the datagram reached the host, on the monotonic clock."""
    now_ns = clock.monotonic_ns()
    if datagram.received_unix_ns is None:
        return now_ns
    age_ns = clock.unix_us() * NS_PER_US - datagram.received_unix_ns
    return now_ns - age_ns if 0 <= age_ns < _AGE_NS_MAX else now_ns


def timespec_ns(value: bytes) -> int:
    """Return the nanoseconds of a kernel `timespec`, whichever its longs are."""
    shape = _TIMESPEC_LONG if len(value) >= _TIMESPEC_LONG.size else _TIMESPEC_SHORT
    seconds, rest_ns = shape.unpack_from(value)
    return int(seconds) * NS_PER_S + int(rest_ns)


assert (SO_TIMESTAMPNS, SO_RXQ_OVFL) == (35, 40)  # noqa: S101 - the numbers matched on above
assert (IP_TTL, IPV6_HOPLIMIT) == (2, 52)  # noqa: S101 - the same
assert (IP_PKTINFO, IPV6_PKTINFO) == (8, 50)  # noqa: S101 - the same
