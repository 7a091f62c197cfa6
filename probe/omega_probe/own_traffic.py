"""What the probe itself puts on the line and takes from it, as exactly as the kernel tells.

Of TCP connections the kernel counts every octet and segment (TCP_INFO), acknowledgements and
retransmissions included; delay streams count their own packets. A connection is watched from its
opening until just before it is closed, so a reading at any moment covers what was sent so far.
Names looked up are not in it: the resolver doesn't say what it sent.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
        self._watched: dict[socket.socket, _Watched] = {}
        self._sources: list[Callable[[], OwnTraffic]] = []

    def watch(self, connection: socket.socket, *, bulk: bool = True) -> None:
        """Count a TCP connection from now until `release`, with all it has carried before.

        One that carries messages is not `bulk`: its segments are of any size.
        """
        watched = _Watched(connection, bulk=bulk)
        with self._lock:
            self._watched[connection] = watched

    def release(self, connection: socket.socket) -> None:
        """Take the last reading of a connection; call it just before closing."""
        with self._lock:
            watched = self._watched.pop(connection, None)
            if watched is not None:
                self._past += watched.read()

    def add(self, traffic: OwnTraffic) -> None:
        """Count traffic that was no watched connection's."""
        with self._lock:
            self._past += traffic

    @contextmanager
    def counted(self, source: Callable[[], OwnTraffic]) -> Iterator[None]:
        """Count what a source tells of itself, at every reading while the block runs and after."""
        with self._lock:
            self._sources.append(source)
        try:
            yield
        finally:
            with self._lock:
                self._sources.remove(source)
                self._past += source()

    def reading(self) -> OwnTraffic:
        """Return everything so far."""
        with self._lock:
            total = self._past
            for watched in self._watched.values():
                total += watched.read()
            for source in self._sources:
                total += source()
            return total


def of_datagrams(*, sent: int, received: int, payload_octets: int, family: int) -> OwnTraffic:
    """Return the traffic of datagrams of one size."""
    headers = _IP_OCTETS[family] + _UDP_OCTETS
    return OwnTraffic(
        rx=Carried(received * payload_octets, received * headers, received),
        tx=Carried(sent * payload_octets, sent * headers, sent),
    )


def of_tcp(info: TcpInfo, ip_octets: int, *, bulk: bool) -> OwnTraffic:
    """Return the traffic of one TCP connection whose IP header has `ip_octets`."""
    header = ip_octets + info.tcp_header_octets
    rx_headers, tx_headers = info.segs_in * header, info.segs_out * header
    rx_payload = info.ip_octets_in(ip_octets) - rx_headers if bulk else info.bytes_received
    tx_payload = info.ip_octets_out(ip_octets) - tx_headers
    return OwnTraffic(
        rx=Carried(rx_payload, rx_headers, info.segs_in),
        tx=Carried(tx_payload, tx_headers, info.segs_out),
    )


class _Watched:
    """One connection; what was read last stays when it can't be read any more."""

    def __init__(self, connection: socket.socket, *, bulk: bool) -> None:
        self._connection = connection
        self._bulk = bulk
        self._ip_octets = _ip_octets(connection)
        self._latest = NOTHING

    def read(self) -> OwnTraffic:
        with suppress(OSError):
            self._latest = of_tcp(read_tcp_info(self._connection), self._ip_octets, bulk=self._bulk)
        return self._latest


def _ip_octets(connection: socket.socket) -> int:
    """Ask once: a connection that was reset does not know its peer any more."""
    try:
        return ip_header_octets(connection)
    except OSError:
        return _IP_OCTETS[6 if connection.family == socket.AF_INET6 else 4]
