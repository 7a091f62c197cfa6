"""The availability watch beside the daemon's loop: one small thread with the watch's socket.

    leave  <-- renew ----------- thread --- step, select ---> watch
    loop   --- a record, now --> bell

The thread waits for the test point's answers, for the next attempt, and for the bell. Nothing is
watched before the server has given leave once. A disk that does not take what is to be kept stops
no attempt; it is told once, and again after it took something.

A test point has addresses of both families, and a line may lose one of them, or get another network
altogether: while nothing is answered the addresses are tried in turn, each from a new socket.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from omega_agent.availability.leave import Allowed, Leave
from omega_agent.availability.watch import AvailabilityWatch, Place
from omega_core import limits
from omega_core.clock import Clock
from omega_core.errors import StorageError
from omega_core.units import NS_PER_S, NS_PER_US

_LOOK_FOR_LEAVE_S = 1.0
_DISK_AGAIN_S = 30.0


class Watching:
    """The thread's work, and what its host may ask of it."""

    def __init__(
        self,
        leave: Leave,
        open_watch: Callable[[Place], AvailabilityWatch],
        *,
        clock: Clock,
        tell_disk: Callable[[StorageError], None],
    ) -> None:
        """`tell_disk` is called when the disk begins not to take what is to be kept."""
        self._leave = leave
        self._open_watch = open_watch
        self._clock = clock
        self._tell_disk = tell_disk
        self._bell, self._rope = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        )
        self._asked: queue.SimpleQueue[Callable[[str | None], None]] = queue.SimpleQueue()
        self._is_over = threading.Event()
        self._watch: AvailabilityWatch | None = None
        self._allowed: Allowed | None = None
        self._address: str | None = None
        self._turned_ns = 0
        self._was_told: str | None = None

    def report(self, tell: Callable[[str | None], None]) -> None:
        """Have what was seen so far sealed now; the call returns at once.

        `tell` is called in the thread with the digest of the record, or None where there is nothing
        to be told yet, or the disk does not take it.
        """
        self._asked.put(tell)
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
            self._take_place()
        except StorageError as error:
            self._say(error)
            if self._watch is None:
                self._answer(None)
                return _DISK_AGAIN_S
        self._answer(self._watch)
        if self._watch is None:
            return _LOOK_FOR_LEAVE_S
        wake_ns = self._watch.step()
        self._say(self._watch.trouble)
        return max(0.0, (wake_ns - self._clock.monotonic_ns()) / NS_PER_S)

    def _answer(self, watch: AvailabilityWatch | None) -> None:
        """Close the window for those who have asked for it; one record serves all of them."""
        if self._asked.empty():
            return
        digest = None
        if watch is not None:
            try:
                digest = watch.close("requested")
            except StorageError as error:
                self._say(error)
        while not self._asked.empty():
            self._asked.get_nowait()(digest)

    def _take_place(self) -> None:
        """Watch against what the newest grant names; raises StorageError."""
        allowed = self._leave.allowed
        if allowed is None or not allowed.addresses:
            return
        address = self._address_among(allowed.addresses)
        if allowed is self._allowed and address is None:
            return
        if address is None:
            address = self._address or allowed.addresses[0]
        grant = allowed.client.grant
        place = Place(
            test_point=grant.test_point, address=(address, grant.udp_port), client=allowed.client
        )
        if self._watch is None:
            self._watch = self._open_watch(place)
        else:
            self._watch.use(place)
        self._allowed, self._address = allowed, address

    def _address_among(self, addresses: tuple[str, ...]) -> str | None:
        """Return the address to go over to; None where the one in use is to be kept."""
        if self._address not in addresses:
            return addresses[0]
        now_ns = self._clock.monotonic_ns()
        turn_ns = limits.WATCH_TURN_US * NS_PER_US
        silent = self._watch is not None and self._watch.silent_us >= limits.WATCH_TURN_US
        if not silent or now_ns - self._turned_ns < turn_ns:
            return None
        self._turned_ns = now_ns
        return addresses[(addresses.index(self._address) + 1) % len(addresses)]

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
        if trouble is not None and told != self._was_told:
            self._tell_disk(trouble)
        self._was_told = told
