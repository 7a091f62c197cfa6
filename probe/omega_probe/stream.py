"""Driver of a delay stream: one socket, one reader, and a Session-Sender machine.

Theory of operation. `run` sends what the machine says is due, reads what has arrived, and waits for
whichever comes first, until the machine is complete. `select` waits with microseconds where `poll`
only knows milliseconds, and needs no busy loop. T1 is read immediately before the system call that
sends, T4 is the kernel's receive time, so what the interpreter does in between falls into neither;
what it delays is counted (late sends). The garbage collector rests while a stream runs: its pauses
would be taken for late sends.

The stop event is looked at after each wait, and no wait is longer than a tenth of a second. What
else must be watched meanwhile (the control connection) is handed in and read when it is readable.
"""

from __future__ import annotations

import gc
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from omega_core.clock import Clock
from omega_core.evidence import Family
from omega_core.sockets.datagrams import prepare, receive
from omega_core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from omega_probe.arrival import ArrivalClock
from omega_probe.attempts import SOCKET_FAMILY, reason_of
from omega_probe.round_trip import StampSender
from omega_probe.waiting import SLICE_NS

PROGRESS_NS: Final = 200 * NS_PER_MS
READS_A_WAKEUP_MAX: Final = 64  # a flood of datagrams must not keep the schedule waiting
_QUIET_NS: Final = 5 * NS_PER_MS  # showing progress takes time: only when the next packet is far
_UDP_OCTETS: Final = 8
_IP_OCTETS: Final[dict[Family, int]] = {4: 20, 6: 40}


class Watched(Protocol):
    """Something else to look after while a stream runs."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        ...

    def poll(self) -> object:
        """Take in what has arrived; raises when the stream has no further purpose."""
        ...


class StreamDriver:
    """Runs one machine over one socket; counts what the machine can't see."""

    def __init__(self, address: str, port: int, family: Family, clock: Clock) -> None:
        """Open the socket; raises OSError where there is no route."""
        self.family = family
        self.received = 0
        """Datagrams read, of any kind."""
        self.sent = 0
        """Datagrams that the kernel took."""
        self.host_drops = 0
        """Datagrams that this host received and then dropped, for want of buffer."""
        self.failure: str | None = None
        """Reason code of the last system call that failed, None when all went well."""
        self._clock = clock
        self._socket = socket.socket(SOCKET_FAMILY[family], socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
            prepare(self._socket)
            self._socket.connect((address, port))
        except BaseException:
            self._socket.close()
            raise
        self._arrivals = ArrivalClock(clock)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    @property
    def timestamps(self) -> str:
        """Where T4 comes from: "kernel", "host" (this program) or "mixed"."""
        match self._arrivals.kernel, self._arrivals.dated:
            case kernel, dated if kernel == dated:
                return "kernel"
            case 0, _:
                return "host"
            case _:
                return "mixed"

    def ip_octets(self, payload_octets: int) -> int:
        """Return the IP length of a packet of the stream."""
        return _IP_OCTETS[self.family] + _UDP_OCTETS + payload_octets

    def run(
        self,
        machine: StampSender,
        *,
        stop: threading.Event,
        watched: Watched | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> None:
        """Run the machine to its end, or stop it early when the event is set.

        `progress` is called now and then with the nanoseconds passed and the latest round trip in
        us. What `watched.poll` raises ends the stream and is raised; the machine is stopped then.
        """
        try:
            with undisturbed():
                self._loop(machine, stop, watched, progress)
        finally:
            machine.stop(self._clock.monotonic_ns())

    def _loop(
        self,
        machine: StampSender,
        stop: threading.Event,
        watched: Watched | None,
        progress: Callable[[int, int | None], None] | None,
    ) -> None:
        clock = self._clock
        started_ns = shown_ns = clock.monotonic_ns()
        self._arrivals.found_empty()
        while (wakeup_ns := machine.next_wakeup_ns()) is not None and not stop.is_set():
            now_ns = clock.monotonic_ns()
            if wakeup_ns <= now_ns:
                self._send_due(machine, now_ns)
                continue
            left_ns = wakeup_ns - now_ns
            if progress is not None and now_ns - shown_ns > PROGRESS_NS and left_ns > _QUIET_NS:
                shown_ns = now_ns
                progress(now_ns - started_ns, machine.latest_rtt_us)
                continue
            self._wait(machine, min(left_ns, SLICE_NS), watched)

    def _send_due(self, machine: StampSender, now_ns: int) -> None:
        clock = self._clock
        data = machine.datagram_to_send(now_ns, clock.unix_us() * NS_PER_US)
        if data is None:
            return
        departed_ns = clock.monotonic_ns()
        try:
            self._send(data)
            self.sent += 1
        except OSError as error:
            self.failure = reason_of(error)
        machine.departed(departed_ns)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except ConnectionRefusedError:
            # Left over from an earlier packet (ICMP port unreachable); reading it cleared it.
            self.failure = "refused"
            self._socket.send(data)

    def _wait(self, machine: StampSender, duration_ns: int, watched: Watched | None) -> None:
        readable: list[Watched | socket.socket] = [self._socket]
        if watched is not None:
            readable.append(watched)
        ready, _, _ = select.select(readable, (), (), duration_ns / NS_PER_S)
        if self._socket in ready:
            self._read(machine)
        else:
            self._arrivals.found_empty()
        if watched is not None and watched in ready:
            watched.poll()

    def _read(self, machine: StampSender) -> None:
        """Hand what is waiting to the machine."""
        for _ in range(READS_A_WAKEUP_MAX):
            try:
                datagram = receive(self._socket)
            except BlockingIOError:
                self._arrivals.found_empty()
                return
            except OSError as error:  # ICMP: an answer of a kind, and no reason to stop
                self.failure = reason_of(error)
                continue
            self.received += 1
            self.host_drops = datagram.drops or self.host_drops
            machine.datagram_received(datagram.data, self._arrivals.arrival_ns(datagram))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector from running until the block ends."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
