"""The real watch on a simulated machine and line: what befalls them is told, and time is moved.

    rig = WatchRig(folder, downs, PlainEnd(), seed=1)
    rig.run_to(3_600 * US_PER_S)
    rig.cut_power(60 * US_PER_S, wakes_in_1970=True)
    rig.finish()

Times are true times: microseconds since the story began, whatever the machine's clocks say. An
answer that nobody acts upon is read with the next attempt, and has the time at which it came, as
from a kernel.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omega_agent.availability.book import Author, WatchBook
from omega_agent.availability.journal import AvailabilityJournal, Closing, Moment, Window
from omega_agent.availability.watch import AvailabilityWatch, Place
from omega_agent.outbox import MemoryOutbox
from omega_core.availability import Gap, SeenOutage
from omega_core.availability_record import AvailabilityRecord
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.errors import StorageError
from omega_core.models import parse_model
from omega_core.sockets.datagrams import TTL_UNKNOWN, Datagram
from omega_core.units import NS_PER_S, NS_PER_US, US_PER_S
from omega_core.wire.standing import is_standing
from omega_probe.availability_tracker import Standing
from support.clock import START_UNIX_US, HandClock
from support.simulated_line import Down
from support.watch_ends import AGENT_KEY, TEST_POINT, FarEnd

_ADDRESS = ("198.51.100.1", 862)
_BOOTED_NS = 5 * NS_PER_S
_IN_1970_US = 3_600 * US_PER_S
_WAKES_LATE_US = 20_000
_AUTHOR = Author(key=AGENT_KEY, agent_id="cpe-1", software="omega test")
_TORN = b'5a5a5a5a {"over":['


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One run of the machine: when it was, and which part of the watch's time line it has.

    `known_us` is how far the journal knew when it ended: what came later is not in any record.
    """

    began_us: int
    ended_us: int
    anchor_us: int
    known_us: int

    def told_us(self, at_us: int) -> int:
        """Return what the watch called a true time."""
        return self.anchor_us + at_us - self.began_us


@dataclass
class Disk:
    """Takes nothing while it is full."""

    is_full: bool = False

    def check(self) -> None:
        if self.is_full:
            raise StorageError("no space left on device")


class DiskJournal(AvailabilityJournal):
    """A journal on such a disk."""

    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path)
        self._disk = disk

    def begin(self, window: Window) -> None:
        self._disk.check()
        super().begin(window)

    def add(self, over: Sequence[SeenOutage | Gap], standing: Standing, moment: Moment) -> None:
        self._disk.check()
        super().add(over, standing, moment)

    def close(self, closing: Closing) -> None:
        self._disk.check()
        super().close(closing)


