"""What the lab really did: counters of a direction, and the story of each watched packet.

The pump writes packets down as rows of eight integers, which is quick to append and to hand over;
only the reader turns them into `PacketTruth`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from lab.frames import Numbered
from lab.link import Fate

LOG_ROWS_MAX = 1_000_000  # 64 MB in the pump: 5.5 hours of a 50 packets/s stream
_COLUMNS = 8
_FATES = (Fate.DELIVERED, Fate.LOST, Fate.DROPPED, Fate.CUT, Fate.SWALLOWED)
_FATE_CODES = {fate: code for code, fate in enumerate(_FATES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTruth:
    """The story of one watched packet; times are CLOCK_MONOTONIC.

    `arrived_ns` is the kernel's time of the host's sending. `due_ns` is when the queue model
    let it out, `departed_ns` when it was really handed to the other host; both are None
    unless `fate` is DELIVERED.
    """

    source_port: int
    destination_port: int
    sequence: int
    ip_bytes: int
    arrived_ns: int
    due_ns: int | None
    departed_ns: int | None
    fate: Fate

    @property
    def delay_ns(self) -> int | None:
        """How long the link really kept it; None if it never came out."""
        return None if self.departed_ns is None else self.departed_ns - self.arrived_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionTruth:
    """Everything a direction has counted since the link came up, read at `read_ns`.

    `frames_held` are still inside. The second block is about the lab and not the link:
    `overruns` found the receive ring full, `refused` were due but the receiving host's kernel
    had no room, `unfinished` were not plain frames, `unlogged` did not fit the packet log;
    all four are 0 in a run that proves something. `frames_late` left more than half a
    millisecond after their time, `late_ns_max` is the worst of them, `cpu_ns` is the CPU time
    that the pump has used.
    """

    read_ns: int
    frames_in: int
    bytes_in: int
    frames_lost: int
    frames_dropped: int
    frames_cut: int
    frames_swallowed: int
    frames_delivered: int
    bytes_delivered: int
    frames_held: int

    overruns: int
    refused: int
    unfinished: int
    unlogged: int
    frames_late: int
    late_ns_max: int
    cpu_ns: int

    packets: tuple[PacketTruth, ...] = ()

    def is_sound(self) -> bool:
        """Say whether the link did what its model said, so that the figures prove something."""
        return not (self.overruns or self.refused or self.unfinished or self.unlogged)


class PacketLog:
    """Collects watched packets in the pump."""

    def __init__(self) -> None:
        self.ports: frozenset[int] = frozenset()
        self.unlogged = 0
        self._rows = array("q")

    def note(
        self,
        packet: Numbered,
        fate: Fate,
        *,
        ip_bytes: int,
        arrived_ns: int,
        due_ns: int = 0,
        departed_ns: int = 0,
    ) -> None:
        """Append a packet whose fate is known; the last two times count only if it came out."""
        if len(self._rows) >= LOG_ROWS_MAX * _COLUMNS:
            self.unlogged += 1
            return
        code = _FATE_CODES[fate]
        self._rows.extend((*packet, ip_bytes, arrived_ns, due_ns, departed_ns, code))

    def take(self) -> bytes:
        """Return all rows and forget them."""
        rows, self._rows = self._rows, array("q")
        return rows.tobytes()


def read_rows(raw: bytes) -> Iterator[PacketTruth]:
    """Yield the packets that `PacketLog.take` wrote, in the order in which their fate fell."""
    rows = array("q")
    rows.frombytes(raw)
    for start in range(0, len(rows), _COLUMNS):
        yield _packet(*rows[start : start + _COLUMNS])


def _packet(  # noqa: PLR0917 - the columns of a row, in their order
    source_port: int,
    destination_port: int,
    sequence: int,
    ip_bytes: int,
    arrived_ns: int,
    due_ns: int,
    departed_ns: int,
    code: int,
) -> PacketTruth:
    came_out = _FATES[code] is Fate.DELIVERED
    return PacketTruth(
        source_port=source_port,
        destination_port=destination_port,
        sequence=sequence,
        ip_bytes=ip_bytes,
        arrived_ns=arrived_ns,
        due_ns=due_ns if came_out else None,
        departed_ns=departed_ns if came_out else None,
        fate=_FATES[code],
    )
