"""How the host is attached: carrier, radio signal, default gateway, and who knows its neighbour.

Theory of operation. All of it is asked of the kernel and nothing is sent on the line. The gateway
comes from the route (`omega_probe.route`); what ARP or neighbour discovery knows of it from a list
of neighbours (RTM_GETNEIGH). That is read at the end of a diagnosis, when its packets have made the
kernel find out: an entry may be stale for hours on a quiet host.

    request   | nlmsghdr 16 | ndmsg 12 |
    answer    | nlmsghdr 16 | ndmsg 12 | NDA_DST, NDA_LLADDR, ... | nlmsghdr ... | NLMSG_DONE |
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from omega_core.facts import Family
from omega_core.path import Gateway, Neighbour, NotObserved, Unobserved
from omega_probe.attempts import SOCKET_FAMILY
from omega_probe.route import route_to

if TYPE_CHECKING:
    from pathlib import Path

ANYWHERE: Final[dict[Family, str]] = {4: "192.0.2.1", 6: "2001:db8::1"}  # for documentation
_SIOCGIFFLAGS: Final = 0x8913
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_IFREQ_OCTETS: Final = 40
_IFREQ_NAME_OCTETS: Final = 16
_FLAGS: Final = struct.Struct("=H")
_HEADER: Final = struct.Struct("=IHHII")
_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
_ATTRIBUTE: Final = struct.Struct("=HH")
_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_NLM_F_REQUEST_DUMP: Final = 0x301
_NLMSG_DONE, _NLMSG_ERROR = 3, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_INCOMPLETE, _NUD_FAILED, _NUD_NOARP = 0x01, 0x20, 0x40
_ANSWER_OCTETS: Final = 1 << 16
_ANSWERS_MAX: Final = 64  # 64 KiB each: a host with more neighbours is no customer's


class NeighbourEntry(NamedTuple):
    """One entry of the kernel's list."""

    address: str
    interface_index: int
    state: int
    has_link_address: bool


def carrier(name: str) -> bool | None:
    """Whether an interface is up and has a carrier; None when it can't be asked."""
    request = bytearray(name.encode().ljust(_IFREQ_OCTETS, b"\0"))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
    except OSError:
        return None
    flags: int = _FLAGS.unpack_from(request, _IFREQ_NAME_OCTETS)[0]
    return bool(flags & _IFF_UP and flags & _IFF_RUNNING)


def signal_dbm(root: Path, name: str) -> int | None:
    """Return the radio signal of an interface in dBm; None where there is none."""
    try:
        text = (root / "proc" / "thread-self" / "net" / "wireless").read_text(
            encoding="utf-8", errors="replace"
        )
    except OSError:
        return None
    return parse_wireless(text, name)


def parse_wireless(text: str, name: str) -> int | None:
    """Return the level in the text of net/wireless; drivers that count otherwise give none."""
    for line in text.splitlines():
        interface, colon, rest = line.partition(":")
        fields = rest.split()
        if colon and interface.strip() == name and len(fields) > 2:
            level = fields[2].rstrip(".")
            if level.startswith("-") and level[1:].isascii() and level[1:].isdecimal():
                return int(level)
    return None


def gateway_towards(address: str | None, family: Family) -> Gateway | Unobserved:
    """Return the gateway on the way to an address, else the one of the default route.

    What its neighbour entry says is to be asked later; see the head of this module.
    """
    candidates = [each for each in (address, ANYWHERE[family]) if each is not None]
    found = [route for each in candidates if (route := route_to(each, family)) is not None]
    if not found:
        return Unobserved(not_observed=NotObserved.NO_ROUTE)
    route = next((each for each in found if each.gateway is not None), found[-1])
    neighbour = Neighbour.NOT_NEEDED if route.gateway is None else Neighbour.UNKNOWN
    return Gateway(address=route.gateway, interface=route.interface, neighbour=neighbour)


def neighbour_of(gateway: Gateway, family: Family) -> Neighbour:
    """Return what the kernel knows of the gateway's link address now."""
    if gateway.address is None:
        return Neighbour.NOT_NEEDED
    try:
        index = socket.if_nametoindex(gateway.interface)
    except OSError:
        return Neighbour.UNKNOWN
    for entry in neighbours(family):
        if (entry.address, entry.interface_index) == (gateway.address, index):
            return state_of(entry)
    return Neighbour.UNKNOWN


def state_of(entry: NeighbourEntry) -> Neighbour:
    """Return what an entry means."""
    if entry.state & _NUD_NOARP:
        return Neighbour.NOT_NEEDED
    if entry.state & (_NUD_FAILED | _NUD_INCOMPLETE):
        return Neighbour.SILENT
    return Neighbour.ANSWERED if entry.has_link_address else Neighbour.UNKNOWN


def neighbours(family: Family) -> list[NeighbourEntry]:
    """Return the kernel's neighbours in a family; none where it does not say."""
    asked = _NEIGHBOUR.pack(SOCKET_FAMILY[family], 0, 0, 0, 0)
    length = _HEADER.size + len(asked)
    entries: list[NeighbourEntry] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
            channel.settimeout(1)  # the kernel answers within the call; this is no wait
            channel.send(_HEADER.pack(length, _RTM_GETNEIGH, _NLM_F_REQUEST_DUMP, 1, 0) + asked)
            for _ in range(_ANSWERS_MAX):
                found, is_last = parse_neighbours(channel.recv(_ANSWER_OCTETS), family)
                entries += found
                if is_last:
                    break
    except OSError:
        pass  # a host that does not say
    return entries


def parse_neighbours(data: bytes, family: Family) -> tuple[list[NeighbourEntry], bool]:
    """Return the entries in one answer of the kernel, and whether it was the last."""
    entries: list[NeighbourEntry] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
        if kind in {_NLMSG_DONE, _NLMSG_ERROR} or length < _HEADER.size:
            return entries, True
        if kind == _RTM_NEWNEIGH:
            entry = _entry(data[offset + _HEADER.size : offset + length], family)
            entries += [] if entry is None else [entry]
        offset += -(-length // 4) * 4
    return entries, False


def _entry(message: bytes, family: Family) -> NeighbourEntry | None:
    if len(message) < _NEIGHBOUR.size:
        return None
    kind, index, state, _, _ = _NEIGHBOUR.unpack_from(message)
    found = dict(_attributes(message[_NEIGHBOUR.size :]))
    octets = found.get(_NDA_DST, b"")
    if kind != SOCKET_FAMILY[family] or len(octets) != (4 if family == 4 else 16):
        return None
    address = socket.inet_ntop(SOCKET_FAMILY[family], octets)
    return NeighbourEntry(address, index, state, _NDA_LLADDR in found)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += -(-length // 4) * 4
