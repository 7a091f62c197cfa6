"""Counters of the host from /proc, under a root folder: interfaces, processors, default routes.

/proc/net belongs to the network namespace of a process's first thread, /proc/thread-self/net to
that of the thread which reads; the two differ in a program that moved one thread. Lines that don't
have the shape expected are left out: a newer kernel may add some.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from omega_core.environment import CpuLoad
from omega_core.units import NS_PER_S, PPM

if TYPE_CHECKING:
    from pathlib import Path

_CPU_FIELDS: Final = 8  # user nice system idle iowait irq softirq steal; guests are in user
TICKS_LEAST: Final = 20  # of all processors: one of them is no more than a twentieth
_IDLE, _IOWAIT, _STEAL = 3, 4, 7
_UP_AND_GATEWAY: Final = 0x3
_SHARE_SPAN_NS_MIN: Final = NS_PER_S


class NetDevice(NamedTuple):
    """One line of net/dev."""

    rx_octets: int
    rx_packets: int
    rx_dropped: int
    tx_octets: int
    tx_packets: int
    tx_errors: int


class CpuTimes(NamedTuple):
    """Ticks since the host came up, of each processor."""

    cores: Mapping[str, tuple[int, ...]]


def net_devices(root: Path) -> dict[str, NetDevice]:
    """Return the counters of every interface by name."""
    return parse_net_dev(_net_file(root, "dev"))


def parse_net_dev(text: str) -> dict[str, NetDevice]:
    """Return the counters in the text of net/dev."""
    devices: dict[str, NetDevice] = {}
    for line in text.splitlines():
        name, colon, rest = line.rpartition(":")
        fields = rest.split()
        if not colon or len(fields) < 16 or not all(map(_is_number, fields)):
            continue
        counts = [int(field) for field in fields]
        devices[name.strip()] = NetDevice(
            rx_octets=counts[0],
            rx_packets=counts[1],
            rx_dropped=counts[3],
            tx_octets=counts[8],
            tx_packets=counts[9],
            tx_errors=counts[10],
        )
    return devices


def cpu_times(root: Path) -> CpuTimes:
    """Return the ticks of each processor; none when the host does not say."""
    return parse_stat(_text(root / "proc" / "stat"))


def parse_stat(text: str) -> CpuTimes:
    """Return the ticks in the text of /proc/stat."""
    cores: dict[str, tuple[int, ...]] = {}
    for line in text.splitlines():
        name, *fields = line.split() or [""]
        ticks = fields[:_CPU_FIELDS]
        single = name.startswith("cpu") and name != "cpu"
        if single and len(ticks) == _CPU_FIELDS and all(map(_is_number, ticks)):
            cores[name] = tuple(int(each) for each in ticks)
    return CpuTimes(cores)


class OwnShare(NamedTuple):
    """What the scheduler did to this process: since it began, and at a moment of its clock."""

    at_ns: int
    ran_ns: int | None
    waited_ns: int | None
    throttled: int


def own_share(root: Path, at_ns: int) -> OwnShare:
    """Return how long this process's threads ran, and were ready and had no processor.

    Those that have ended are left out. None where the kernel keeps no account (CONFIG_SCHED_INFO).
    """
    found = []
    with suppress(OSError):
        for thread in (root / "proc" / "self" / "task").iterdir():
            fields = _text(thread / "schedstat").split()[:2]
            if len(fields) == 2 and all(map(_is_number, fields)):
                found.append((int(fields[0]), int(fields[1])))
    if not found:
        return OwnShare(at_ns, None, None, throttled(root))
    ran, waited = (sum(each) for each in zip(*found, strict=True))
    return OwnShare(at_ns, ran, waited, throttled(root))


def throttled(root: Path) -> int:
    """Return how often this process's control group was stopped for having used up its share."""
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" or "cpu" in controllers.split(","):
            folder = "" if number == "0" else "cpu"
            stat = root / "sys" / "fs" / "cgroup" / folder / group.lstrip("/") / "cpu.stat"
            for each in _text(stat).splitlines():
                name, _, value = each.partition(" ")
                if name == "nr_throttled" and _is_number(value):
                    return int(value)
    return 0


