"""The way to an address, as the kernel itself would choose it now.

The source address of a socket does not tell the interface: a route may lead into a tunnel and keep
the address of the Ethernet card. So the kernel is asked for the route (RTM_GETROUTE, the question
behind `ip route get`), which takes policy rules into account and answers for the network namespace
of the thread that asks. Nothing is sent on the line.

    request   | nlmsghdr 16 | rtmsg 12 | RTA_DST: 4 or 16 octets of address |
    answer    | nlmsghdr 16 | rtmsg 12 | RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, ... |
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from omega_core.evidence import Family
from omega_probe.attempts import SOCKET_FAMILY

_HEADER: Final = struct.Struct("=IHHII")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_INTEGER: Final = struct.Struct("=I")
_RTM_NEWROUTE: Final = 24
_RTM_GETROUTE: Final = 26
_NLM_F_REQUEST: Final = 1
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_ANSWER_OCTETS: Final = 8_192
_ALIGNMENT: Final = 4


class Route(NamedTuple):
    """By which interface, and from which address, packets would leave."""

    interface: str
    source: str | None
    gateway: str | None


def route_to(address: str, family: Family) -> Route | None:
    """Return the route to an address; None where there is none or the kernel does not say."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
            channel.settimeout(1)  # the kernel answers within the call; this is no wait
            channel.send(request_bytes(address, family))
            return parse_answer(channel.recv(_ANSWER_OCTETS), family)
    except (OSError, ValueError):
        return None


def request_bytes(address: str, family: Family) -> bytes:
    """Return the question; raises OSError for text that is no address of the family."""
    target = socket.inet_pton(SOCKET_FAMILY[family], address.partition("%")[0])
    destination = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(target), _RTA_DST) + target
    route = _ROUTE.pack(SOCKET_FAMILY[family], len(target) * 8, 0, 0, 0, 0, 0, 0, 0)
    length = _HEADER.size + len(route) + len(destination)
    header = _HEADER.pack(length, _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0)
    return header + route + destination


def parse_answer(data: bytes, family: Family) -> Route | None:
    """Return the route in the kernel's answer; None for a refusal or an interface that has gone."""
    if len(data) < _HEADER.size + _ROUTE.size:
        return None
    length, kind, _, _, _ = _HEADER.unpack_from(data)
    if kind != _RTM_NEWROUTE:
        return None
    found = dict(_attributes(data[_HEADER.size + _ROUTE.size : length]))
    index = found.get(_RTA_OIF)
    if index is None or len(index) != _INTEGER.size:
        return None
    try:
        name = socket.if_indextoname(_INTEGER.unpack(index)[0])
    except OSError:
        return None
    return Route(
        interface=name,
        source=_address(found.get(_RTA_PREFSRC), family),
        gateway=_address(found.get(_RTA_GATEWAY), family),
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += -(-length // _ALIGNMENT) * _ALIGNMENT


def _address(octets: bytes | None, family: Family) -> str | None:
    size = 4 if family == 4 else 16
    if octets is None or len(octets) != size:
        return None
    return socket.inet_ntop(SOCKET_FAMILY[family], octets)
