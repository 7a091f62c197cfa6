"""UDP load: many packets a system call, both ways, with what the host can do for it.

Theory of operation. A `LoadSender` (`load_sending`) keeps a block of up to 64 packets whose headers
it rewrites by column (one strided copy a field, whatever the number of packets) and hands to the
kernel in one call, which cuts it into datagrams (`UDP_SEGMENT`). A `LoadReceiver`
(`load_receiving`) reads as many packets at once as the kernel has put together (`UDP_GRO`), and
looks at their headers by column too: a batch whose numbers run on from its first is counted as a
whole, anything else packet by packet. Either end falls back to one datagram a call where its kernel
can't do the other. Here is what they share.

Packets are never fragmented (RFC 9097 s5.2): they are sent with Don't Fragment, and what is too
large for the path is refused by the kernel, or lost.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from omega_core.sockets.linux import (
    IP_MTU_DISCOVER,
    IPV6_MTU_DISCOVER,
    PMTUDISC_DO,
    SO_RCVBUFFORCE,
    SO_RXQ_OVFL,
    SO_SNDBUFFORCE,
    SO_TIMESTAMPNS,
)
from omega_core.wire.load import SEQUENCE_OFFSET

RECEIVE_BUFFER_OCTETS: Final = 8 << 20  # 40 ms of a gigabit per second; more leaves the cache
SEND_BUFFER_OCTETS: Final = 1 << 20  # more would be a queue in this host that nobody asked for
SEGMENTS_MAX: Final = 64  # of a call; newer kernels take 128
LOW_HALF: Final = SEQUENCE_OFFSET // 2 + 1
"""Where the lower half of a packet's sequence number is, in units of two octets."""

# Low halves of sequence numbers as they stand on the wire, for any run of up to 128 of them.
# Octet by octet: 65,536 numbers, each made once, would cost the start 8 ms and the peak a megabyte.
_OCTETS = bytes(range(256))
_LOW = bytearray(2 << 16)
_LOW[0::2] = b"".join(bytes((octet,)) * 256 for octet in _OCTETS)
_LOW[1::2] = _OCTETS * 256
LOW_VIEW: Final = memoryview(_LOW + _LOW[: 4 * SEGMENTS_MAX]).cast("H")


def prepare(endpoint: socket.socket) -> None:
    """Give a socket large buffers, receive times and a drop counter; nothing is fragmented."""
    endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
    for force, ask, octets in (
        (SO_RCVBUFFORCE, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS),
        (SO_SNDBUFFORCE, socket.SO_SNDBUF, SEND_BUFFER_OCTETS),
    ):
        try:
            endpoint.setsockopt(socket.SOL_SOCKET, force, octets)
        except OSError:  # only root may have more than the host's usual most
            endpoint.setsockopt(socket.SOL_SOCKET, ask, octets)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    with suppress(OSError):  # not fatal: larger packets would only be counted by their fragments
        if endpoint.family == socket.AF_INET6:
            endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        else:
            endpoint.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
