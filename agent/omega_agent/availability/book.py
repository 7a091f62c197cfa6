"""The windows of a watch on the disk: a journal of the one under way, sealed records of the others.

Theory of operation. What is over is held in memory and written with the next line. A disk that does
not take a line changes nothing: the line is tried again, with what has come since. A window is
closed in three steps, and each of them may be cut off or refused by the disk:

    closing line in the journal  -->  record with the keeper  -->  the journal begins anew

From the first on the record is what it is: it is sealed again from the same facts, octet by octet,
until the keeper has it. What happens meanwhile belongs to the next window, and waits in memory
until that one has its journal. Everything here raises StorageError, and is to be called again then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from omega_agent.availability.journal import (
    AvailabilityJournal,
    Closing,
    Kept,
    Moment,
    Window,
)
from omega_core import limits
from omega_core.availability import Attempts, Gap, SeenOutage
from omega_core.availability_record import AvailabilityRecord
from omega_core.canonical import digest_hex
from omega_core.envelope import PayloadType, seal
from omega_core.keys import SigningKey
from omega_core.models import model_bytes
from omega_core.record import AgentRef
from omega_probe.availability_tracker import Standing, watched


class Keeper(Protocol):
    """Where sealed records go; an `Outbox` is one."""

    def put(self, record_id: str, content: bytes) -> None:
        """Keep a record durably; the same again changes nothing. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who watches: whose key signs the records, and as whom."""

    key: SigningKey
    agent_id: str
    software: str


@dataclass(frozen=True, slots=True)
class _Closed:
    """A window that has its closing line and whose record the keeper may not have yet."""

    digest: str
    envelope: bytes


class WatchBook:
    """The book of one watch. `begin` is called once, where `resumed` is None."""

    def __init__(self, author: Author, journal: AvailabilityJournal, keeper: Keeper) -> None:
        self._author = author
        self._journal = journal
        self._keeper = keeper
        self._over: list[SeenOutage | Gap] = []
        self._unwritten: list[SeenOutage | Gap] = []
        self._closed: _Closed | None = None
        self._window: Window | None = None
        self.resumed: tuple[Standing, Moment] | None = None
        """Where an earlier run of the watch stood, and when it wrote that."""
        kept = journal.load()
        if kept is not None:
            self._take_up(kept)

    @property
    def window(self) -> Window:
        """The window under way."""
        if self._window is None:
            raise AssertionError("the book has not been begun")
        return self._window

    @property
    def events(self) -> int:
        """How many outages and gaps are over in the window under way."""
        return len(self._over)

    @property
    def is_behind(self) -> bool:
        """Whether the disk has not taken yet what is to be kept."""
        return self._closed is not None or bool(self._unwritten)

    def begin(self, window: Window) -> None:
        """Begin the first window of this watch."""
        self._journal.begin(window)
        self._window = window

    def note(self, over: Sequence[SeenOutage | Gap]) -> None:
        """Take what is over: in memory, until the next line is written."""
        self._over += over
        self._unwritten += over

    def write(self, standing: Standing, moment: Moment) -> None:
        """Write what is not written, and where the watch stands."""
        self._hand_over()
        self._journal.add(self._unwritten, standing, moment)
        self._unwritten = []

    def move_to(self, test_point: str) -> None:
        """Name another test point in a window in which nothing has been decided yet."""
        self._window = replace(self.window, test_point=test_point)
        if self._closed is None:  # else it gets its journal when that one has been handed over
            self._journal.begin(self._window)

    def close(self, standing: Standing, moment: Moment, closing: Closing) -> str:
        """End the window; return the digest of its record, which the keeper has then.

        Where StorageError is raised before the closing line is written, nothing has changed: the
        window goes on. Afterwards the next one has begun, and `write` hands the record over.
        """
        self.write(standing, moment)
        self._journal.close(closing)
        self._freeze(
            Kept(window=self.window, standing=standing, over=self._over, at=moment, closing=closing)
        )
        digest = self.window.prev
        self._hand_over()
        if digest is None:
            raise AssertionError("a window that follows another names it")
        return digest

    def _take_up(self, kept: Kept) -> None:
        """Go on where an earlier run was cut off, or stopped."""
        self._window, self._over = kept.window, kept.over
        standing = kept.standing
        if kept.closing is not None:
            self._freeze(kept)
            standing = self.window.standing
        self.resumed = standing, kept.at

    def _freeze(self, kept: Kept) -> None:
        """Seal a window that has its closing line, and let the next one begin in memory."""
        closing = kept.closing
        if closing is None:
            raise AssertionError("a window is sealed when it is closed")
        payload = model_bytes(self._record(kept, closing))
        digest = digest_hex(payload)
        self._closed = _Closed(digest, seal(payload, PayloadType.AVAILABILITY, self._author.key))
        self._window = Window(
            seq=kept.window.seq + 1,
            prev=digest,
            test_point=kept.window.test_point,
            started_us=closing.ended_us,
            standing=replace(kept.standing, attempts=Attempts()),
            at=kept.at,
        )
        self._over, self._unwritten = [], []

    def _hand_over(self) -> None:
        """Give the keeper what is closed, and the window under way its journal."""
        if self._closed is not None:
            self._keeper.put(self._closed.digest, self._closed.envelope)
            self._journal.begin(self.window)
            self._closed = None

    def _record(self, kept: Kept, closing: Closing) -> AvailabilityRecord:
        window = kept.window
        kid = self._author.key.public.kid
        return AvailabilityRecord(
            agent=AgentRef(id=self._author.agent_id, kid=kid, software=closing.software),
            test_point=window.test_point,
            seq=window.seq,
            prev=window.prev,
            closed=closing.closed,
            period_us=limits.WATCH_PERIOD_US,
            waiting_us=limits.WATCH_WAIT_US,
            clock_step_us=closing.clock_step_us,
            watched=watched(tuple(kept.over), kept.standing, window.started_us, closing.ended_us),
        )
