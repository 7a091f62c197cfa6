"""The host as the probe finds it: the interface towards the test point, counters, processors.

Theory of operation. `Host` reads; it decides nothing. What this network namespace says of its
interfaces is asked by system calls of this process (psutil's and a few ioctls), which can't answer
for another one; /sys only adds what they don't know, and only when it shows the same interfaces.
Everything read from files is read under a root folder, so that a test can prepare one.

psutil and pathlib are loaded when they are first needed: the one costs as much as all the rest of
the probe, the other as much as a tenth, and `import omega_probe` must stay cheap on a CPE.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from omega_core.environment import Environment, Interface, InterfaceCounts, Medium
from omega_core.evidence import Family
from omega_probe.medium import (
    LinkFacts,
    SysFacts,
    SysTree,
    lower_links,
    medium_of,
    medium_through,
)
from omega_probe.proc import (
    CpuTimes,
    OwnShare,
    cpu_times,
    default_routes,
    net_devices,
    own_share,
    system_name,
)
from omega_probe.route import route_to

if TYPE_CHECKING:
    from pathlib import Path

_DISTRIBUTION: Final = "omega-acceptance"
_SIOCGIFHWADDR: Final = 0x8927
_SIOCETHTOOL: Final = 0x8946
_SIOCGIWNAME: Final = 0x8B01
_ETHTOOL_GDRVINFO: Final = 0x3
_DRVINFO_OCTETS: Final = 196
_DRIVER: Final = slice(4, 36)
_IFREQ_NAME_OCTETS: Final = 16
_IFREQ_DATA: Final = struct.Struct("16sP16x")
_IFREQ_OCTETS: Final = 40
_FAMILY: Final = struct.Struct("=H")
_BPS_PER_MBPS: Final = 1_000_000
_SPEED_UNKNOWN: Final = {0, 65_535, 2**32 - 1}

FactT = TypeVar("FactT")


class Links(Protocol):
    """What a network namespace says of its interfaces."""

    def all(self) -> Mapping[str, LinkFacts]:
        """Return the facts of every interface by name."""
        ...

    def towards(self, address: str, family: Family) -> str | None:
        """Return the interface by which packets to the address would leave."""
        ...


class OwnLinks:
    """The namespace of the thread that asks."""

    def all(self) -> Mapping[str, LinkFacts]:
        """See `Links.all`."""
        stats, macs = _stats(), _macs()
        facts: dict[str, LinkFacts] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for index, name in socket.if_nameindex():
                mtu_bytes, link_rate_bps, duplex = stats.get(name, (None, None, None))
                facts[name] = LinkFacts(
                    name=name,
                    ifindex=index,
                    hardware_type=_hardware_type(any_socket, name),
                    mac=macs.get(name),
                    driver=_driver(any_socket, name),
                    wireless=_is_wireless(any_socket, name),
                    mtu_bytes=mtu_bytes,
                    link_rate_bps=link_rate_bps,
                    duplex=duplex,
                )
        return facts

    def towards(self, address: str, family: Family) -> str | None:
        """See `Links.towards`."""
        route = route_to(address, family)
        return None if route is None else route.interface


class Host:
    """Reads the facts of a host under a root folder."""

    def __init__(self, *, root: Path | None = None, links: Links | None = None) -> None:
        from pathlib import Path  # noqa: PLC0415 - brings ten modules; see the head of this one

        root = Path("/") if root is None else root
        self._root = root
        self._links: Links = OwnLinks() if links is None else links
        self._tree = SysTree(root)
        self._trusts_tree = False

    def interface_towards(self, address: str, family: Family) -> Interface | None:
        """Return the interface by which packets to the address leave; None without a route."""
        name = self._links.towards(address, family)
        links = self._links.all()
        if name is None or name not in links:
            return None
        self._trusts_tree = self._tree.shows(links.values())
        tree = {each: self._tree_facts(each) for each in links}
        lower = lower_links(name, tree)
        media = {each: medium_of(links[each], tree[each]) for each in links}
        known = [links[each] for each in (name, *lower) if each in links]
        return Interface(
            name=name,
            medium=medium_through(media[name], [media[each] for each in lower if each in media]),
            link_rate_bps=_first([link.link_rate_bps for link in known]),
            duplex=_first([link.duplex for link in known]),
            mtu_bytes=links[name].mtu_bytes,
            lower=lower,
        )

    def way(self, address: str, family: Family) -> tuple[str | None, str | None]:
        """Return by which interface packets to the address leave, and the default routes."""
        return self._links.towards(address, family), default_routes(self._root)

    def counts(self, name: str, *, offset_us: int) -> InterfaceCounts | None:
        """Return the counters of an interface now; None when it has gone."""
        device = net_devices(self._root).get(name)
        if device is None:
            return None
        return InterfaceCounts(
            offset_us=offset_us,
            rx_octets=device.rx_octets,
            tx_octets=device.tx_octets,
            rx_packets=device.rx_packets,
            tx_packets=device.tx_packets,
            rx_dropped=device.rx_dropped,
            tx_errors=device.tx_errors,
            carrier_changes=self._tree_facts(name).carrier_changes,
        )

    def cpu(self) -> CpuTimes:
        """Return the ticks of every processor."""
        return cpu_times(self._root)

    def own_share(self, at_ns: int) -> OwnShare:
        """Return what the scheduler has done to this process so far."""
        return own_share(self._root, at_ns)

    def environment(self, interface: Interface | None) -> Environment:
        """Return what does not change during a session."""
        return Environment(
            system=system_name(self._root),
            kernel=os.uname().release,
            python=".".join(str(part) for part in sys.version_info[:3]),
            software=software(),
            cpu_count=os.cpu_count() or 1,
            interface=interface,
            default_route=default_routes(self._root),
        )

    def _tree_facts(self, name: str) -> SysFacts:
        return self._tree.facts(name) if self._trusts_tree else SysFacts()


def link_header_octets(interface: Interface) -> int:
    """Return what the interface's counters add to each IP packet."""
    framed = {Medium.ETHERNET, Medium.WIFI, Medium.LOOPBACK}
    return 14 if interface.medium in framed else 0


