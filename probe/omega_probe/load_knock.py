"""The first word to an upward load's socket, while the load before it comes to its end.

Upwards no load is sent before the test point's first Feedback, which is a round trip, and behind a
full buffer two. A Rate that orders a pause brings it as well, and moves nothing: told as soon as
the load before has ended, it is answered when that load's counts are there, and the first train can
leave at once. The socket and what has come to it go over to the load with `take`.

The Rates leave from a thread of its own, because the control connection is waited on meanwhile. It
touches nothing but this socket, sleeps between two Rates and is told when to leave.
"""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import NamedTuple

from omega_core.clock import Clock
from omega_core.units import NS_PER_S
from omega_core.wire.load import RATE_OCTETS, LoadKeys
from omega_core.wire.testpoint import LoadReady
from omega_probe.load_telling import RateTeller
from omega_probe.own_traffic import OwnTrafficMeter, of_datagrams


class LoadWay(NamedTuple):
    """What a load is carried over: a socket connected to the test point's, and who tells it."""

    ready: LoadReady
    endpoint: socket.socket
    keys: LoadKeys
    teller: RateTeller


class LoadKnock:
    """Knocks from the moment it is made, until `take` or `give_up`; one of them is called once."""

    def __init__(self, way: LoadWay, clock: Clock) -> None:
        self._way = way
        self._clock = clock
        self._enough = threading.Event()
        way.teller.knock(clock.monotonic_ns())
        self._thread = threading.Thread(target=self._run, name="load-knock", daemon=True)
        self._thread.start()

    def take(self) -> LoadWay:
        """Return what it has knocked with; what came in answer is still to be read."""
        self._enough.set()
        self._thread.join()
        return self._way

    def give_up(self, meter: OwnTrafficMeter) -> None:
        """Close the socket; the test point ends its part when it hears nothing any more."""
        _, endpoint, _, teller = self.take()
        family = 6 if endpoint.family == socket.AF_INET6 else 4
        endpoint.close()
        meter.add(
            of_datagrams(sent=teller.told, received=0, payload_octets=RATE_OCTETS, family=family)
        )

    def _run(self) -> None:
        endpoint, teller = self._way.endpoint, self._way.teller
        left_ns = 0
        while not self._enough.wait(left_ns / NS_PER_S):
            now_ns = self._clock.monotonic_ns()
            if select.select([endpoint], (), (), 0)[0]:
                teller.knock_answered()
            data = teller.datagram(now_ns)
            if data is not None:
                with suppress(OSError):  # a full queue or no route: lost, as in any network
                    endpoint.send(data)
            left_ns = max(teller.wakeup_ns() - now_ns, 0)
