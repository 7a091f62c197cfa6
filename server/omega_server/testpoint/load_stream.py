"""One UDP load inside a worker: a socket, a thread, and an end by itself.

Theory of operation. Nothing is sent until an authenticated Rate datagram has come from an address
of the grant; the socket is then connected to where it came from, so the kernel keeps everybody else
out. From then on

    down    packets leave as the newest Rate says, never more than the octets of the load
    up      what arrives is counted; Feedback leaves every `FEEDBACK_NS`

until the host says stop, the time or the octets are used up, or nothing authentic has come for
`silence_ns`. Rates are taken by their serial numbers, so a copy of an old one does nothing, not
even count as a sign of life. The thread never waits for longer than `_LOOK_NS`; not in `select`,
which can't wait on one of a busy worker's more than a thousand descriptors.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from omega_core import limits
from omega_core.clock import Clock
from omega_core.load import LoadCounter, LoadCounts, LoadSeries, Pacer
from omega_core.metrics import Direction
from omega_core.sockets.datagrams import SocketAddress
from omega_core.sockets.load_receiving import LoadReceiver
from omega_core.sockets.load_sending import LoadSender, PacedSender
from omega_core.units import NS_PER_MS, NS_PER_S
from omega_core.wire.load import (
    FEEDBACK_OCTETS,
    RATE_OCTETS,
    UDP_IP_OCTETS,
    LoadKeys,
    decode_rate,
    encode_feedback,
)
from omega_server.testpoint.addresses import normalised

LIMIT, TIME, SILENCE, BROKEN = "limit", "time", "silence", "broken"
_LOOK_NS = 10 * NS_PER_MS  # how soon stop is noticed
_POLLED_NS = 2 * NS_PER_MS  # `poll` counts milliseconds; a shorter wait is slept to the end
_READS = 256
_PAUSE_S = 0.000_5  # reading several packets a call costs less, and the kernel keeps their times

_normalised = lru_cache(maxsize=64)(normalised)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What the host wants; `silence_ns` is for how long nothing authentic may come."""

    direction: Direction
    octets_max: int
    duration_ns: int
    silence_ns: int
    ip_octets: int
    addresses: frozenset[str]
    keys: LoadKeys