@cache
def software() -> str:
    """Return name and version of this distribution."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to load

    try:
        return f"{_DISTRIBUTION} {version(_DISTRIBUTION)}"
    except PackageNotFoundError:
        return f"{_DISTRIBUTION} unknown"


def _first(values: Iterable[FactT | None]) -> FactT | None:
    return next((value for value in values if value is not None), None)


def _psutil() -> Any:  # noqa: ANN401 - the library ships no types
    import psutil  # type: ignore[import-untyped] # noqa: PLC0415 - see the head of this module

    return psutil


def _macs() -> dict[str, str]:
    return {
        name: address.address
        for name, addresses in _psutil().net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_PACKET
    }


def _stats() -> dict[str, tuple[int | None, int | None, str | None]]:
    """Return MTU, rate in bit/s and duplex of each interface, as its driver answers."""
    psutil = _psutil()
    duplex = {psutil.NIC_DUPLEX_FULL: "full", psutil.NIC_DUPLEX_HALF: "half"}
    return {
        name: (
            stats.mtu or None,
            None if stats.speed in _SPEED_UNKNOWN else stats.speed * _BPS_PER_MBPS,
            duplex.get(stats.duplex),
        )
        for name, stats in psutil.net_if_stats().items()
    }


def _hardware_type(any_socket: socket.socket, name: str) -> int | None:
    request = bytearray(name.encode().ljust(_IFREQ_OCTETS, b"\0"))
    try:
        fcntl.ioctl(any_socket, _SIOCGIFHWADDR, request)
    except OSError:
        return None
    kind: int = _FAMILY.unpack_from(request, _IFREQ_NAME_OCTETS)[0]
    return kind


def _driver(any_socket: socket.socket, name: str) -> str | None:
    """Return the driver's name, for a virtual interface its kind; None where it has none."""
    info = array("B", _ETHTOOL_GDRVINFO.to_bytes(4, sys.byteorder).ljust(_DRVINFO_OCTETS, b"\0"))
    address, _ = info.buffer_info()
    try:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, _IFREQ_DATA.pack(name.encode(), address))
    except OSError:
        return None
    return info.tobytes()[_DRIVER].split(b"\0", 1)[0].decode("ascii", "replace") or None


def _is_wireless(any_socket: socket.socket, name: str) -> bool:
    request = bytearray(name.encode().ljust(_IFREQ_OCTETS, b"\0"))
    try:
        fcntl.ioctl(any_socket, _SIOCGIWNAME, request)
    except OSError:
        return False
    return True
