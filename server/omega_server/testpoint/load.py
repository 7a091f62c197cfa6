"""How busy this machine is: the share of time its cores were not idle, from /proc/stat."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from omega_core.units import PPM

_STAT = Path("/proc/stat")
_IDLE_COLUMNS = (3, 4)  # idle, and idle while the disk works
_COUNTED_COLUMNS = 8  # what follows, guest time, is contained in the first two


class LoadMeter:
    """Busy share between one look and the next."""

    def __init__(self) -> None:
        self._before = _read()

    def busy_ppm(self) -> int:
        """Return how busy all cores were since the last call; 0 when no time has passed."""
        before, self._before = self._before, _read()
        return busy_between(before, self._before)


def busy_between(before: tuple[int, int], after: tuple[int, int]) -> int:
    """Return the busy share in ppm between two readings of (idle, all) in ticks."""
    idle, every = after[0] - before[0], after[1] - before[1]
    return max(every - idle, 0) * PPM // every if every > 0 else 0


def parse_stat(text: str) -> tuple[int, int]:
    """Return idle ticks and all ticks, of all cores together; (0, 0) for anything else."""
    for line in text.splitlines():
        name, *columns = line.split()
        if name == "cpu":
            ticks = [int(column) for column in columns[:_COUNTED_COLUMNS]]
            return sum(ticks[column] for column in _IDLE_COLUMNS), sum(ticks)
    return 0, 0


def _read() -> tuple[int, int]:
    with suppress(OSError):
        return parse_stat(_STAT.read_text(encoding="ascii"))
    return 0, 0
