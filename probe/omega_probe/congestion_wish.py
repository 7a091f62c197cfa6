"""Which congestion control a run's senders are asked to use, from what is known of the line.

What is measured is the line and not an algorithm, so the one is wished for that keeps this line
full without spoiling the count. Found on emulated links, 1 to 300 Mbit/s, 4 to 100 ms:

- On a line of 1 or 2 Mbit/s BBR: where the buffer holds a few packets CUBIC leaves such a line idle
  for a tenth of the time and more.
- On a faster one CUBIC. BBR keeps up to two bandwidth-delay products of each flow in flight; of
  several flows they overflow a buffer of one for as long as the run lasts, a fifth of all packets
  is lost, and what has arrived waits so long behind gaps that the reader's count is off by 10 % and
  more.
- Where packets are lost at random CUBIC takes that for congestion, and where the round trip takes
  half a second it does not find the rate within a run: there BBR throughout.

So a run starts with BBR and changes as soon as the line has shown not to be slow, before BBR has
filled a deep buffer (`omega_core.congestion`). A host may not have BBR or may not allow it; what
was really used stands in the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omega_core.units import US_PER_MS

BBR: Final = "bbr"
CUBIC: Final = "cubic"
LONG_RTT_US: Final = 200 * US_PER_MS  # satellites
LOSSY_PPM: Final = 3_000  # one of 250 packets of an idle stream is above it, one of 500 is not


@dataclass(frozen=True, slots=True)
class CongestionWish:
    """What to start with, and what to change to on a line that is not slow."""

    first: str
    fast: str


def wish(*, base_rtt_us: int, idle_loss_ppm: int | None) -> CongestionWish:
    """Return what to ask for. `idle_loss_ppm` is of the quiet line, None where nobody knows."""
    lossy = idle_loss_ppm is not None and idle_loss_ppm >= LOSSY_PPM
    return CongestionWish(BBR, BBR if lossy or base_rtt_us >= LONG_RTT_US else CUBIC)
