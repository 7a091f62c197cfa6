"""What the probe itself puts on the line and takes from it, as exactly as the kernel tells.

Of TCP connections the kernel counts every octet and segment (TCP_INFO), acknowledgements and
retransmissions included; delay streams count their own packets. A connection is watched from its
opening until just before it is closed, so a reading at any moment covers what was sent so far.
Names looked up are not in it: the resolver doesn't say what it sent.
"""

from __future__ import annotations

import socket
import threading
from typing import Final

from omega_core.sockets.tcp_info import TcpInfo, ip_header_octets, read_tcp_info
from omega_probe.validity import Carried, OwnTraffic

_UDP_OCTETS: Final = 8
_IP_OCTETS: Final = {4: 20, 6: 40}
NOTHING: Final = OwnTraffic()


class OwnTrafficMeter:
    """Sums up; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past = OwnTraffic()
        self._watched: dict[socket.socket, OwnTraffic] = {}

    def watch(self, connection: socket.socket) -> None:
        """Count a TCP connection from now until `release`, with all it has carried before."""
        with self._lock:
            self._watched[connection] = _of_connection(connection, NOTHING)

    def release(self, connection: socket.socket) -> None:
        """Take the last reading of a connection; call it just before closing."""
        with self._lock:
            last = self._watched.pop(connection, None)
            if last is not None:
                self._past += _of_connection(connection, last)

    def add(self, traffic: OwnTraffic) -> None:
        """Count traffic that was no watched connection's."""
        with self._lock:
            self._past += traffic

    def reading(self) -> OwnTraffic:
        """Return everything so far."""
        with self._lock:
            total = self._past
            for connection, last in self._watched.items():
                latest = self._watched[connection] = _of_connection(connection, last)
                total += latest
            return total


def of_datagrams(*, sent: int, received: int, payload_octets: int, family: int) -> OwnTraffic:
    """Return the traffic of datagrams of one size."""
    headers = _IP_OCTETS[family] + _UDP_OCTETS
    return OwnTraffic(
        rx=Carried(received * payload_octets, received * headers, received),
        tx=Carried(sent * payload_octets, sent * headers, sent),
    )


def of_tcp(info: TcpInfo, ip_octets: int) -> OwnTraffic:
    """Return the traffic of one TCP connection whose IP header has `ip_octets`."""
    header = ip_octets + info.tcp_header_octets
    rx_headers, tx_headers = info.segs_in * header, info.segs_out * header
    return OwnTraffic(
        rx=Carried(info.ip_octets_in(ip_octets) - rx_headers, rx_headers, info.segs_in),
        tx=Carried(info.ip_octets_out(ip_octets) - tx_headers, tx_headers, info.segs_out),
    )


def _of_connection(connection: socket.socket, last: OwnTraffic) -> OwnTraffic:
    try:
        return of_tcp(read_tcp_info(connection), ip_header_octets(connection))
    except OSError:  # closed or reset meanwhile: what was known of it still counts
        return last
