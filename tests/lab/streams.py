"""Numbered UDP streams between the two hosts, for checking the lab with its own clock.

Both ends are threads of the test, so one CLOCK_MONOTONIC stamps sending and receiving; the delays
hold the time these threads take to wake as well.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic_ns  # noqa: TID251 - a driver

from lab.host import Host
from lab.wire import widen_send_buffer
from omega_core.units import NS_PER_S

PORT = 8_620
_BUFFER_OCTETS = 4 * 1_024 * 1_024
_POLL_S = 0.02
_IP_AND_UDP = {socket.AF_INET: 28, socket.AF_INET6: 48}


@dataclass(slots=True)
class Stream:
    """One way between two hosts; numbers count from 0 over all calls of `send`."""

    sender: socket.socket
    receiver: socket.socket
    sent_ns: list[int] = field(default_factory=list)
    received: list[tuple[int, int]] = field(default_factory=list)
    """Number and time of each arrival, in order of arrival."""

    def send(self, count: int, *, ip_bytes: int, spacing_ns: int = 0) -> None:
        """Send packets of this IP length, one every `spacing_ns`, by absolute deadlines."""
        payload_octets = ip_bytes - _IP_AND_UDP[self.sender.family]
        start_ns = monotonic_ns()
        for index in range(count):
            wait_ns = start_ns + index * spacing_ns - monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / NS_PER_S)
            number = len(self.sent_ns)
            self.sent_ns.append(monotonic_ns())
            self.sender.send(number.to_bytes(4, "big").ljust(payload_octets, b"\0"))

    def settle(self, quiet_ns: int) -> None:
        """Return once everything has arrived, or nothing has for `quiet_ns`."""
        last = (len(self.received), monotonic_ns())
        while len(self.received) < len(self.sent_ns):
            time.sleep(_POLL_S)
            if len(self.received) != last[0]:
                last = (len(self.received), monotonic_ns())
            elif monotonic_ns() - last[1] > quiet_ns:
                return

    def delays_ns(self) -> dict[int, int]:
        """Return number and one-way delay of what has arrived."""
        return {number: at_ns - self.sent_ns[number] for number, at_ns in self.received}


@contextmanager
def stream(sender: Host, receiver: Host, *, v6: bool = False) -> Iterator[Stream]:
    """Open a one-way stream to UDP port `PORT` of the receiver."""
    family = socket.AF_INET6 if v6 else socket.AF_INET
    with ExitStack() as stack:
        with receiver.entered():
            far = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        with sender.entered():
            near = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        far.bind((receiver.v6 if v6 else receiver.v4, PORT))
        far.settimeout(_POLL_S)
        widen_send_buffer(near)  # a shaper on this host must see the whole burst
        near.connect(far.getsockname()[:2])
        made = Stream(near, far)
        ended = threading.Event()
        listener = threading.Thread(target=_listen, args=(made, ended), daemon=True)
        listener.start()
        try:
            yield made
        finally:
            ended.set()
            listener.join()


def _listen(made: Stream, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            payload = made.receiver.recv(2_048)
        except TimeoutError:
            continue
        made.received.append((int.from_bytes(payload[:4], "big"), monotonic_ns()))
