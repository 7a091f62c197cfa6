"""One TCP flow of a goodput run, in a thread of its own: the part that moves gigabits.

Theory of operation. The thread makes one system call for up to a mebibyte and then updates one
attribute; the call releases the interpreter, so flows run side by side. A receiver throws the
octets away inside the kernel (`MSG_TRUNC`), so nothing is copied. Whoever owns the flow reads
`latest` at its own ticks; nothing here samples, averages or decides.

When a receiver has read all there was it sleeps for a moment instead of waking for each packet:
acknowledgements are the kernel's and don't wait, and the counter is late by that moment at most. It
sleeps a millisecond on an access line and less where much arrives in one, or the sender would find
its window full: on loopback a millisecond costs half of the rate, and no sleep twice the CPU.

    run thread             flow thread              kernel
    start()       ----->   recv_into(MSG_TRUNC) --> drops what it has received
    latest        <-----   latest = now, octets + n
    stop()        ----->   leaves at the next return; the socket is the owner's to close

An `Allowance` is what the flows of a run may move together. A sender takes its octets before it
sends them, so the sum is never exceeded; a receiver stops when what has come uses it up. They come
free over the time of the run, so a line far faster than was thought is measured up to a rate, all
the time, and not for a moment only.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

from omega_core.clock import Clock, SystemClock
from omega_core.limits import BLOCK_OCTETS
from omega_core.sockets.linux import MSG_TRUNC, keep_little_unsent, set_blocking_timeout

_WAKE_US = 50_000  # how soon a thread notices that it should stop, on a silent path
_FULL_READ_OCTETS = 128 * 1024  # a read this large means that more is waiting: don't sleep
_BURST_OCTETS = 512 * 1024  # this much between two sleeps is gigabits per second: sleep less
_PAUSE_S = 0.001
_PAUSE_SHORT_S = 0.000_2
_SHARES = 32  # twice as many as there are flows
_HEAD_SHARE = 16  # of the octets are free at once, and as many are left at the end of the run
_SHARE_OCTETS_MIN = 16 * 1024
_STACK_OCTETS = 256 * 1024  # of each flow thread: its frames are few

# Nobody reads it: with MSG_TRUNC the kernel only wants to know how much it may drop.
_UNREAD: Final = bytearray(BLOCK_OCTETS)


class Allowance:
    """Octets that the flows of a run may still move, together.

    A sender holds what it took until its call returns, which takes long on a slow line; so one take
    is a small share of what is left, and no flow finds nothing because the others sit on it. With
    `duration_ns` the octets come free evenly over that time, from the first take on.
    """

    def __init__(
        self, octets: int, *, duration_ns: int | None = None, clock: Clock | None = None
    ) -> None:
        self._octets = self._left = octets
        self._duration_ns = duration_ns
        self._now_ns = (clock or SystemClock()).monotonic_ns
        self._since_ns: int | None = None
        self._lock = threading.Lock()
        self.used_up = False
        """Whether a flow has found nothing left to take."""
        self.held_back = False
        """Whether a flow has found nothing to take yet: it could have sent faster."""

    def take(self, wanted: int) -> int:
        """Take up to `wanted` octets; return how many were to be had.

        0 means that none are left (`used_up`), or none yet.
        """
        with self._lock:
            share = max(self._left // _SHARES, _SHARE_OCTETS_MIN)
            taken = min(wanted, share, self._left)
            if taken <= 0:
                self.used_up = True
                return 0
            if self._octets - self._left + taken > self._free():
                self.held_back = True
                return 0
            self._left -= taken
            return taken

    def give_back(self, octets: int) -> None:
        """Return octets that were taken and not moved."""
        with self._lock:
            self._left += octets

    def spend(self, octets: int) -> bool:
        """Count octets that have moved already; return whether more may come."""
        with self._lock:
            self._left -= octets
            self.used_up = self.used_up or self._left <= 0
            return not self.used_up

    def _free(self) -> int:
        """Return how many octets may have been taken by now."""
        if self._duration_ns is None:
            return self._octets
        now_ns = self._now_ns()
        if self._since_ns is None:
            self._since_ns = now_ns
        head = max(self._octets // _HEAD_SHARE, _SHARE_OCTETS_MIN)
        body = max(self._octets - 2 * head, 0)
        return min(head + body * (now_ns - self._since_ns) // self._duration_ns, self._octets)


class Flow:
    """What sending and receiving have in common: a socket, a thread, a counter, an end."""

    def __init__(
        self,
        connection: socket.socket,
        number: int,
        *,
        allowance: Allowance | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.connection = connection
        self.number = number
        self.failure: OSError | None = None
        """What ended the flow before `stop` was called; a reset or an end of file counts."""
        self._now_ns = (clock or SystemClock()).monotonic_ns
        self.latest = (self._now_ns(), 0)
        """When octets last moved, on the monotonic clock, and how many had by then. Written by the
        flow's thread only, in one step, so the two always belong together."""
        self._allowance = allowance
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"flow-{number}", daemon=True)
        set_blocking_timeout(connection, _WAKE_US)

    @property
    def octets(self) -> int:
        """Payload octets so far."""
        return self.latest[1]

    def start(self) -> None:
        """Begin to move octets."""
        previous = threading.stack_size(_STACK_OCTETS)
        try:
            self._thread.start()
        finally:
            threading.stack_size(previous)

    def stop(self) -> None:
        """Ask the thread to leave; returns at once."""
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has left."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether octets may still move."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._move()
        except OSError as error:
            if not self._stopping.is_set():
                self.failure = error

    def _move(self) -> None:
        raise NotImplementedError


class ReceivingFlow(Flow):
    """Counts what arrives and throws it away."""

    def _move(self) -> None:
        receive, stopping = self.connection.recv_into, self._stopping.is_set
        now_ns, allowance = self._now_ns, self._allowance
        octets = burst = 0
        while not stopping():
            try:
                count = receive(_UNREAD, BLOCK_OCTETS, MSG_TRUNC)
            except BlockingIOError:
                continue  # a silent path: look whether to stop, and wait on
            if not count:
                raise ConnectionResetError("the sender closed the flow")
            octets += count
            self.latest = (now_ns(), octets)
            if allowance is not None and not allowance.spend(count):
                return
            burst += count
            if count < _FULL_READ_OCTETS:
                time.sleep(_PAUSE_S if burst < _BURST_OCTETS else _PAUSE_SHORT_S)
                burst = 0


class SendingFlow(Flow):
    """Sends one block over and over until told to stop."""

    def __init__(
        self,
        connection: socket.socket,
        number: int,
        block: memoryview,
        *,
        allowance: Allowance | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(connection, number, allowance=allowance, clock=clock)
        self._block = block
        keep_little_unsent(connection)

    def _move(self) -> None:
        send, stopping, block = self.connection.send, self._stopping.is_set, self._block
        now_ns, allowance = self._now_ns, self._allowance
        whole = len(block)
        octets = 0
        while not stopping():
            may = whole if allowance is None else allowance.take(whole)
            if not may:
                if allowance is None or allowance.used_up:
                    return
                time.sleep(_PAUSE_S)
                continue
            count = 0
            try:
                count = send(block if may == whole else block[:may])
            except BlockingIOError:
                continue
            finally:
                if allowance is not None and count < may:
                    allowance.give_back(may - count)
            octets += count
            self.latest = (now_ns(), octets)
