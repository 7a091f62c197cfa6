"""Probes without privilege: UDP with the kernel's error queue, and ICMP sockets.

Theory of operation. What a router says of a packet reaches the socket that sent it by its error
queue (`IP_RECVERR`): who said it, what, and as much of the packet as was quoted. The TTL goes with
each packet (`IP_TTL` as ancillary data), so one socket, one port and one flow serve all TTLs.

    UDP     payload   | token 4 | number 4 | filling |         constant ports
    ICMP    echo      | 8 0 | checksum | id | number |         constant checksum:
            payload   | token 4 | ~number 2 | filling |        number and its complement add up

Routers share load by addresses, protocol and the four octets behind the IP header: ports in UDP,
type, code and checksum in ICMP. All are the same for every packet of a flow here (after "Paris
traceroute", Augustin et al., 2006). A router that quotes only eight octets behind the IP header
returns the number of an ICMP probe, but not that of a UDP probe: such an answer has no number.

An ICMP socket (`SOCK_DGRAM`, `IPPROTO_ICMP`) is for the groups in `net.ipv4.ping_group_range`;
opening one elsewhere raises PermissionError. Its id is its port, given by the kernel.

Fragmenting is forbidden in packets that search the MTU, and there the kernel's own memory of the
path is not asked (`IP_PMTUDISC_PROBE`): the search finds what is true now.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from omega_core.facts import Family
from omega_core.path import HopAnswer, PathMethod
from omega_core.sockets.linux import (
    IP_MTU_DISCOVER,
    IP_RECVERR,
    IP_TTL,
    IPV6_HOPLIMIT,
    IPV6_MTU_DISCOVER,
    IPV6_RECVERR,
    MSG_ERRQUEUE,
)
from omega_probe.attempts import SOCKET_FAMILY
from omega_probe.path_trace import ProbeAnswer

IP_PMTUDISC_PROBE: Final = 3
PROBE_IP_OCTETS: Final = 60  # both families; small enough for any link, as large as a STAMP packet
IP_HEADER_OCTETS: Final[dict[Family, int]] = {4: 20, 6: 40}
TRANSPORT_HEADER_OCTETS: Final = 8  # UDP and ICMP echo alike
_TOKEN_OCTETS: Final = 4
_UDP_NUMBER: Final = struct.Struct("!4sI")
_ECHO: Final = struct.Struct("!BBHHH")
_ECHO_PAYLOAD: Final = struct.Struct("!4sH")
_INT: Final = struct.Struct("=i")
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # errno origin type code pad info data
_ORIGIN_LOCAL, _ORIGIN_ICMP, _ORIGIN_ICMP6 = 1, 2, 3
_ECHO_REQUEST: Final[dict[Family, int]] = {4: 8, 6: 128}
_ECHO_REPLY: Final[dict[Family, int]] = {4: 0, 6: 129}
_RECEIVE_OCTETS: Final = 9_216
_ANCILLARY_OCTETS: Final = 512
_READ_AT_ONCE_MAX: Final = 64
_SENDS_MAX: Final = 4  # an error of an earlier packet may be raised by the sending of the next
_SEQUENCES: Final = 1 << 16


class ProbeChannel(Protocol):
    """Sends probes of one flow and hears what is said of them."""

    method: PathMethod
    flow_fixed: bool
    port: int | None

    def endpoints(self) -> tuple[socket.socket, ...]:
        """Return the sockets that become readable, or show an error, when something came."""
        ...

    def send(self, number: int, ttl: int, ip_octets: int) -> None:
        """Send one packet. Raises OSError when the host itself refuses it."""
        ...

    def receive(self) -> Iterator[ProbeAnswer]:
        """Yield what has come; never waits."""
        ...

    def close(self) -> None:
        """Close the sockets."""
        ...


class IcmpError(NamedTuple):
    """One entry of a socket's error queue."""

    errno: int
    icmp_type: int
    icmp_code: int
    info: int
    address: str | None
    quoted: bytes
    local: bool


