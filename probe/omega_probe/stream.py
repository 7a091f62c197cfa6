"""Driver of a delay stream: one socket, one reader, and a Session-Sender machine.

Theory of operation. `run` sends what the machine says is due, reads what has arrived, and waits for
whichever comes first, until the machine is complete. `select` waits with microseconds where `poll`
only knows milliseconds, and needs no busy loop. T1 is the kernel's time of handing the packet to
the device where it tells one (packet by packet, from the error queue, which is never waited for),
else read immediately before the system call that sends. T4 is the kernel's receive time. So what
the interpreter does in between falls into neither; what it delays is counted (late sends). The
garbage collector rests while a stream runs: its pauses would be taken for late sends.

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
from typing import Final, NamedTuple, Protocol

from omega_core.clock import Clock
from omega_core.evidence import Family
from omega_core.samples import nearest_rank_percentile
from omega_core.sockets.datagrams import ask_for_departures, departures, prepare, receive
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


class _HandedOver(NamedTuple):
    """A packet whose departure the kernel has not told yet."""

    sequence: int
    at_ns: int


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
            self._departs = ask_for_departures(self._socket)
        except BaseException:
            self._socket.close()
            raise
        self._arrivals = ArrivalClock(clock)
        self._pending: dict[int, _HandedOver] = {}
        self._numbered = 0
        self._departed = 0
        self._send_errors_ns: dict[int, int] = {}
        self._arrival_errors_ns: list[int] = []

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    @property
    def timestamps(self) -> str:
        """Where T1 and T4 come from.

        "kernel": both of every packet; "kernel-rx": T4 of every packet, T1 of none; "host": both
        from this program; "mixed": anything else.
        """
        sent, dated = len(self._send_errors_ns), self._arrivals.dated
        departed = self._departed if sent else 0
        match departed, self._arrivals.kernel:
            case left, arrived if left == sent and arrived == dated:
                return "kernel"
            case 0, arrived if arrived == dated:
                return "kernel-rx"
            case 0, 0:
                return "host"
            case _:
                return "mixed"

    @property
    def timestamp_uncertainty_us(self) -> int | None:
        """By how much T1 and T4 together may be wrong on this host's account, p95; None of none."""
        if not self._send_errors_ns or not self._arrival_errors_ns:
            return None
        error_ns = nearest_rank_percentile([*self._send_errors_ns.values()], 95)
        error_ns += nearest_rank_percentile(self._arrival_errors_ns, 95)
        return -(-error_ns // NS_PER_US)

    def ip_octets(self, payload_octets: int) -> int:
        """Return the IP length of a packet of the stream."""
        return _IP_OCTETS[self.family] + _UDP_OCTETS + payload_octets

    def run(
        self,
        machine: StampSender,
        *,
        stop: threading.Event,
        watched: Watched | None = None,
        progress: Callable[[StampSender], None] | None = None,
        all_sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the machine to its end, or stop it early when the event is set.

        `progress` is given the machine now and then, where the next packet is far; `all_sent` is
        called once when only replies are still to come. What `watched.poll` raises ends the stream
        and is raised; the machine is stopped then.
        """
        try:
            with undisturbed():
                self._loop(machine, stop, watched, progress, all_sent)
        finally:
            machine.stop(self._clock.monotonic_ns())

    def _loop(
        self,
        machine: StampSender,
        stop: threading.Event,
        watched: Watched | None,
        progress: Callable[[StampSender], None] | None,
        all_sent: Callable[[], None] | None,
    ) -> None:
        clock = self._clock
        shown_ns = clock.monotonic_ns()
        self._arrivals.found_empty()
        while (wakeup_ns := machine.next_wakeup_ns()) is not None and not stop.is_set():
            now_ns = clock.monotonic_ns()
            if wakeup_ns <= now_ns:
                self._send_due(machine, now_ns)
                if all_sent is not None and machine.has_sent_all:
                    all_sent()
                    all_sent = None
                continue
            left_ns = wakeup_ns - now_ns
            if progress is not None and now_ns - shown_ns > PROGRESS_NS and left_ns > _QUIET_NS:
                shown_ns = now_ns
                progress(machine)
                continue
            self._wait(machine, min(left_ns, SLICE_NS), watched)

    def _send_due(self, machine: StampSender, now_ns: int) -> None:
        clock = self._clock
        data = machine.datagram_to_send(now_ns, clock.unix_us() * NS_PER_US)
        if data is None:
            return
        sequence = machine.sent - 1
        handed_over_ns = clock.monotonic_ns()
        machine.departed(handed_over_ns)
        try:
            self._send(data)
        except OSError as error:
            self.failure = reason_of(error)
            self._number_again()
            return
        self.sent += 1
        self._send_errors_ns[sequence] = clock.monotonic_ns() - handed_over_ns
        if self._departs:
            self._pending[self._numbered] = _HandedOver(sequence, handed_over_ns)
            self._numbered += 1
            self._take_departures(machine)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except ConnectionRefusedError:
            # Left over from an earlier packet (ICMP port unreachable); reading it cleared it.
            self.failure = "refused"
            self._number_again()
            self._socket.send(data)

    def _number_again(self) -> None:
        """Let the kernel's numbers begin at 0 again: nobody knows whether it counted the failure.

        A time of before, on its way still, is too early for the packet that has its number now.
        """
        self._pending.clear()
        self._numbered = 0
        self._departs = self._departs and ask_for_departures(self._socket)

    def _take_departures(self, machine: StampSender) -> None:
        """Put the kernel's times of sending, as far as they are here, in place of ours."""
        for departure in departures(self._socket):
            packet = self._pending.get(departure.number)
            if packet is None:
                continue
            dated = self._arrivals.departure(departure.unix_ns, handed_over_ns=packet.at_ns)
            if dated is None:
                continue
            del self._pending[departure.number]
            machine.departed(dated.at_ns, packet.sequence)
            self._send_errors_ns[packet.sequence] = dated.error_ns
            self._departed += 1

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
        """Hand what is waiting to the machine; a packet's departure before its reply."""
        if self._departs:
            self._take_departures(machine)
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
            arrival = self._arrivals.arrival(datagram)
            self._arrival_errors_ns.append(arrival.error_ns)
            machine.datagram_received(datagram.data, arrival.at_ns)


class _Quiet:
    """How many blocks want the garbage collector to rest: streams run side by side."""

    lock = threading.Lock()
    blocks = 0
    was_enabled = False


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector from running until the last such block ends, in any thread."""
    with _Quiet.lock:
        if not _Quiet.blocks:
            _Quiet.was_enabled = gc.isenabled()
            gc.disable()
        _Quiet.blocks += 1
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.blocks -= 1
            if not _Quiet.blocks and _Quiet.was_enabled:
                gc.enable()
