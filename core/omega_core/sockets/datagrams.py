"""UDP for delay streams: the kernel's own times, the TTL, and what the host dropped.

The receive time is the kernel's, so an interpreter that wakes late does not lengthen a delay. With
`departures` the kernel also tells when each datagram entered its packet scheduler
(`SO_TIMESTAMPING`): after everything that an interpreter can delay, before the queue of a shaper
that this host may be for the line. The times come on the socket's error queue, numbered from 0 in
the order of sending, and `departures` fetches what is there without waiting. A host may refuse to
be asked; then none come.

All these times are on the wall clock; `omega_probe.arrival` moves them to the monotonic clock, so
that a step of the wall clock can't fall into a delay.

A socket that listens on every address of its host must answer from the one it was asked at, or a
sender that has connected its socket never sees the answer: `Datagram.answer_from` says which.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from omega_core.limits import STAMP_OCTETS_MAX
from omega_core.sockets.linux import (
    IP_PKTINFO,
    IP_RECVERR,
    IP_RECVTTL,
    IP_TTL,
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_RECVERR,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    MSG_ERRQUEUE,
    SO_RXQ_OVFL,
    SO_TIMESTAMPING,
    SO_TIMESTAMPNS,
    TIMESTAMP_OPT_ID,
    TIMESTAMP_OPT_TSONLY,
    TIMESTAMP_RX_SOFTWARE,
    TIMESTAMP_SOFTWARE,
    TIMESTAMP_TX_SCHED,
)
from omega_core.units import NS_PER_S

RECEIVE_BUFFER_OCTETS = 1 << 20  # three seconds of 200 packets/s and more; the kernel caps it
TTL_UNKNOWN = 255
_ANCILLARY_OCTETS = 256
_TIMESPEC_LONG = struct.Struct("qq")
_TIMESPEC_SHORT = struct.Struct("ii")
_INT = struct.Struct("i")
_UNSIGNED = struct.Struct("I")
_PKTINFO_V4 = struct.Struct("=i4s4s")
_PKTINFO_V6 = struct.Struct("=16si")
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # of linux/errqueue.h, without the address after it
_ERRNO_TIMESTAMP = 42  # ENOMSG: not an error but a time
_ORIGIN_TIMESTAMPING = 4
_STAMPS_AT_ONCE_MAX = 64
_ARRIVALS: Final = TIMESTAMP_RX_SOFTWARE | TIMESTAMP_SOFTWARE
_DEPARTURES: Final = TIMESTAMP_TX_SCHED | TIMESTAMP_OPT_ID | TIMESTAMP_OPT_TSONLY

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


@dataclass(frozen=True, slots=True)
class Departure:
    """When the kernel handed a datagram to the device.

    `number` counts the datagrams sent since the socket was last asked for departures, from 0.
    """

    number: int
    unix_ns: int


def prepare(endpoint: socket.socket, *, answers: bool = False) -> None:
    """Ask for receive times, TTL and drop counter, and for a buffer that outlasts a late reader.

    With `answers` also for the address that each datagram came to.
    """
    if not _asked(endpoint, SO_TIMESTAMPING, _ARRIVALS):
        _asked(endpoint, SO_TIMESTAMPNS, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    endpoint.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    if endpoint.family == socket.AF_INET6:
        endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    if answers and endpoint.family == socket.AF_INET6:
        endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    elif answers:
        endpoint.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def ask_for_departures(endpoint: socket.socket) -> bool:
    """Ask for the time of each sending, numbered from 0 on; return whether the host will try.

    Call it again after a send that failed: kernels differ in whether such a one takes a number.
    """
    _asked(endpoint, SO_TIMESTAMPING, _ARRIVALS)  # without numbers, so that they begin again
    return _asked(endpoint, SO_TIMESTAMPING, _ARRIVALS | _DEPARTURES)


def departures(endpoint: socket.socket) -> Iterator[Departure]:
    """Yield the times of sending that have come; never waits."""
    for _ in range(_STAMPS_AT_ONCE_MAX):
        try:
            _, ancillary, _, _ = endpoint.recvmsg(
                1, _ANCILLARY_OCTETS, MSG_ERRQUEUE | socket.MSG_DONTWAIT
            )
        except OSError:  # nothing there, or nothing that this socket can tell
            return
        number: int | None = None
        unix_ns: int | None = None
        for level, kind, value in ancillary:
            match level, kind:
                case socket.SOL_SOCKET, 37:
                    unix_ns = timespec_ns(value, of=3)
                case (socket.IPPROTO_IP, 11) | (socket.IPPROTO_IPV6, 25):
                    number = _number_of(value)
                case _:
                    continue
        if number is not None and unix_ns is not None:
            yield Departure(number, unix_ns)


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
            case socket.SOL_SOCKET, 37:
                received_unix_ns = timespec_ns(value, of=3)
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


def _asked(endpoint: socket.socket, option: int, value: int) -> bool:
    """Set an option that a host may not know; return whether it does."""
    with contextlib.suppress(OSError):
        endpoint.setsockopt(socket.SOL_SOCKET, option, value)
        return True
    return False


def _number_of(value: bytes) -> int | None:
    """Return which datagram a time on the error queue is of; None of a real error."""
    if len(value) < _EXTENDED_ERROR.size:
        return None
    error, origin, _, _, _, _, number = _EXTENDED_ERROR.unpack_from(value)
    return number if (error, origin) == (_ERRNO_TIMESTAMP, _ORIGIN_TIMESTAMPING) else None


def timespec_ns(value: bytes, *, of: int = 1) -> int | None:
    """Return the first of so many timespecs; None where the kernel left it empty."""
    octets = len(value)
    if octets >= of * _TIMESPEC_LONG.size:
        seconds, rest_ns = _TIMESPEC_LONG.unpack_from(value)
    elif octets >= _TIMESPEC_SHORT.size:
        seconds, rest_ns = _TIMESPEC_SHORT.unpack_from(value)
    else:
        return None
    return seconds * NS_PER_S + rest_ns if seconds or rest_ns else None


assert (SO_TIMESTAMPNS, SO_TIMESTAMPING) == (35, 37)  # noqa: S101 - the numbers matched on above
assert (SO_RXQ_OVFL, IP_RECVERR, IPV6_RECVERR) == (40, 11, 25)  # noqa: S101 - the same
assert (IP_TTL, IPV6_HOPLIMIT) == (2, 52)  # noqa: S101 - the same
assert (IP_PKTINFO, IPV6_PKTINFO) == (8, 50)  # noqa: S101 - the same
