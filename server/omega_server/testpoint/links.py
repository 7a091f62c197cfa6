"""The links of this host: how fast they are, and how busy.

Only what has a device behind it counts: a bridge or a veth tells a rate that means nothing, and
would count every octet twice. Counters are those of /proc/net/dev, of this process's own network
namespace. A link of a virtual machine often does not know its rate; then nothing is known of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from omega_core.saturation import NIC_BUSY_PPM_MAX
from omega_core.units import BITS_PER_OCTET, NS_PER_S, PPM
from omega_server.testpoint.admission import BothWays, smoothed

_NET: Final = Path("/sys/class/net")
_COUNTERS: Final = Path("/proc/net/dev")
_BPS_OF_SPEED: Final = 1_000_000
_RX_OCTETS, _TX_OCTETS = 0, 8


def link_rates(net: Path = _NET) -> dict[str, int]:
    """Return the links that are up and know their rate, in bit/s."""
    rates = {}
    with suppress(OSError):
        for path in net.iterdir():
            rate_bps = _rate_of(path)
            if rate_bps is not None:
                rates[path.name] = rate_bps
    return rates


def usual_capacity_bps(hosts: Sequence[str], rates: Mapping[str, int]) -> int | None:
    """Return what a test point may commit when nobody said it: so much of its fastest link.

    None where it listens on loopback alone, or no link knows its rate.
    """
    if not rates or all(ipaddress.ip_address(host).is_loopback for host in hosts):
        return None
    return max(rates.values()) * NIC_BUSY_PPM_MAX // PPM


class LinkMeter:
    """How busy the busiest link has been, smoothed as the rates of the sessions are."""

    def __init__(self, rates: Mapping[str, int]) -> None:
        self._rates = rates
        self._before = _read() if rates else {}
        self._smoothed: dict[str, BothWays] = {}

    def busy_ppm(self, elapsed_ns: int) -> int | None:
        """Return the busy share since the last call; None when no link knows its rate."""
        if not self._rates:
            return None
        before, self._before = self._before, _read()
        shares = [0]
        for name, rate_bps in self._rates.items():
            if name in before and name in self._before and elapsed_ns > 0:
                moved = _moved(before[name], self._before[name], elapsed_ns)
                rates = smoothed(self._smoothed.get(name, BothWays(0, 0)), moved, elapsed_ns)
                self._smoothed[name] = rates
                shares.append(rates.most * PPM // rate_bps)
        return max(shares)


def parse_counters(text: str) -> dict[str, BothWays]:
    """Return the octets that each interface has sent and received."""
    counters = {}
    for line in text.splitlines():
        name, colon, columns = line.partition(":")
        fields = columns.split()
        if colon and len(fields) > _TX_OCTETS:
            counters[name.strip()] = BothWays(
                down=int(fields[_TX_OCTETS]), up=int(fields[_RX_OCTETS])
            )
    return counters


def _read() -> dict[str, BothWays]:
    with suppress(OSError):
        return parse_counters(_COUNTERS.read_text(encoding="ascii", errors="replace"))
    return {}


def _moved(before: BothWays, after: BothWays, elapsed_ns: int) -> BothWays:
    """Return the rates between two readings; a counter that was reset has not moved."""
    down, up = max(after.down - before.down, 0), max(after.up - before.up, 0)
    octets_to_bps = BITS_PER_OCTET * NS_PER_S
    return BothWays(down * octets_to_bps // elapsed_ns, up * octets_to_bps // elapsed_ns)


def _rate_of(path: Path) -> int | None:
    """Return the rate of one interface; reading it fails where there is none to tell."""
    try:
        if not (path / "device").exists() or (path / "operstate").read_text().strip() != "up":
            return None
        speed = int((path / "speed").read_text())
    except (OSError, ValueError):
        return None
    return speed * _BPS_OF_SPEED if speed > 0 else None
