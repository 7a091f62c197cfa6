"""One TCP run inside a worker: its flows, their counters, its octets.

Theory of operation. The worker joins flows, calls `tick` at each tick, and ends the run with `stop`
and, once `stopped`, `report`. The run is over by itself when its octets are used up: the payload is
counted before it is sent (`Allowance`), the headers and what TCP sends again are looked up in
TCP_INFO at each tick. Then the flows are reset at once and `exhausted` says so.

Sockets are always closed with a reset: what still waits in them is of no use to anybody, and the
customer's line would be busy with it in the next measurement.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from omega_core.clock import Clock
from omega_core.congestion import CongestionChange
from omega_core.counters import FlowSeries
from omega_core.metrics import Direction
from omega_core.sockets.flows import Allowance, Flow, ReceivingFlow, SendingFlow
from omega_core.sockets.linux import abort_on_close, congestion_control, pace
from omega_core.sockets.tcp_info import TcpInfo, ip_header_octets, read_tcp_info
from omega_server.testpoint.congestion import choose_congestion_control

_PAYLOAD_PERCENT = 93  # of IP octets, as allowance: headers take 3.5 to 5.5, the rest is resending


class BulkRun:
    """The flows of one run."""

    def __init__(
        self,
        direction: Direction,
        congestion: CongestionChange,
        *,
        octets_max: int,
        duration_ns: int,
        pace_bps: int | None,
        block: memoryview,
        clock: Clock,
    ) -> None:
        self._direction = direction
        self._congestion = congestion
        self._congestion_control: str | None = None
        self._octets_max = octets_max
        self._pace_bps = pace_bps
        self._block = block
        self._clock = clock
        self._allowance = Allowance(
            octets_max * _PAYLOAD_PERCENT // 100, duration_ns=duration_ns, clock=clock
        )
        self._flows: list[Flow] = []
        self._series: list[FlowSeries] = []
        self._headers: dict[int, int] = {}
        self._final: dict[int, TcpInfo] | None = None
        self.moved = (0, 0)
        """IP octets received and sent, as `exhausted` saw them last."""
        self.epoch_ns: int | None = None
        """When the first flow joined."""

    def join(self, connection: socket.socket, number: int, *, joined_ns: int) -> None:
        """Begin to move octets on a connection."""
        if self.epoch_ns is None:
            self.epoch_ns = joined_ns
        if self._final is not None:  # stopped while this one was on its way here
            connection.close()
            return
        try:
            self._headers[number] = ip_header_octets(connection)
        except OSError:  # gone already; its flow will say so
            self._headers[number] = 0
        flow: Flow
        if self._direction is Direction.DOWN:
            flow = SendingFlow(
                connection, number, self._block, allowance=self._allowance, clock=self._clock
            )
        else:
            flow = ReceivingFlow(connection, number, allowance=self._allowance, clock=self._clock)
        self._flows.append(flow)
        self._use_congestion_control([flow])
        if self._pace_bps is not None and self._direction is Direction.DOWN:
            pace([each.connection for each in self._flows], self._pace_bps)
        self._series.append(FlowSeries(number, epoch_ns=self.epoch_ns, joined_ns=joined_ns))
        flow.start()

    def tick(self) -> list[tuple[int, int, int]]:
        """Take the counters now; return flow, microseconds and octets of each receiving flow."""
        if self._direction is Direction.DOWN:
            delivered = sum(info.delivered_octets for info in self._read_infos().values())
            if self._congestion.tick(delivered):
                self._use_congestion_control(self._flows)
            return []
        now_ns = self._clock.monotonic_ns()
        for flow, series in zip(self._flows, self._series, strict=True):
            series.add(*flow.latest, now_ns=now_ns)
        return [(each.flow, each.at_us, each.octets) for each in self._series]

    @property
    def exhausted(self) -> bool:
        """Whether the run has used up what it was granted."""
        received, sent = self.moved = self._ip_octets(self._read_infos())
        if self._allowance.used_up:
            return True
        counted = sent if self._direction is Direction.DOWN else received
        return counted >= self._octets_max

    def stop(self) -> None:
        """Ask every flow to end; returns at once."""
        for flow in self._flows:
            flow.stop()

    @property
    def stopped(self) -> bool:
        """Whether every flow has ended."""
        return not any(flow.alive for flow in self._flows)

    def settle(self) -> None:
        """Take the last counts and reset the connections; call it once `stopped`."""
        if self._final is not None:
            return
        for flow, series in zip(self._flows, self._series, strict=True):
            series.close(*flow.latest)
        self._final = self._read_infos()
        for flow in self._flows:
            abort_on_close(flow.connection)
            flow.connection.close()

    def report(self) -> dict[str, Any]:
        """Return the counts of a settled run, as JSON values."""
        infos = self._final or {}
        received, sent = self._ip_octets(infos)
        flows, senders = [], []
        if self._direction is Direction.UP:
            flows = [asdict(series.counts()) for series in self._series]
        else:
            senders = [asdict(info.sender_counts(number)) for number, info in infos.items()]
        return {
            "flows": flows,
            "senders": senders,
            "congestion_control": self._congestion_control,
            "held_back": self._allowance.held_back,
            "octets_received": received,
            "octets_sent": sent,
        }

    def _use_congestion_control(self, flows: Sequence[Flow]) -> None:
        if self._direction is Direction.DOWN:
            for flow in flows:
                choose_congestion_control(flow.connection, self._congestion.present)
                with suppress(OSError):  # reset already
                    self._congestion_control = congestion_control(flow.connection)

    def _read_infos(self) -> dict[int, TcpInfo]:
        """Read the kernel's figures of every flow; those of a reset connection stay readable."""
        if self._final is not None:
            return self._final
        infos: dict[int, TcpInfo] = {}
        for flow in self._flows:
            try:
                infos[flow.number] = read_tcp_info(flow.connection)
            except OSError:  # not to be had, so not counted; the kernel gives it for any TCP socket
                continue
        return infos

    def _ip_octets(self, infos: dict[int, TcpInfo]) -> tuple[int, int]:
        """Return the IP octets of all flows that came in, and that went out."""
        return (
            sum(info.ip_octets_in(self._headers[number]) for number, info in infos.items()),
            sum(info.ip_octets_out(self._headers[number]) for number, info in infos.items()),
        )
