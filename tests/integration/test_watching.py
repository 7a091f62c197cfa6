"""The daemon's thread that watches: leave is asked for, an address that is dead is turned from."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omega_agent.availability.book import Author, WatchBook
from omega_agent.availability.journal import AvailabilityJournal
from omega_agent.availability.leave import Leave
from omega_agent.availability.watch import AvailabilityWatch, Place
from omega_agent.daemon.watching import Watching
from omega_agent.outbox import MemoryOutbox
from omega_core.availability_record import AvailabilityRecord
from omega_core.clock import SystemClock
from omega_core.envelope import PayloadType, open_sealed, parse_envelope
from omega_core.models import parse_model
from support import builders
from support.grantor import LocalGrantor
from support.real_test_point import RealTestPoint

AGENT_KEY = builders.key_of("agent")
DEAD, ALIVE = "127.0.0.77", "127.0.0.1"
TOLD_S = 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


class Rig:
    """A watching thread towards a real test point, with what it tells."""

    def __init__(self, test_point: RealTestPoint, folder: Path, *addresses: str) -> None:
        self.outbox = MemoryOutbox()
        self.placed: queue.SimpleQueue[Place] = queue.SimpleQueue()
        self._folder = folder
        grantor = LocalGrantor(
            test_point.server_key, test_point.key.public, udp_port=test_point.ports.udp_port
        )
        self._leave = Leave(
            "cpe-1",
            AGENT_KEY,
            test_point.server_key.public,
            folder / "leave.json",
            grantor.connect,
            find=lambda _: addresses,
            clock=SystemClock(),
            rng=random.Random(1),  # noqa: S311 - draws pauses
        )
        self.watching = Watching(
            self._leave, self._open, clock=SystemClock(), tell_disk=lambda _: None
        )

    def _open(self, place: Place) -> AvailabilityWatch:
        self.placed.put(place)
        author = Author(key=AGENT_KEY, agent_id="cpe-1", software="omega test")
        return AvailabilityWatch(
            place,
            WatchBook(author, AvailabilityJournal(self._folder / "journal"), self.outbox),
            clock=SystemClock(),
            rng=random.Random(1),  # noqa: S311 - draws pauses
            software="omega test",
            witness=self._leave,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watching.run)
        thread.start()
        try:
            yield
        finally:
            self.watching.end()
            thread.join(TOLD_S)
            assert not thread.is_alive()

    def reported(self) -> str | None:
        told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.watching.report(told.put)
        return told.get(timeout=TOLD_S)

    def record(self, digest: str) -> AvailabilityRecord:
        waiting = self.outbox.get(digest)
        assert waiting is not None
        keys = {AGENT_KEY.public.kid: AGENT_KEY.public}
        payload = open_sealed(parse_envelope(waiting.content), PayloadType.AVAILABILITY, keys)
        return parse_model(AvailabilityRecord, payload)


def test_it_begins_once_leave_is_given_and_tells_when_asked(tmp_path: Path) -> None:
    with RealTestPoint(tmp_path) as test_point:
        rig = Rig(test_point, tmp_path, ALIVE)
        with rig.running():
            assert rig.placed.get(timeout=TOLD_S).address == (ALIVE, test_point.ports.udp_port)
            digest = None
            while digest is None:
                digest = rig.reported()
            again = rig.reported()
        assert rig.record(digest).watched.attempts.answered >= 1
        if again is not None:
            assert rig.record(again).prev == digest


def test_nothing_is_told_before_anything_is_watched(tmp_path: Path) -> None:
    with RealTestPoint(tmp_path) as test_point:
        rig = Rig(test_point, tmp_path)
        with rig.running():
            assert rig.reported() is None


def test_an_address_that_is_dead_is_turned_from(tmp_path: Path) -> None:
    with RealTestPoint(tmp_path) as test_point:
        rig = Rig(test_point, tmp_path, DEAD, ALIVE)
        with rig.running():
            assert rig.placed.get(timeout=TOLD_S).address[0] == DEAD
            answered = 0
            while not answered:
                digest = rig.reported()
                answered = 0 if digest is None else rig.record(digest).watched.attempts.answered
                threading.Event().wait(1.0)
