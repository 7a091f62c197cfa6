"""When a sending end changes its congestion control: the one rule of probe and test point.

Theory of operation. A run starts with an algorithm that can keep a slow line full, and changes to
another as soon as it has shown that the line is not slow. The sending end decides, at its own
ticks, by the packets that its kernel knows to have been delivered: acknowledged octets come in
lumps when a loss is repaired, and would make a slow line look fast. The change is made once, early
in slow start; flows that join later start with the second algorithm.
"""

from __future__ import annotations

from omega_core.limits import FAST_TICK_OCTETS


class CongestionChange:
    """What one run's senders use; `None` leaves the host's default."""

    def __init__(self, first: str | None, fast: str | None) -> None:
        self.present = first
        """What flows are to use now."""
        self._fast = fast
        self._delivered = 0

    def tick(self, delivered_octets: int) -> bool:
        """Take what all flows have delivered so far; return whether `present` has changed."""
        in_tick = delivered_octets - self._delivered
        self._delivered = delivered_octets
        if in_tick < FAST_TICK_OCTETS or self.present == self._fast:
            return False
        self.present = self._fast
        return True
