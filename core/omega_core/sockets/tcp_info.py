"""What the kernel says of a TCP connection: `struct tcp_info`, as far as this kernel fills it.

Newer kernels append fields, older ones return fewer octets; a field that was not returned is None.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from omega_core.evidence import SenderCounts
from omega_core.sockets.linux import TCP_INFO

_OCTETS_ASKED = 256
_TIMESTAMPS_BIT = 0x01
_TIMESTAMPS_OCTETS = 12
_TCP_HEADER_OCTETS = 20
_IP_HEADER_OCTETS = {socket.AF_INET: 20, socket.AF_INET6: 40}
_RCV_MSS_UNKNOWN = 536  # what the kernel assumes until it has seen a full segment
_SYN = 1  # the kernel counts the SYN among the acknowledged octets

# name: (struct format, offset); native byte order
_FIELDS = {
    "options": ("B", 5),
    "snd_mss": ("I", 16),
    "rcv_mss": ("I", 20),
    "rtt_us": ("I", 68),
    "snd_cwnd": ("I", 80),
    "total_retrans": ("I", 100),
    "bytes_acked": ("Q", 120),
    "bytes_received": ("Q", 128),
    "segs_out": ("I", 136),
    "segs_in": ("I", 140),
    "notsent_bytes": ("I", 144),
    "min_rtt_us": ("I", 148),
    "data_segs_in": ("I", 152),
    "data_segs_out": ("I", 156),
    "busy_us": ("Q", 168),
    "rwnd_limited_us": ("Q", 176),
    "sndbuf_limited_us": ("Q", 184),
    "delivered": ("I", 192),
    "bytes_sent": ("Q", 200),
    "bytes_retrans": ("Q", 208),
    "rcv_ooopack": ("I", 224),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInfo:
    """One reading of a connection; octets are payload, times microseconds, 0 where not filled."""

    options: int = 0
    snd_mss: int = 0
    rcv_mss: int = 0
    rtt_us: int = 0
    snd_cwnd: int = 0
    total_retrans: int = 0
    bytes_acked: int = 0
    bytes_received: int = 0
    segs_out: int = 0
    segs_in: int = 0
    notsent_bytes: int = 0
    min_rtt_us: int = 0
    data_segs_in: int = 0
    data_segs_out: int = 0
    busy_us: int = 0
    rwnd_limited_us: int = 0
    sndbuf_limited_us: int = 0
    delivered: int = 0
    bytes_sent: int = 0
    bytes_retrans: int = 0
    rcv_ooopack: int | None = None
    """Segments that came out of order; None of a kernel that does not tell."""

    @property
    def tcp_header_octets(self) -> int:
        """TCP header of a data segment: 20, and 12 more with timestamps."""
        return _TCP_HEADER_OCTETS + _TIMESTAMPS_OCTETS * bool(self.options & _TIMESTAMPS_BIT)

    def ip_octets_out(self, ip_header_octets: int) -> int:
        """IP octets this end has sent: exact, retransmissions and acknowledgements included."""
        return self.bytes_sent + self.segs_out * (ip_header_octets + self.tcp_header_octets)

    def ip_octets_in(self, ip_header_octets: int) -> int:
        """IP octets that came in on a connection that carries bulk, or nothing.

        The kernel counts payload once and only as far as it is in order. What came twice, or waits
        behind a gap, is known by its segments alone, and those of bulk are full ones. Of small
        messages, and of a sender that is held back, this would be an overestimate: there, as long
        as all has come in order, `bytes_received` is the better word.
        """
        payload = self.bytes_received
        if self.rcv_ooopack != 0:
            payload = max(payload, self.data_segs_in * self._segment_octets_in)
        return payload + self.segs_in * (ip_header_octets + self.tcp_header_octets)

    @property
    def _segment_octets_in(self) -> int:
        """Payload of a full segment from the peer; before one has come in order, as our own."""
        return self.rcv_mss if self.rcv_mss > _RCV_MSS_UNKNOWN else self.snd_mss

    @property
    def delivered_octets(self) -> int:
        """Payload known to have reached the peer, in order or not, counted as full segments."""
        return self.delivered * self.snd_mss

    def sender_counts(self, flow: int) -> SenderCounts:
        """Return what the record keeps of a sending end."""
        return SenderCounts(
            flow=flow,
            sent_octets=self.bytes_sent,
            retransmitted_octets=self.bytes_retrans,
            acked_octets=max(self.bytes_acked - _SYN, 0),
            rtt_us_min=self.min_rtt_us,
            segments_out=self.segs_out,
            busy_us=self.busy_us,
            receive_window_limited_us=self.rwnd_limited_us,
            send_buffer_limited_us=self.sndbuf_limited_us,
        )


def ip_header_octets(connection: socket.socket) -> int:
    """Octets of the IP header on this connection; an IPv4 peer on an IPv6 socket counts as IPv4."""
    if connection.family == socket.AF_INET6 and connection.getpeername()[0].startswith("::ffff:"):
        return _IP_HEADER_OCTETS[socket.AF_INET]
    return _IP_HEADER_OCTETS[connection.family]


def read_tcp_info(connection: socket.socket) -> TcpInfo:
    """Read the kernel's figures now; raises OSError when the connection is not a TCP one."""
    return parse_tcp_info(connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _OCTETS_ASKED))


def parse_tcp_info(data: bytes) -> TcpInfo:
    """Return the figures this kernel filled in."""
    return TcpInfo(
        **{
            name: struct.unpack_from(f"={kind}", data, offset)[0]
            for name, (kind, offset) in _FIELDS.items()
            if offset + struct.calcsize(kind) <= len(data)
        }
    )