class _ErrorQueueChannel(ABC):
    """What both kinds of socket share: the TTL of each packet, and the error queue."""

    flow_fixed = True
    port: int | None = None

    def __init__(self, family: Family, target: tuple[str, int], kind: int) -> None:
        self._family: Family = family
        self._target = target
        self._endpoint = socket.socket(SOCKET_FAMILY[family], socket.SOCK_DGRAM, kind)
        try:
            self._prepare()
        except BaseException:
            self._endpoint.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def endpoints(self) -> tuple[socket.socket, ...]:
        """See `ProbeChannel.endpoints`."""
        return (self._endpoint,)

    def close(self) -> None:
        """See `ProbeChannel.close`."""
        self._endpoint.close()

    def send(self, number: int, ttl: int, ip_octets: int) -> None:
        """See `ProbeChannel.send`."""
        headers = IP_HEADER_OCTETS[self._family] + TRANSPORT_HEADER_OCTETS
        packet = self._packet(number, max(0, ip_octets - headers))
        level, kind = (
            (socket.IPPROTO_IP, IP_TTL)
            if self._family == 4
            else (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)
        )
        ancillary = [(level, kind, _INT.pack(ttl))]
        for tries_left in reversed(range(_SENDS_MAX)):
            try:
                self._endpoint.sendmsg([packet], ancillary, 0, self._target)
            except OSError as error:
                if tries_left == 0 or error.errno == errno.EMSGSIZE:
                    raise
            else:
                return

    def receive(self) -> Iterator[ProbeAnswer]:
        """See `ProbeChannel.receive`."""
        for _ in range(_READ_AT_ONCE_MAX):
            error = read_error(self._endpoint)
            if error is None:
                break
            answer = answer_of(error, self._family, self._number_of(error.quoted))
            if answer is not None:
                yield answer
        yield from self._replies()

    def _prepare(self) -> None:
        self._endpoint.setblocking(False)  # noqa: FBT003 - the standard library's signature
        if self._family == 4:
            self._endpoint.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            self._endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        forget_path_mtu(self._endpoint, self._family)

    @abstractmethod
    def _packet(self, number: int, payload_octets: int) -> bytes: ...

    @abstractmethod
    def _number_of(self, quoted: bytes) -> int | None: ...

    @abstractmethod
    def _replies(self) -> Iterator[ProbeAnswer]: ...


class UdpChannel(_ErrorQueueChannel):
    """UDP to one port, from one port, expecting that nobody listens there.

    A reply from somebody who does listen counts as an answer of the target.
    """

    method = PathMethod.UDP

    def __init__(self, family: Family, address: str, port: int, token: bytes) -> None:
        super().__init__(family, (address, port), 0)
        self._token = token[:_TOKEN_OCTETS]
        self.port = port

    def _packet(self, number: int, payload_octets: int) -> bytes:
        return _UDP_NUMBER.pack(self._token, number).ljust(payload_octets, b"\0")

    def _number_of(self, quoted: bytes) -> int | None:
        if len(quoted) < _UDP_NUMBER.size:
            return None
        token, number = _UDP_NUMBER.unpack_from(quoted)
        return number if token == self._token else None

    def _replies(self) -> Iterator[ProbeAnswer]:
        """Somebody listens after all; only a reply that repeats our payload has a number."""
        for data, address in _datagrams(self._endpoint):
            number = self._number_of(data)
            if address == self._target[0].partition("%")[0] and number is not None:
                yield ProbeAnswer(number, address, HopAnswer.PORT_UNREACHABLE)


class IcmpChannel(_ErrorQueueChannel):
    """ICMP echo by a socket that the host allows this user. Raises PermissionError elsewhere."""

    method = PathMethod.ICMP

    def __init__(self, family: Family, address: str, token: bytes) -> None:
        kind = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
        super().__init__(family, (address, 0), kind)
        self._token = token[:_TOKEN_OCTETS]

    def _packet(self, number: int, payload_octets: int) -> bytes:
        return echo_bytes(self._family, number, self._token, payload_octets)

    def _number_of(self, quoted: bytes) -> int | None:
        if len(quoted) < _ECHO.size:
            return None
        kind, _, _, _, number = _ECHO.unpack_from(quoted)
        return int(number) if kind == _ECHO_REQUEST[self._family] else None

    def _replies(self) -> Iterator[ProbeAnswer]:
        for data, address in _datagrams(self._endpoint):
            answer = reply_of(data, address, self._family, self._token)
            if answer is not None:
                yield answer


def forget_path_mtu(endpoint: socket.socket, family: Family) -> None:
    """Forbid fragmenting, and hold packets against the interface's MTU alone."""
    if family == 4:
        endpoint.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    else:
        endpoint.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE)


