"""Probes that need CAP_NET_RAW: TCP SYN to a port that answers, and ICMP where no socket is given.

Theory of operation. This is the one door to scapy (extra `path`), which writes the packets; it is
loaded when a channel is opened. Raw sockets of the kernel send them and hear the answers, so a
driver can wait on them as on any socket.

    TCP     SYN from one port to one port, sequence number = base + number of the probe. A router
            quotes it whole, even one that quotes only eight octets. SYN-ACK or RST is the target.
    ICMP    echo with one id; number and its complement in the payload keep the checksum constant.
    IPv6    one flow label for all, as routers may share load by it.

The port of a SYN trace is held by a socket that does not listen. So nobody else is given it, and
the host's own kernel takes the connection back with a reset when a SYN-ACK comes: a handful of
connections half open for a round trip, which no listener takes for a flood.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from omega_core.facts import Family
from omega_core.path import HopAnswer, PathMethod
from omega_probe.attempts import SOCKET_FAMILY
from omega_probe.path_sockets import (
    IP_HEADER_OCTETS,
    echo_bytes,
    forget_path_mtu,
    kind_of,
    reply_of,
)
from omega_probe.path_trace import ProbeAnswer

_SEQUENCE_BASE: Final = 0x0E6A0000
_NUMBERS: Final = 1 << 16
_PORTS_AND_SEQUENCE: Final = struct.Struct("!HHI")
_ICMP_HEAD: Final = struct.Struct("!BBHHH")
_ICMP_PROTOCOL: Final[dict[Family, int]] = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_ECHO_REQUEST: Final[dict[Family, int]] = {4: 8, 6: 128}
_FLOW_LABEL: Final = 0xE6A
_RECEIVE_OCTETS: Final = 9_216
_READ_AT_ONCE_MAX: Final = 64
_ACK, _RST = 0x10, 0x04


class NoScapyError(Exception):
    """The extra `path` is not installed; never leaves the probe."""


class _RawChannel:
    """What both kinds share: the sockets, and how an ICMP error is read."""

    flow_fixed = True
    port: int | None = None

    def __init__(self, family: Family, source: str, address: str) -> None:
        self._family: Family = family
        self._source, self._address = source, address.partition("%")[0]
        self._to = address
        with ExitStack() as stack:
            self._out = stack.enter_context(_raw(family, socket.IPPROTO_RAW))
            forget_path_mtu(self._out, family)
            self._icmp = stack.enter_context(_raw(family, _ICMP_PROTOCOL[family]))
            self._scapy = _layers()  # heavy: not before the host has allowed the sockets
            self._stack = stack.pop_all()

    def close(self) -> None:
        """See `ProbeChannel.close`."""
        self._stack.close()

    def _header(self, ttl: int) -> Any:  # noqa: ANN401 - scapy's packets are not typed
        if self._family == 4:
            return self._scapy.IP(src=self._source, dst=self._address, ttl=ttl, flags="DF", id=1)
        return self._scapy.IPv6(src=self._source, dst=self._address, hlim=ttl, fl=_FLOW_LABEL)

    def _send(self, packet: Any) -> None:  # noqa: ANN401 - the same
        self._out.sendto(bytes(packet), (self._to, 0))

    def _icmp_messages(self) -> Iterator[tuple[bytes, str]]:
        """Yield each ICMP message that has come, without its IP header, and who sent it."""
        yield from self._messages(self._icmp)

    def _messages(self, endpoint: socket.socket) -> Iterator[tuple[bytes, str]]:
        for _ in range(_READ_AT_ONCE_MAX):
            try:
                data, sender = endpoint.recvfrom(_RECEIVE_OCTETS)
            except OSError:
                return
            yield self._behind_ip(data), str(sender[0]).partition("%")[0]

    def _behind_ip(self, data: bytes) -> bytes:
        """Raw sockets give the IP header in IPv4 and leave it out in IPv6."""
        return data[(data[0] & 0x0F) * 4 :] if self._family == 4 and data else data

    def _quoted(self, message: bytes, protocol: int) -> bytes:
        """Return what is quoted behind the IP header of a packet of ours, empty if not ours."""
        inner = message[_ICMP_HEAD.size :]
        if len(inner) < IP_HEADER_OCTETS[self._family]:
            return b""
        kind = inner[9] if self._family == 4 else inner[6]
        target = inner[16:20] if self._family == 4 else inner[24:40]
        if kind != protocol or target != socket.inet_pton(
            SOCKET_FAMILY[self._family], self._address
        ):
            return b""
        return inner[(inner[0] & 0x0F) * 4 if self._family == 4 else 40 :]

    def _answer(self, message: bytes, sender: str, number: int | None) -> ProbeAnswer | None:
        kind, code, _, first, second = _ICMP_HEAD.unpack_from(message)
        answer = kind_of(self._family, kind, code)
        if answer is None:
            return None
        told = second if self._family == 4 else first << 16 | second
        mtu_octets = told or None if answer is HopAnswer.TOO_BIG else None
        return ProbeAnswer(number, sender, answer, kind, code, mtu_octets)


class RawTcpChannel(_RawChannel):
    """SYN packets of one flow. Raises PermissionError without CAP_NET_RAW, and NoScapyError."""

    method = PathMethod.RAW_TCP

    def __init__(self, family: Family, source: str, address: str, port: int) -> None:
        super().__init__(family, source, address)
        try:
            self._tcp = self._stack.enter_context(_raw(family, socket.IPPROTO_TCP))
            held = self._stack.enter_context(
                socket.socket(SOCKET_FAMILY[family], socket.SOCK_STREAM)
            )
            held.bind((source, 0))
        except BaseException:
            self.close()
            raise
        self._own_port = int(held.getsockname()[1])
        self._port = self.port = port

    def endpoints(self) -> tuple[socket.socket, ...]:
        """See `ProbeChannel.endpoints`."""
        return self._icmp, self._tcp

    def send(self, number: int, ttl: int, ip_octets: int) -> None:  # noqa: ARG002 - a SYN has one size
        """See `ProbeChannel.send`."""
        sequence = _SEQUENCE_BASE + number % _NUMBERS
        syn = self._scapy.TCP(
            sport=self._own_port, dport=self._port, seq=sequence, flags="S", window=1_024
        )
        self._send(self._header(ttl) / syn)

    def receive(self) -> Iterator[ProbeAnswer]:
        """See `ProbeChannel.receive`."""
        for message, sender in self._icmp_messages():
            quoted = self._quoted(message, socket.IPPROTO_TCP)
            if len(quoted) < _PORTS_AND_SEQUENCE.size:
                continue
            own_port, port, sequence = _PORTS_AND_SEQUENCE.unpack_from(quoted)
            if (own_port, port) == (self._own_port, self._port):
                answer = self._answer(message, sender, sequence - _SEQUENCE_BASE)
                yield from () if answer is None else (answer,)
        for segment, sender in self._messages(self._tcp):
            number = self._acknowledged(segment)
            if sender == self._address and number is not None:
                yield ProbeAnswer(number, sender, HopAnswer.TCP)

    def _acknowledged(self, segment: bytes) -> int | None:
        """Return which SYN a segment answers; None for a segment of another connection."""
        if len(segment) < 20:
            return None
        tcp = self._scapy.TCP(segment)
        if (tcp.sport, tcp.dport) != (self._port, self._own_port):
            return None
        return int(tcp.ack) - 1 - _SEQUENCE_BASE if int(tcp.flags) & (_ACK | _RST) else None


class RawIcmpChannel(_RawChannel):
    """ICMP echo. Raises PermissionError without CAP_NET_RAW, and NoScapyError."""

    method = PathMethod.RAW_ICMP

    def __init__(
        self, family: Family, source: str, address: str, token: bytes, *, identity: int
    ) -> None:
        super().__init__(family, source, address)
        self._token = token[:4]
        self._identity = identity

    def endpoints(self) -> tuple[socket.socket, ...]:
        """See `ProbeChannel.endpoints`."""
        return (self._icmp,)

    def send(self, number: int, ttl: int, ip_octets: int) -> None:
        """See `ProbeChannel.send`."""
        headers = IP_HEADER_OCTETS[self._family] + _ICMP_HEAD.size
        payload = echo_bytes(self._family, number, self._token, max(0, ip_octets - headers))
        echo = self._scapy.ICMP if self._family == 4 else self._scapy.ICMPv6EchoRequest
        body = payload[_ICMP_HEAD.size :]
        sequence = number % _NUMBERS
        if self._family == 4:
            self._send(self._header(ttl) / echo(id=self._identity, seq=sequence) / body)
        else:
            self._send(self._header(ttl) / echo(id=self._identity, seq=sequence, data=body))

    def receive(self) -> Iterator[ProbeAnswer]:
        """See `ProbeChannel.receive`."""
        for message, sender in self._icmp_messages():
            if len(message) < _ICMP_HEAD.size:
                continue
            if _ICMP_HEAD.unpack_from(message)[3] == self._identity:
                reply = reply_of(message, sender, self._family, self._token)
                if reply is not None:
                    yield reply
                    continue
            quoted = self._quoted(message, _ICMP_PROTOCOL[self._family])
            if len(quoted) < _ICMP_HEAD.size:
                continue
            kind, _, _, identity, number = _ICMP_HEAD.unpack_from(quoted)
            if (kind, identity) == (_ECHO_REQUEST[self._family], self._identity):
                answer = self._answer(message, sender, number)
                yield from () if answer is None else (answer,)


def _raw(family: Family, protocol: int) -> socket.socket:
    endpoint = socket.socket(SOCKET_FAMILY[family], socket.SOCK_RAW, protocol)
    endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return endpoint


def _layers() -> Any:  # noqa: ANN401 - scapy's packets are not typed
    """Return what builds packets; raises NoScapyError where the extra is not installed."""
    import logging  # noqa: PLC0415 - scapy brings it anyway

    logging.getLogger("scapy").setLevel(logging.ERROR)  # it warns of routes that we don't ask for
    try:
        from scapy.layers import inet, inet6  # noqa: PLC0415 - heavy: only where it is used
    except ImportError as error:
        raise NoScapyError(str(error)) from error

    class Layers:
        IP, TCP, ICMP = inet.IP, inet.TCP, inet.ICMP
        IPv6, ICMPv6EchoRequest = inet6.IPv6, inet6.ICMPv6EchoRequest

    return Layers