def with_own_share(load: CpuLoad, before: OwnShare, after: OwnShare) -> CpuLoad:
    """Return the load with what the scheduler did to this process between two readings.

    A thread that ended in between took its account with it; less than nothing counts as nothing. Of
    less than a second nothing is said: one time slice of another program would be a share of it.
    """
    span_ns = after.at_ns - before.at_ns
    return replace(
        load,
        ran_ppm=_share_ppm(before.ran_ns, after.ran_ns, span_ns),
        waited_ppm=_share_ppm(before.waited_ns, after.waited_ns, span_ns),
        throttled=max(0, after.throttled - before.throttled),
    )


def _share_ppm(before_ns: int | None, after_ns: int | None, span_ns: int) -> int | None:
    if before_ns is None or after_ns is None or span_ns < _SHARE_SPAN_NS_MIN:
        return None
    return max(0, after_ns - before_ns) * PPM // span_ns


def cpu_load(phase: str, before: CpuTimes, after: CpuTimes) -> CpuLoad | None:
    """Return how busy the host was between two readings; None after too few ticks to say.

    A tick is laid to whoever has the processor as it ends: of a phase that was cut off after some
    milliseconds it would be a third. Time that a hypervisor took away (steal) is neither busy nor
    idle, and stands by itself.
    """
    spans = [
        [later - earlier for earlier, later in zip(before.cores[name], ticks, strict=True)]
        for name, ticks in after.cores.items()
        if name in before.cores
    ]
    spans = [span for span in spans if sum(span) > 0]
    total = sum(map(sum, spans))
    if total < TICKS_LEAST:
        return None
    busy = [sum(span) - span[_IDLE] - span[_IOWAIT] - span[_STEAL] for span in spans]
    shares = [max(0, part) * PPM // sum(span) for part, span in zip(busy, spans, strict=True)]
    return CpuLoad(
        phase=phase,
        busy_ppm=max(0, sum(busy)) * PPM // total,
        busiest_core_ppm=max(shares),
        steal_ppm=max(0, sum(span[_STEAL] for span in spans)) * PPM // total,
    )


def default_routes(root: Path) -> str | None:
    """Return the default routes of the main tables as text; None when there is none."""
    found = [
        *parse_routes_v4(_net_file(root, "route")),
        *parse_routes_v6(_net_file(root, "ipv6_route")),
    ]
    return "; ".join(found) or None


def parse_routes_v4(text: str) -> list[str]:
    """Return the default routes in the text of net/route."""
    routes = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
            continue
        with suppress(ValueError, struct.error):  # not the hexadecimal numbers expected
            gateway = socket.inet_ntop(socket.AF_INET, struct.pack("=I", int(fields[2], 16)))
            has_gateway = int(fields[3], 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY
            routes.append(f"IPv4 {f'via {gateway} ' if has_gateway else ''}dev {fields[0]}")
    return routes


def parse_routes_v6(text: str) -> list[str]:
    """Return the default routes in the text of net/ipv6_route, the kernel's reject route apart."""
    routes = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 10 or set(fields[0]) != {"0"} or fields[1] != "00" or fields[9] == "lo":
            continue
        with suppress(ValueError):
            gateway = bytes.fromhex(fields[4])
            address = socket.inet_ntop(socket.AF_INET6, gateway)
            routes.append(f"IPv6 {f'via {address} ' if any(gateway) else ''}dev {fields[9]}")
    return routes


def system_name(root: Path) -> str:
    """Return what the system calls itself."""
    for line in _text(root / "etc" / "os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip().strip("\"'")
    return "Linux"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _net_file(root: Path, name: str) -> str:
    own = root / "proc" / "thread-self" / "net" / name
    return _text(own) or _text(root / "proc" / "net" / name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
