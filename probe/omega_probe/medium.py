"""What kind of link an interface is, from what the kernel says of it.

Two sources. `LinkFacts` are answers of the process's own network namespace (ioctl, through
`omega_probe.environment`) and always right. `SysFacts` come from /sys/class/net, which shows the
namespace that mounted it: after `setns` without a new mount that is another one's, so they are used
only where `SysTree.shows` has found the tree to be of this namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from omega_core.environment import Medium

if TYPE_CHECKING:
    from pathlib import Path

LOWER_MAX: Final = 16

# include/uapi/linux/if_arp.h
_ARPHRD_ETHER, _ARPHRD_PPP, _ARPHRD_LOOPBACK, _ARPHRD_NONE = 1, 512, 772, 65_534
_ARPHRD_TUNNELS: Final = {768, 769, 776, 778, 823}  # ipip, ip6tnl, sit, gre, ip6gre
_ARPHRD_WIRELESS: Final = {801, 802, 803}
_TUNNEL_KINDS: Final = {
    "amneziawg",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ip_vti",
    "ip6_vti",
    "ipip",
    "l2tpeth",
    "openvpn",
    "ovpn",
    "ovpn-dco",
    "ovpn_dco_v2",
    "sit",
    "tun",
    "tunnel",
    "vti",
    "vti6",
    "vxlan",
    "wireguard",
    "xfrm",
}


class LinkFacts(NamedTuple):
    """What this network namespace says of one interface; None where it says nothing."""

    name: str
    ifindex: int
    hardware_type: int | None
    mac: str | None
    driver: str | None
    wireless: bool
    mtu_bytes: int | None
    link_rate_bps: int | None
    duplex: str | None


class SysFacts(NamedTuple):
    """What /sys/class/net says of one interface."""

    devtype: str | None = None
    wireless: bool = False
    tun: bool = False
    lower: tuple[str, ...] = ()
    carrier_changes: int | None = None


class SysTree:
    """/sys/class/net under a root folder."""

    def __init__(self, root: Path) -> None:
        self._net = root / "sys" / "class" / "net"

    def shows(self, links: Iterable[LinkFacts]) -> bool:
        """Whether the tree has exactly these interfaces: the same names, numbers and addresses."""
        try:
            present = {entry.name for entry in self._net.iterdir() if (entry / "ifindex").exists()}
        except OSError:
            return False
        known = {link.name: link for link in links}
        return present == known.keys() and all(self._is(link) for link in known.values())

    def facts(self, name: str) -> SysFacts:
        """Return what the tree says of an interface; nothing of one that is not in it."""
        entry = self._net / name
        return SysFacts(
            devtype=_devtype(entry),
            wireless=(entry / "wireless").exists() or (entry / "phy80211").exists(),
            tun=(entry / "tun_flags").exists(),
            lower=_lower(entry),
            carrier_changes=_number(entry / "carrier_changes"),
        )

    def _is(self, link: LinkFacts) -> bool:
        entry = self._net / link.name
        if _number(entry / "ifindex") != link.ifindex:
            return False
        mac = _text(entry / "address")
        return link.mac is None or mac is None or mac.lower() == link.mac.lower()


def medium_of(link: LinkFacts, sys: SysFacts) -> Medium:
    """Return the medium of one interface by itself."""
    kinds = {kind.lower() for kind in (link.driver, sys.devtype) if kind}
    if link.hardware_type == _ARPHRD_LOOPBACK:
        return Medium.LOOPBACK
    if sys.tun or kinds & _TUNNEL_KINDS or link.hardware_type in _ARPHRD_TUNNELS:
        return Medium.TUNNEL
    if link.hardware_type == _ARPHRD_NONE and sys.devtype != "wwan":
        return Medium.TUNNEL  # a modem without Ethernet framing has the same type
    if link.wireless or sys.wireless or sys.devtype == "wlan":
        return Medium.WIFI
    match link.hardware_type:
        case 1:
            return Medium.ETHERNET
        case 512:
            return Medium.PPP
        case kind if kind in _ARPHRD_WIRELESS:
            return Medium.WIFI
        case _:
            return Medium.OTHER


def medium_through(own: Medium, lower: Iterable[Medium]) -> Medium:
    """Return the medium of an interface that stands on others: a bridge over Wi-Fi is Wi-Fi."""
    below = {*lower}
    if own in {Medium.ETHERNET, Medium.OTHER}:
        for spoiling in (Medium.TUNNEL, Medium.WIFI):
            if spoiling in below:
                return spoiling
    return own


def lower_links(name: str, sys: Mapping[str, SysFacts]) -> tuple[str, ...]:
    """Return every interface below one, nearest first, down to the hardware."""
    found: list[str] = []
    waiting = [name]
    while waiting and len(found) < LOWER_MAX:
        for lower in sys.get(waiting.pop(0), SysFacts()).lower:
            if lower not in found and lower != name:
                found.append(lower)
                waiting.append(lower)
    return tuple(found[:LOWER_MAX])


def _lower(entry: Path) -> tuple[str, ...]:
    names: dict[str, None] = {}
    try:
        for child in sorted(entry.iterdir()):
            if child.name.startswith("lower_"):
                names[child.name.removeprefix("lower_")] = None
        for port in sorted((entry / "brif").iterdir()) if (entry / "brif").is_dir() else ():
            names[port.name] = None
    except OSError:
        return tuple(names)
    for slave in (_text(entry / "bonding" / "slaves") or "").split():
        names[slave] = None
    return tuple(names)


def _devtype(entry: Path) -> str | None:
    for line in (_text(entry / "uevent") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "DEVTYPE":
            return value
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None


assert (_ARPHRD_ETHER, _ARPHRD_PPP) == (1, 512)  # noqa: S101 - the numbers matched on above