class LoadStream:
    """One load; its thread begins with `start`."""

    def __init__(self, endpoint: socket.socket, order: LoadOrder, clock: Clock) -> None:
        self.why = ""
        """Why it has ended by itself: limit, time, silence or broken."""
        self._endpoint = endpoint
        self._order = order
        self._now_ns = clock.monotonic_ns
        self._ip_udp = UDP_IP_OCTETS[6 if endpoint.family == socket.AF_INET6 else 4]
        self._counter = LoadCounter()
        self._series = LoadSeries()
        self._receiver = LoadReceiver(
            endpoint,
            order.keys,
            self._counter,
            clock=clock,
            other=self._rate_received,
            allowed=self._is_allowed,
        )
        self._paced = PacedSender(
            LoadSender(
                endpoint, order.keys, payload_octets=order.ip_octets - self._ip_udp, clock=clock
            ),
            Pacer(order.ip_octets),
            packets_max=order.octets_max // order.ip_octets,
        )
        self._serial = self._rates = self._feedbacks = 0
        self._begun_ns: int | None = None
        self._heard_ns = self._made_ns = self._now_ns()
        self._octets_heard = 0
        self._feedback_ns = 0
        self._stopping = threading.Event()
        self._poller = select.poll()
        self._poller.register(endpoint, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to leave; returns at once."""
        self._stopping.set()

    @property
    def alive(self) -> bool:
        """Whether anything may still be sent or counted."""
        return self._thread.is_alive()

    @property
    def moved(self) -> tuple[int, int]:
        """IP octets received and sent so far, of all its datagrams."""
        received = self._receiver.octets + self._rates * (RATE_OCTETS + self._ip_udp)
        feedback = self._feedbacks * (FEEDBACK_OCTETS + self._ip_udp)
        return received, self._paced.sender.packets * self._order.ip_octets + feedback

    def report(self) -> dict[str, Any]:
        """Return the counts of a load that has ended, as JSON values."""
        order, sent = self._order, self._paced.sender.packets
        if order.direction is Direction.UP:
            self._series.add(self._counter.tick())
            counts = self._series.counts()
        else:
            counts = LoadCounts(
                sent_packets=sent,
                sent_octets=sent * order.ip_octets,
                late_sends=self._paced.pacer.late_sends,
            )
        octets_received, octets_sent = self.moved
        return {
            "counts": asdict(counts),
            "octets_received": octets_received,
            "octets_sent": octets_sent,
        }

    def _run(self) -> None:
        self.why = BROKEN
        try:
            self.why = self._serve()
        finally:
            self._endpoint.close()

    def _serve(self) -> str:
        """Serve to the end; return why it has come, nothing when somebody said stop."""
        up = self._order.direction is Direction.UP
        while not self._stopping.is_set():
            now_ns = self._now_ns()
            over = self._over(now_ns)
            if over:
                return over
            if not up:
                self._paced.step(now_ns)
            elif self._begun_ns is not None and now_ns >= self._feedback_ns:
                self._send_feedback(now_ns)
            self._wait(now_ns)
        return ""

    def _over(self, now_ns: int) -> str:
        order = self._order
        if self._begun_ns is None:
            return SILENCE if now_ns - self._made_ns >= limits.LOAD_FIRST_NS else ""
        if self._receiver.octets != self._octets_heard:
            self._octets_heard, self._heard_ns = self._receiver.octets, now_ns
        if now_ns - self._begun_ns >= order.duration_ns + order.silence_ns:
            return TIME
        if now_ns - self._heard_ns >= order.silence_ns:
            return SILENCE
        if order.direction is Direction.DOWN:
            return LIMIT if self._paced.exhausted else ""
        return LIMIT if self._receiver.octets >= order.octets_max else ""

    def _wait(self, now_ns: int) -> None:
        """Wait for a datagram or the next thing to do, and read what has come."""
        until_ns = now_ns + _LOOK_NS
        if self._order.direction is Direction.DOWN:
            until_ns = min(until_ns, self._paced.pacer.wakeup_ns() or until_ns)
        elif self._begun_ns is not None:
            until_ns = min(until_ns, self._feedback_ns)
        left_ns = until_ns - self._now_ns()
        if left_ns >= _POLLED_NS:
            self._poller.poll(left_ns // NS_PER_MS)
        elif left_ns > 0:
            time.sleep(left_ns / NS_PER_S)
        if 1 < self._receiver.drain(_READS) < _READS:
            time.sleep(_PAUSE_S)

    def _send_feedback(self, now_ns: int) -> None:
        self._feedback_ns = max(self._feedback_ns + limits.FEEDBACK_NS, now_ns)
        tick = self._counter.tick()
        self._series.add(tick)
        with suppress(OSError):  # a full queue or no route: lost, as in any network
            self._endpoint.send(encode_feedback(tick, self._order.keys))
            self._feedbacks += 1

    def _is_allowed(self, address: SocketAddress) -> bool:
        return _normalised(address[0]) in self._order.addresses

    def _rate_received(self, data: bytes, address: SocketAddress) -> None:
        decoded = decode_rate(data, self._order.keys)
        if decoded is None or decoded[0] <= self._serial:
            return
        now_ns = self._now_ns()
        if self._begun_ns is None:
            try:
                self._endpoint.connect(address)
            except OSError:  # no route back: not begun, and the next one may find one
                return
            self._begun_ns = self._feedback_ns = now_ns
        self._serial, rate = decoded
        self._rates += 1
        self._heard_ns = now_ns
        self._paced.pacer.order(rate, now_ns)
