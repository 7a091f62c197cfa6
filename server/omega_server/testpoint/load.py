"""How busy this machine is: the share of time its cores were not idle, from /proc/stat."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from omega_core.control import TestPointLoad
from omega_core.units import NS_PER_S, PPM

SUSTAINED_NS: Final = 3 * NS_PER_S

_STAT = Path("/proc/stat")
_IDLE_COLUMNS = (3, 4)  # idle, and idle while the disk works
_COUNTED_COLUMNS = 8  # what follows, guest time, is contained in the first two


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample:
    """How busy the test point is; the fields are those of `TestPointLoad`, at one moment."""

    cpu_busy_ppm: int = 0
    cpu_sustained_ppm: int = 0
    sessions: int = 1
    capacity_bps: int | None = None
    committed_bps: int = 0
    moved_bps: int = 0
    nic_busy_ppm: int | None = None


class SessionLoad:
    """The most there was of everything while one session lasted.

    What kept the processor busy while the session was alone there was itself, and is left out of
    what the session is judged by.
    """

    def __init__(self) -> None:
        self._most = LoadSample()

    def add(self, sample: LoadSample) -> None:
        """Take a sample."""
        most = self._most
        beside_ppm = sample.cpu_sustained_ppm if sample.sessions > 1 else 0
        nic = [each for each in (most.nic_busy_ppm, sample.nic_busy_ppm) if each is not None]
        self._most = LoadSample(
            cpu_busy_ppm=max(most.cpu_busy_ppm, sample.cpu_busy_ppm),
            cpu_sustained_ppm=max(most.cpu_sustained_ppm, beside_ppm),
            sessions=max(most.sessions, sample.sessions),
            capacity_bps=sample.capacity_bps,
            committed_bps=max(most.committed_bps, sample.committed_bps),
            moved_bps=max(most.moved_bps, sample.moved_bps),
            nic_busy_ppm=max(nic, default=None),
        )

    def stated(self) -> TestPointLoad:
        """Return what the observation says of it."""
        most = self._most
        return TestPointLoad(
            cpu_busy_ppm_max=most.cpu_busy_ppm,
            sessions_max=most.sessions,
            cpu_sustained_ppm_max=most.cpu_sustained_ppm,
            capacity_bps=most.capacity_bps,
            committed_bps_max=most.committed_bps,
            moved_bps_max=most.moved_bps,
            nic_busy_ppm_max=most.nic_busy_ppm,
        )


class Sustained:
    """What the processor never fell below over the last `SUSTAINED_NS`."""

    def __init__(self, now_ns: int) -> None:
        self._spans: deque[tuple[int, int]] = deque()
        self._begun_ns = now_ns

    def add(self, busy_ppm: int, *, now_ns: int) -> int:
        """Take a sample of the time since the last; return the least, 0 before there is enough."""
        self._spans.append((now_ns, busy_ppm))
        while self._spans[0][0] <= now_ns - SUSTAINED_NS:
            self._begun_ns, _ = self._spans.popleft()
        if now_ns - self._begun_ns < SUSTAINED_NS:
            return 0
        return min(ppm for _, ppm in self._spans)


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
