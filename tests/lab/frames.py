"""Find the numbered UDP packets among Ethernet frames.

A numbered packet carries its sequence number in the first four octets of the UDP payload, as STAMP
does (RFC 8762 section 4.2.1). Nothing here raises: a frame is what some host put on the wire.

    octet  0         6         12      14
           +---------+---------+-------+-----------------+----------+--------------+
           | to      | from    | type  | IPv4 or IPv6    | UDP (8)  | sequence (4) |
           +---------+---------+-------+-----------------+----------+--------------+
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ETHERNET_OCTETS = 14
_IPV6_OCTETS = 40
_IPV4_TYPE = b"\x08\x00"
_IPV6_TYPE = b"\x86\xdd"
_UDP = 17
_UDP_OCTETS = 8
_SEQUENCE_OCTETS = 4
_FRAGMENT_OFFSET = 0x1FFF
_UDP_AND_SEQUENCE = struct.Struct("!HHHHI")


class Numbered(NamedTuple):
    """What identifies a watched packet."""

    source_port: int
    destination_port: int
    sequence: int


def numbered(frame: bytes, ports: frozenset[int]) -> Numbered | None:
    """Return the packet's number if it comes from or goes to one of the UDP `ports`.

    IPv6 extension headers are not followed: measurement packets have none.
    """
    start = _udp_start(frame)
    if start is None or len(frame) < start + _UDP_AND_SEQUENCE.size:
        return None
    source, destination, length, _, sequence = _UDP_AND_SEQUENCE.unpack_from(frame, start)
    if length < _UDP_OCTETS + _SEQUENCE_OCTETS or ports.isdisjoint((source, destination)):
        return None
    return Numbered(source, destination, sequence)


def _udp_start(frame: bytes) -> int | None:
    """Return where the UDP header begins, or None in anything else and in later fragments."""
    kind = frame[12:14]
    if kind == _IPV4_TYPE and len(frame) > 23 and frame[23] == _UDP:
        if (frame[20] << 8 | frame[21]) & _FRAGMENT_OFFSET:
            return None
        return ETHERNET_OCTETS + 4 * (frame[14] & 0x0F)
    if kind == _IPV6_TYPE and len(frame) > 20 and frame[20] == _UDP:
        return ETHERNET_OCTETS + _IPV6_OCTETS
    return None
