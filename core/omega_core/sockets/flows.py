"""One TCP flow of a goodput run, in a thread of its own: the part that moves gigabits.

Theory of operation. The thread makes one system call for up to a mebibyte and then updates one
attribute; the call releases the interpreter, so flows run side by side. A receiver throws the
octets away inside the kernel (`MSG_TRUNC`), so nothing is copied. Whoever owns the flow reads
`octets` at its own ticks; nothing here samples, averages or decides.

When little arrives at a time the receiver sleeps a millisecond between calls instead of waking for
each packet: acknowledgements are the kernel's and don't wait, and the counter is late by that
millisecond at most.

    run thread             flow thread              kernel
    start()       ----->   recv_into(MSG_TRUNC) --> drops what it has received
    octets        <-----   octets += n
    stop()        ----->   leaves at the next return; the socket is the owner's to close
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

from omega_core.limits import BLOCK_OCTETS
from omega_core.sockets.linux import MSG_TRUNC, set_blocking_timeout

_WAKE_US = 100_000  # how soon a thread notices that it should stop, on a silent path
_FULL_READ_OCTETS = 128 * 1024  # a read this large means that more is waiting: don't sleep
_PAUSE_S = 0.001
_STACK_OCTETS = 256 * 1024  # of each flow thread: its frames are few

# Nobody reads it: with MSG_TRUNC the kernel only wants to know how much it may drop.
_UNREAD: Final = bytearray(BLOCK_OCTETS)


class Flow:
    """What sending and receiving have in common: a socket, a thread, a counter, an end."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.connection = connection
        self.number = number
        self.octets = 0
        """Payload octets so far; written by the flow's thread only."""
        self.failure: OSError | None = None
        """What ended the flow before `stop` was called; a reset or an end of file counts."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"flow-{number}", daemon=True)
        set_blocking_timeout(connection, _WAKE_US)

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
        while not stopping():
            try:
                count = receive(_UNREAD, BLOCK_OCTETS, MSG_TRUNC)
            except BlockingIOError:
                continue  # a silent path: look whether to stop, and wait on
            if not count:
                raise ConnectionResetError("the sender closed the flow")
            self.octets += count
            if count < _FULL_READ_OCTETS:
                time.sleep(_PAUSE_S)


class SendingFlow(Flow):
    """Sends one block over and over until told to stop."""

    def __init__(self, connection: socket.socket, number: int, block: memoryview) -> None:
        super().__init__(connection, number)
        self._block = block

    def _move(self) -> None:
        send, stopping, block = self.connection.send, self._stopping.is_set, self._block
        while not stopping():
            try:
                self.octets += send(block)
            except BlockingIOError:
                continue
