"""The availability watch beside the daemon's loop: one small thread with the watch's socket.

    leave  <-- renew ----------- thread --- step, select ---> watch
    loop   --- a record, now --> bell

The thread waits for the test point's answers, for the next attempt, and for the bell. Nothing is
watched before the server has given leave once. A disk that does not take what is to be kept stops
no attempt; it is told once, and again after it took something.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from omega_agent.availability.client import StandingClient
from omega_agent.availability.leave import Leave
from omega_agent.availability.watch import AvailabilityWatch, Place
from omega_core.clock import Clock
from omega_core.errors import StorageError
from omega_core.standing import StandingGrant
from omega_core.units import NS_PER_S

_LOOK_FOR_LEAVE_S = 5.0
_DISK_AGAIN_S = 30.0


class Watching:
    """The thread's work, and what its host may ask of it."""

    def __init__(
        self,
        leave: Leave,
        open_watch: Callable[[Place], AvailabilityWatch],
        *,
        address_of: Callable[[StandingGrant], tuple[str, int] | None],
        clock: Clock,
        tell: Callable[..., None],
    ) -> None:
        """`address_of` finds where a grant's test point is; it may take its time."""
        self._leave = leave
        self._open_watch = open_watch
        self._address_of = address_of
        self._clock = clock
        self._tell = tell
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._is_wanted = threading.Event()
        self._is_over = threading.Event()
        self._watch: AvailabilityWatch | None = None
        self._client: StandingClient | None = None
        self._was_told: str | None = None

    def report(self) -> None:
        """Have what was seen so far sealed now; the call returns at once."""
        self._is_wanted.set()
        self._ring()

    def end(self) -> None:
        """Have the thread end; what is decided is in the journal then."""
        self._is_over.set()
        self._ring()

    def run(self) -> None:
        """Watch until `end`."""
        try:
            while not self._is_over.is_set():
                self._wait(self._once())
        finally:
            if self._watch is not None:
                with suppress(StorageError):
                    self._watch.end()
            self._bell.close()
            self._rope.close()

    def _once(self) -> float:
        """Do what is due; return how many seconds to wait for more."""
        self._leave.renew()
        try:
            watch = self._placed()
            if watch is None:
                return _LOOK_FOR_LEAVE_S
            if self._is_wanted.is_set():
                self._is_wanted.clear()
                watch.close("requested")
        except StorageError as error:
            self._say(error)
            if self._watch is None:
                return _DISK_AGAIN_S
        assert self._watch is not None  # noqa: S101 - what failed left the watch that was there
        wake_ns = self._watch.step()
        self._say(self._watch.trouble)
        return max(0.0, (wake_ns - self._clock.monotonic_ns()) / NS_PER_S)

    def _placed(self) -> AvailabilityWatch | None:
        """Return the watch, against what the newest grant names."""
        client = self._leave.client
        if client is None or client is self._client:
            return self._watch
        address = self._address_of(client.grant)
        if address is None:
            return self._watch
        place = Place(test_point=client.grant.test_point, address=address, client=client)
        if self._watch is None:
            self._watch = self._open_watch(place)
        else:
            self._watch.use(place)
        self._client = client
        return self._watch

    def _wait(self, seconds: float) -> None:
        readers: list[AvailabilityWatch | socket.socket] = [self._bell]
        if self._watch is not None and self._watch.fileno() >= 0:
            readers.append(self._watch)
        ready, _, _ = select.select(readers, [], [], seconds)
        if self._bell in ready:
            with suppress(BlockingIOError):
                while self._bell.recv(64):
                    pass

    def _ring(self) -> None:
        with suppress(OSError):  # a bell that rings already, or nobody there any more
            self._rope.send(b"!")

    def _say(self, trouble: StorageError | None) -> None:
        told = None if trouble is None else str(trouble)
        if told is not None and told != self._was_told:
            self._tell("daemon_disk", why=trouble)
        self._was_told = told