def echo_bytes(family: Family, number: int, token: bytes, payload_octets: int) -> bytes:
    """Return an echo request whose checksum, which the kernel fills in, is the same for each."""
    sequence = number % _SEQUENCES
    payload = _ECHO_PAYLOAD.pack(token, _SEQUENCES - 1 - sequence).ljust(payload_octets, b"\0")
    return _ECHO.pack(_ECHO_REQUEST[family], 0, 0, 0, sequence) + payload


def reply_of(data: bytes, address: str, family: Family, token: bytes) -> ProbeAnswer | None:
    """Return what an ICMP datagram says, if it is an echo reply to one of ours."""
    if len(data) < _ECHO.size + _ECHO_PAYLOAD.size:
        return None
    kind, code, _, _, number = _ECHO.unpack_from(data)
    if kind != _ECHO_REPLY[family] or not data.startswith(token, _ECHO.size):
        return None
    return ProbeAnswer(number, address, HopAnswer.ECHO_REPLY, kind, code)


def read_error(endpoint: socket.socket) -> IcmpError | None:
    """Return the next entry of the error queue; None when it is empty."""
    try:
        quoted, ancillary, _, _ = endpoint.recvmsg(
            _RECEIVE_OCTETS, _ANCILLARY_OCTETS, MSG_ERRQUEUE | socket.MSG_DONTWAIT
        )
    except OSError:  # nothing there
        return None
    for level, kind, value in ancillary:
        if (level, kind) in {
            (socket.IPPROTO_IP, IP_RECVERR),
            (socket.IPPROTO_IPV6, IPV6_RECVERR),
        }:
            return parse_error(value, quoted)
    return IcmpError(0, 0, 0, 0, None, quoted, local=True)


def parse_error(value: bytes, quoted: bytes) -> IcmpError | None:
    """Return a `sock_extended_err` and the address behind it; None for one cut off."""
    if len(value) < _EXTENDED_ERROR.size:
        return None
    number, origin, icmp_type, icmp_code, _, info, _ = _EXTENDED_ERROR.unpack_from(value)
    return IcmpError(
        errno=number,
        icmp_type=icmp_type,
        icmp_code=icmp_code,
        info=info,
        address=_offender(value[_EXTENDED_ERROR.size :]),
        quoted=quoted,
        local=origin not in {_ORIGIN_ICMP, _ORIGIN_ICMP6},
    )


def answer_of(error: IcmpError, family: Family, number: int | None) -> ProbeAnswer | None:
    """Return what an error means for a probe; None for what is no word about it."""
    if error.local and error.errno != errno.EMSGSIZE:
        return None
    answer = HopAnswer.TOO_BIG if error.local else kind_of(family, error.icmp_type, error.icmp_code)
    if answer is None:
        return None
    too_big = answer is HopAnswer.TOO_BIG
    return ProbeAnswer(
        number,
        None if error.local else error.address,
        answer,
        None if error.local else error.icmp_type,
        None if error.local else error.icmp_code,
        (error.info or None) if too_big else None,
    )


def kind_of(family: Family, icmp_type: int, icmp_code: int) -> HopAnswer | None:
    """Return what an ICMP error is to a path (RFC 792; RFC 4443); None for any other message."""
    match family, icmp_type, icmp_code:
        case (4, 11, _) | (6, 3, _):
            return HopAnswer.TIME_EXCEEDED
        case (4, 3, 4) | (6, 2, _):
            return HopAnswer.TOO_BIG
        case (4, 3, 3) | (6, 1, 4):
            return HopAnswer.PORT_UNREACHABLE
        case (4, 3, _) | (6, 1, _):
            return HopAnswer.UNREACHABLE
        case _:
            return None


def _offender(address: bytes) -> str | None:
    """Return who sent the ICMP: a sockaddr_in or sockaddr_in6, empty where nobody did."""
    if len(address) < 8:
        return None
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return None


def _datagrams(endpoint: socket.socket) -> Iterator[tuple[bytes, str]]:
    for _ in range(_READ_AT_ONCE_MAX):
        try:
            data, sender = endpoint.recvfrom(_RECEIVE_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            continue  # an error of the queue that was read already
        yield data, str(sender[0]).partition("%")[0]


assert (IP_TTL, IPV6_HOPLIMIT) == (2, 52)  # noqa: S101 - sent as ancillary data
