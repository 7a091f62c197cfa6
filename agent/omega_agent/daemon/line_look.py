"""Whether anybody uses the line now: the octets of its interface over one second.

The measurement looks again by itself, more closely, and ends itself before it has spent anything
when the line is in use; this look only spares the attempt.
"""

from __future__ import annotations

from omega_core.clock import Clock
from omega_core.evidence import Family
from omega_core.units import BITS_PER_OCTET, NS_PER_S
from omega_probe.environment import Host

IN_USE_BPS = 250_000  # twice what an idle household's devices were seen to send
LOOK_S = 1.0
_TOWARDS: tuple[tuple[str, Family], ...] = (("192.0.2.1", 4), ("2001:db8::1", 6))


class LineLook:
    """Two readings of the counters of the interface with the default route."""

    def __init__(self, clock: Clock, host: Host | None = None) -> None:
        self._clock = clock
        self._host = host or Host()
        self._before: tuple[str, int, int] | None = None

    def begin(self) -> None:
        """Take the first reading."""
        self._before = self._reading()

    def in_use(self) -> bool:
        """Take the second; what can't be told is not in use: the measurement will look."""
        before, after = self._before, self._reading()
        if before is None or after is None or before[0] != after[0]:
            return False
        took_ns = after[2] - before[2]
        if took_ns <= 0:
            return False
        octets = max(0, after[1] - before[1])
        return octets * BITS_PER_OCTET * NS_PER_S // took_ns > IN_USE_BPS

    def _reading(self) -> tuple[str, int, int] | None:
        for address, family in _TOWARDS:
            name, _ = self._host.way(address, family)
            counts = None if name is None else self._host.counts(name, offset_us=0)
            if name is not None and counts is not None:
                return name, counts.rx_octets + counts.tx_octets, self._clock.monotonic_ns()
        return None