class DiskOutbox(MemoryOutbox):
    """An outbox on such a disk."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def put(self, record_id: str, content: bytes) -> None:
        self._disk.check()
        super().put(record_id, content)


@dataclass
class TrueLine:
    """When the line carries nothing, and what it lost besides: that is noted as it happens."""

    downs: Sequence[Down]
    round_trip_us: int
    loss: float
    rng: random.Random
    lost_us: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts_us = [start_us for start_us, _ in self.downs]

    def is_down(self, at_us: int) -> bool:
        found = bisect_right(self._starts_us, at_us) - 1
        return found >= 0 and at_us < self.downs[found][1]

    def loses(self, at_us: int) -> bool:
        """Draw whether a packet is lost by chance; half of them on each way."""
        if self.rng.random() >= self.loss / 2:
            return False
        self.lost_us.append(at_us)
        return True


class WatchRig:
    """A machine with a watch on one line."""

    def __init__(
        self,
        folder: Path,
        downs: Sequence[Down],
        far_end: FarEnd,
        *,
        seed: int,
        loss: float = 0.001,
        round_trip_us: int = 23_000,
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a drawn case, not a secret
        self.line = TrueLine(downs, round_trip_us, loss, self._rng)
        self.far_end = far_end
        self.disk = Disk()
        self.has_route = True
        self.at_us = 0
        self.boots: list[Boot] = []
        self.blind: list[tuple[int, int]] = []
        """From when to when nobody looked, or could have."""
        self.clock = HandClock(at_monotonic_ns=_BOOTED_NS)
        self._path = folder / "availability.journal"
        self._outbox = DiskOutbox(self.disk)
        self._began_us = 0
        self._boot_ns = self.clock.boottime_ns()
        self._start()

    def run_to(self, until_us: int) -> None:
        """Let the watch work; it wakes a little late, as on any machine."""
        while self.at_us < until_us:
            wake_ns = self._watch.step()
            wait_us = max(0, wake_ns - self.clock.monotonic_ns()) // NS_PER_US
            next_us = self.at_us + wait_us
            urgent_us = self._way.urgent_us
            if urgent_us is not None and urgent_us < next_us:
                next_us = max(urgent_us, self.at_us)
            late_us = int(self._rng.random() * _WAKES_LATE_US)
            self._pass_us(min(next_us + late_us, until_us) - self.at_us)

    def stop(self, duration_us: int) -> None:
        """Stop the program for so long."""
        self._watch.end()
        self._pass_blindly(duration_us)
        self._start()

    def cut_power(self, duration_us: int, *, wakes_in_1970: bool) -> None:
        """Cut the power, in the middle of a line to the journal."""
        self._note_boot()
        with self._path.open("ab") as journal:
            journal.write(_TORN)
        self._pass_blindly(duration_us)
        unix_us = _IN_1970_US if wakes_in_1970 else START_UNIX_US + self.at_us
        self.clock = HandClock(at_monotonic_ns=_BOOTED_NS, at_unix_ns=unix_us * NS_PER_US)
        self._began_us, self._boot_ns = self.at_us, self.clock.boottime_ns()
        self._start()

    def sleep(self, duration_us: int) -> None:
        """Suspend the machine."""
        self.blind.append((self.at_us, self.at_us + duration_us))
        self.clock.sleep_ns(duration_us * NS_PER_US)
        self.at_us += duration_us

    def stall(self, duration_us: int) -> None:
        """Keep the machine too busy for the watch."""
        self._pass_blindly(duration_us)

    def fill_disk(self, duration_us: int) -> None:
        """Let the disk take nothing for so long; the watch goes on."""
        self.disk.is_full = True
        self.run_to(self.at_us + duration_us)
        self.disk.is_full = False

    def lose_route(self, duration_us: int) -> None:
        """Let no packet leave the machine for so long."""
        self.has_route = False
        self.blind.append((self.at_us, self.at_us + duration_us))
        self.run_to(self.at_us + duration_us)
        self.has_route = True

    def restart_far_end(self) -> None:
        """Let the test point forget its streams: until the next welcome nobody can look."""
        self.far_end.restart()
        self.blind.append((self.at_us, self.at_us))

    def set_clock(self, *, off_by_us: int) -> None:
        """Set the wall clock, so far from the truth.

        Answers on the way are read as they come first: a watch reads within a millisecond, and is
        not to be judged by this rig's reading later.
        """
        while (coming_us := self._way.coming_us) is not None:
            self.run_to(coming_us)
            self._watch.step()
        self.clock.at_unix_ns = (START_UNIX_US + self.at_us + off_by_us) * NS_PER_US

    def report(self) -> None:
        """Ask for a record now, as a server may."""
        self._watch.close("requested")

    def finish(self) -> None:
        """Close the last window: nothing is to be done with the rig after that but to look."""
        self.report()
        self._watch.end()
        self._note_boot()

    def records(self) -> list[tuple[str, AvailabilityRecord]]:
        """Return what waits to be posted, each with its digest, in the order it was kept."""
        keys = {AGENT_KEY.public.kid: AGENT_KEY.public}
        sealed = [parse_envelope(each.content) for each in self._outbox.pending()]
        payloads = [open_sealed(each, PayloadType.AVAILABILITY, keys) for each in sealed]
        return [
            (each.payload_digest, parse_model(AvailabilityRecord, payload))
            for each, payload in zip(sealed, payloads, strict=True)
        ]

    def _start(self) -> None:
        boot_id = f"boot-{self._began_us}"
        self._way = _Way(self)
        self._watch = AvailabilityWatch(
            Place(test_point=TEST_POINT, address=_ADDRESS, client=self.far_end.client()),
            WatchBook(_AUTHOR, DiskJournal(self._path, self.disk), self._outbox),
            clock=self.clock,
            rng=random.Random(1),  # noqa: S311 - draws pauses
            software=_AUTHOR.software,
            open_line=lambda _: self._way,
            boot_id=lambda: boot_id,
        )

    def _note_boot(self) -> None:
        """Note what the journal knows of this run of the machine; without a line it knows none."""
        kept = AvailabilityJournal(self._path).load()
        if kept is None or kept.at.boot_id != f"boot-{self._began_us}":
            return
        boot = Boot(
            began_us=self._began_us,
            ended_us=self.at_us,
            anchor_us=kept.at.at_us - (kept.at.boottime_ns - self._boot_ns) // NS_PER_US,
            known_us=kept.standing.reached_us,
        )
        self.boots.append(boot)

    def _pass_blindly(self, duration_us: int) -> None:
        self.blind.append((self.at_us, self.at_us + duration_us))
        self._pass_us(duration_us)

    def _pass_us(self, duration_us: int) -> None:
        self.clock.pass_ns(duration_us * NS_PER_US)
        self.at_us += duration_us


@dataclass(frozen=True, slots=True)
class _Coming:
    at_us: int
    unix_ns: int
    data: bytes


class _Way:
    """`Line` over the rig's; one each time the program is started."""

    def __init__(self, rig: WatchRig) -> None:
        self._rig = rig
        self._coming: deque[_Coming] = deque()

    @property
    def coming_us(self) -> int | None:
        """When the next answer comes, or came."""
        return self._coming[0].at_us if self._coming else None

    @property
    def urgent_us(self) -> int | None:
        """When something comes that is to be acted upon at once."""
        return next((each.at_us for each in self._coming if is_standing(each.data)), None)

    def fileno(self) -> int:
        return -1

    def send(self, data: bytes) -> bool:
        rig, line, at_us = self._rig, self._rig.line, self._rig.at_us
        if not rig.has_route:
            return False
        if line.is_down(at_us) or line.loses(at_us):
            return True
        answer = rig.far_end.answer(data, at_us)
        back_us = at_us + line.round_trip_us
        if answer is None or line.is_down(back_us) or line.loses(at_us):
            return True
        unix_ns = rig.clock.at_unix_ns + line.round_trip_us * NS_PER_US
        self._coming.append(_Coming(back_us, unix_ns, answer))
        return True

    def receive(self) -> Datagram | None:
        if not self._coming or self._coming[0].at_us > self._rig.at_us:
            return None
        first = self._coming.popleft()
        return Datagram(first.data, _ADDRESS, first.unix_ns, TTL_UNKNOWN, None)

    def leads_elsewhere(self) -> bool:
        return False

    def close(self) -> None:
        self._coming.clear()
