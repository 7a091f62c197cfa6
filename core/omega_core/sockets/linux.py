"""Numbers of Linux that Python has no names for, and the few calls that need them.

The values are those of x86, ARM and RISC-V; MIPS, SPARC and PA-RISC number some socket options
otherwise and are not supported.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Collection

from omega_core.limits import NOTSENT_OCTETS_MAX
from omega_core.units import BITS_PER_OCTET

SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
SO_RXQ_OVFL = 40
SO_MAX_PACING_RATE = 47
SO_RCVBUFFORCE = 33
SO_SNDBUFFORCE = 32
UDP_SEGMENT = 103
UDP_GRO = 104
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
PMTUDISC_DO = 2
MSG_TRUNC = 0x20
MSG_ERRQUEUE = 0x2000
TIMESTAMP_TX_SCHED = 1 << 8
TIMESTAMP_RX_SOFTWARE = 1 << 3
TIMESTAMP_SOFTWARE = 1 << 4
TIMESTAMP_OPT_ID = 1 << 7
TIMESTAMP_OPT_TSONLY = 1 << 11
TCP_INFO = 11
TCP_CONGESTION = 13
TCP_NOTSENT_LOWAT = 25
IP_PKTINFO = 8
IP_RECVERR = 11
IP_RECVTTL = 12
IPV6_RECVERR = 25
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
IPV6_RECVHOPLIMIT = 51
IPV6_HOPLIMIT = 52
IP_TTL = 2

_TIMEVAL = struct.Struct("ll")
_LINGER = struct.Struct("ii")
_NAME_OCTETS = 16
_ULONG = struct.Struct("@L")
_ULONG_MAX = (1 << 8 * _ULONG.size) - 1  # no limit at all


def set_blocking_timeout(connection: socket.socket, timeout_us: int) -> None:
    """Let blocking calls end after `timeout_us` with BlockingIOError.

    The kernel does it, in the same system call; Python's own timeouts poll before each call, which
    a loop that moves gigabits feels.
    """
    connection.setblocking(True)  # noqa: FBT003 - the standard library's signature
    timeval = _TIMEVAL.pack(*divmod(timeout_us, 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def keep_little_unsent(connection: socket.socket) -> None:
    """Let a TCP socket take no more than it can soon send.

    So the queue that a load makes stands in the network, where it can be measured, and not here.
    """
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_OCTETS_MAX)


def abort_on_close(connection: socket.socket) -> None:
    """Let `close` drop what has not been sent, with a reset, instead of draining it for seconds."""
    linger = _LINGER.pack(1, 0)
    with contextlib.suppress(OSError):  # a connection that is gone needs no aborting
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def congestion_control(connection: socket.socket) -> str:
    """Return the congestion control a TCP socket really uses."""
    name = connection.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, _NAME_OCTETS)
    return name.split(b"\0", 1)[0].decode("ascii")


def pace(connections: Collection[socket.socket], bps: int) -> None:
    """Have the kernel send no faster than this on all of them together, in equal shares."""
    share = bps // BITS_PER_OCTET // max(len(connections), 1)
    octets_per_s = min(max(share, 1), _ULONG_MAX)
    for connection in connections:
        with contextlib.suppress(OSError):  # reset already
            connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, _ULONG.pack(octets_per_s))


def wish_congestion_control(connection: socket.socket, name: str) -> None:
    """Ask for a congestion control; the host may not allow it, and then its default stays."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, name.encode("ascii"))
