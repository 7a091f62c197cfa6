"""The flows of one run at the probe's end: sockets with a thread each, started and cut together.

Theory of operation. A flow is added once it has joined; the first one's moment is the epoch of the
counters. `cut` is the end of all of them: the threads leave, the kernel's figures are read for the
last time, and the connections are reset, so that neither end goes on sending into the line.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final

from omega_core.clock import Clock
from omega_core.congestion import CongestionChange
from omega_core.evidence import SenderCounts
from omega_core.limits import BLOCK_OCTETS
from omega_core.metrics import Direction
from omega_core.sockets.flows import Allowance, Flow, ReceivingFlow, SendingFlow
from omega_core.sockets.linux import (
    abort_on_close,
    congestion_control,
    pace,
    wish_congestion_control,
)
from omega_core.sockets.tcp_info import TcpInfo, ip_header_octets, read_tcp_info
from omega_core.units import NS_PER_US
from omega_probe.congestion_wish import CongestionWish
from omega_probe.flow_opening import TrafficWatch

_PAYLOAD_PERCENT: Final = 93  # of IP octets; the rest is headers, and what is sent twice
_LEAVE_S: Final = 1.0  # a thread notices within a twentieth of a second
_SEGMENT_OCTETS_MAX: Final = 65_535


class FlowSet:
    """See the module. `octets_max` is of IP octets in the direction of the run."""

    def __init__(
        self,
        direction: Direction,
        wish: CongestionWish,
        *,
        octets_max: int,
        duration_ns: int,
        pace_bps: int | None,
        clock: Clock,
        traffic: TrafficWatch,
    ) -> None:
        self._direction = direction
        self._congestion = CongestionChange(wish.first, wish.fast)
        self._octets_max = octets_max
        self._pace_bps = pace_bps
        self._clock = clock
        self._traffic = traffic
        self._allowance = Allowance(
            octets_max * _PAYLOAD_PERCENT // 100, duration_ns=duration_ns, clock=clock
        )
        self._flows: list[Flow] = []
        self._started: set[int] = set()
        self._epoch_ns: int | None = None
        self._final: dict[int, TcpInfo] = {}
        self._stopped = False
        self._broken: tuple[int, ...] = ()
        self._ip_header_octets = 0
        self.congestion_control = "unknown"
        """What the sockets of a sending end really use."""

    @property
    def count(self) -> int:
        """How many flows there are."""
        return len(self._flows)

    @property
    def epoch_ns(self) -> int | None:
        """When the first flow joined: the zero of the counters; None before."""
        return self._epoch_ns

    def add(self, number: int, connection: socket.socket, *, start: bool) -> int:
        """Take a flow that has joined; return when that was, in microseconds since the epoch."""
        flow: Flow
        if self._direction is Direction.DOWN:
            flow = ReceivingFlow(connection, number, allowance=self._allowance, clock=self._clock)
        else:
            flow = SendingFlow(
                connection, number, _block(), allowance=self._allowance, clock=self._clock
            )
        joined_ns = flow.latest[0]
        if self._epoch_ns is None:
            self._epoch_ns = joined_ns
            self._ip_header_octets = ip_header_octets(connection)
        self._flows.append(flow)
        self._use_congestion_control([flow])
        if self._pace_bps is not None and self._direction is Direction.UP:
            pace([each.connection for each in self._flows], self._pace_bps)
        if start:
            self._start(flow)
        return self.since_epoch_us(joined_ns)

    def start_all(self) -> None:
        """Start every flow that has not begun."""
        for flow in self._flows:
            if flow.number not in self._started:
                self._start(flow)

    def tick(self) -> None:
        """Change the congestion control of a sending end once the line has shown to be fast."""
        if self._direction is Direction.UP:
            delivered = sum(info.delivered_octets for info in self._read().values())
            if self._congestion.tick(delivered):
                self._use_congestion_control(self._flows)

    def since_epoch_us(self, now_ns: int) -> int:
        """Return a time of this clock in microseconds since the first flow joined."""
        return max(now_ns - (self._epoch_ns or now_ns), 0) // NS_PER_US

    def counters(self) -> Iterator[tuple[int, int, int]]:
        """Yield each flow's number, when its octets last moved since the epoch, and how many."""
        for flow in self._flows:
            at_ns, octets = flow.latest
            yield flow.number, self.since_epoch_us(at_ns), octets

    def broken(self) -> tuple[int, ...]:
        """Return the flows that ended by themselves, before `stop`."""
        return tuple(flow.number for flow in self._flows if flow.failure is not None)

    @property
    def budget_used_up(self) -> bool:
        """Whether the run has moved what it may."""
        if self._allowance.used_up:
            return True
        header = self._ip_header_octets
        infos = self._read().values()
        if self._direction is Direction.DOWN:
            return sum(info.ip_octets_in(header) for info in infos) >= self._octets_max
        return sum(info.ip_octets_out(header) for info in infos) >= self._octets_max

    def stop(self) -> None:
        """Have the threads leave, and wait for them."""
        self._stopped = True
        for flow in self._flows:
            flow.stop()
        for flow in self._flows:
            if flow.number in self._started:
                flow.join(_LEAVE_S)

    def cut(self) -> None:
        """Read the kernel's last figures, and reset the connections."""
        for flow in self._flows:  # each as late as can be: its kernel goes on sending until then
            self._final.update(_infos_of([flow]))
            self._traffic.release(flow.connection)
            abort_on_close(flow.connection)
            flow.connection.close()

    @property
    def held_back(self) -> bool:
        """Whether this end could have sent faster than the octets of the run allowed."""
        return self._direction is Direction.UP and self._allowance.held_back

    def sender_counts(self) -> tuple[SenderCounts, ...]:
        """Return what this end's kernel says of its sending, after `cut`; () of a receiver."""
        if self._direction is Direction.DOWN:
            return ()
        return tuple(info.sender_counts(number) for number, info in sorted(self._final.items()))

    @property
    def segment_octets(self) -> int:
        """Payload of the largest segments so far; 0 of no flow."""
        infos = self._infos()
        if self._direction is Direction.DOWN:
            sizes = [info.rcv_mss for info in infos]
        else:
            sizes = [info.snd_mss for info in infos]
        return min(max(sizes, default=0), _SEGMENT_OCTETS_MAX)

    @property
    def header_octets(self) -> int:
        """IP and TCP header of a segment; 0 of no flow."""
        headers = [info.tcp_header_octets for info in self._infos()]
        return self._ip_header_octets + max(headers) if headers else 0

    def _infos(self) -> Collection[TcpInfo]:
        """Return what the kernel says of each flow, after `cut` what it said last."""
        return (self._final or self._read()).values()

    def _use_congestion_control(self, flows: Sequence[Flow]) -> None:
        name = self._congestion.present
        if self._direction is Direction.UP and name is not None:
            for flow in flows:
                wish_congestion_control(flow.connection, name)
                self.congestion_control = congestion_control(flow.connection)

    def _start(self, flow: Flow) -> None:
        self._started.add(flow.number)
        flow.start()

    def _read(self) -> dict[int, TcpInfo]:
        return _infos_of(self._flows)


def _infos_of(flows: Sequence[Flow]) -> dict[int, TcpInfo]:
    """Return what the kernel says of each flow now, by its number."""
    infos: dict[int, TcpInfo] = {}
    for flow in flows:
        with suppress(OSError):  # the kernel gives it for any TCP socket, a reset one too
            infos[flow.number] = read_tcp_info(flow.connection)
    return infos


@cache
def _block() -> memoryview:
    """Return the random octets that are sent over and over; made at the first upward run."""
    return memoryview(os.urandom(BLOCK_OCTETS))
