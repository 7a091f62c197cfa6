"""The UDP loads of one session, without sockets and without a clock; a part of `session`.

    probe                  session                     worker
    OpenLoad     ------->  StartLoad         ------->  (its own socket)
                 <-------  LoadReady         <-------  the port
    CloseLoad    ------->  StopLoad          ------->
                 <-------  LoadClosed        <-------  LoadReport

A load ends by itself at its time, when its octets are used up, or when nothing authentic has come
for a while; then the probe is told with Progress, and CloseLoad brings the counts as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omega_core import limits
from omega_core.control import CapacityCounts
from omega_core.metrics import Direction
from omega_core.units import NS_PER_MS
from omega_core.wire.load import LoadKeys
from omega_core.wire.testpoint import LoadClosed, LoadReady, OpenLoad, Progress
from omega_server.testpoint.codes import Code, RefusalError
from omega_server.testpoint.commands import (
    NOTHING_LOADED,
    Command,
    LoadReport,
    Say,
    StartLoad,
    StopLoad,
)
from omega_server.testpoint.grants import CheckedGrant
from omega_server.testpoint.purse import Purse
from omega_server.testpoint.state import Phase


@dataclass(slots=True)
class _Load:
    direction: Direction
    octets_max: int
    stream: int
    ip_octets: int
    phase: Phase = Phase.OPEN
    asked_for: bool = False
    report: LoadReport = NOTHING_LOADED


class Loads:
    """The loads of one session, by their numbers."""

    def __init__(self, grant: CheckedGrant, purses: Mapping[Direction, Purse]) -> None:
        self._grant = grant
        self._purses = purses
        self._loads: dict[int, _Load] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._loads

    @property
    def all_closed(self) -> bool:
        """Whether every report is here."""
        return all(load.phase is Phase.CLOSED for load in self._loads.values())

    def counts(self) -> tuple[CapacityCounts, ...]:
        """Return what the observation says of the loads."""
        return tuple(
            CapacityCounts(
                run=number,
                direction=load.direction,
                ip_octets=load.ip_octets,
                counts=load.report.counts,
            )
            for number, load in sorted(self._loads.items())
        )

    def open(self, asked: OpenLoad, *, stream: int) -> list[Command]:
        """Set octets aside for a load and have it opened; raises RefusalError."""
        if len(self._loads) >= limits.CAPACITY_RUNS_MAX:
            raise RefusalError(Code.LIMIT, "one session can't observe more loads")
        is_open = [load.phase is not Phase.CLOSED for load in self._loads.values()]
        if sum(is_open) >= limits.LOADS_OPEN_MAX:
            raise RefusalError(Code.LIMIT, "one session can't have more loads at a time")
        octets_max = self._purses[asked.direction].for_run(asked.octets_max)
        if not octets_max:
            raise RefusalError(Code.LIMIT, "the grant's bytes are used up")
        self._loads[asked.run] = _Load(asked.direction, octets_max, stream, asked.ip_octets)
        keys = LoadKeys.of(
            self._grant.secret,
            session_id=self._grant.content.session_id,
            run=asked.run,
            stream=stream,
        )
        start = StartLoad(
            run=asked.run,
            direction=asked.direction,
            octets_max=octets_max,
            duration_ns=asked.duration_ms * NS_PER_MS,
            ip_octets=asked.ip_octets,
            addresses=self._grant.addresses,
            keys=keys,
        )
        return [start]

    def opened(self, number: int, udp_port: int | None) -> list[Command]:
        """Take the port of a load's socket; None when there is none to be had."""
        load = self._loads[number]
        if udp_port is None:
            self._settle(load, NOTHING_LOADED)
            refusal = RefusalError(Code.BUSY, "no UDP socket is to be had at this test point")
            return [Say(refusal.message)]
        ready = LoadReady(
            run=number, stream=load.stream, udp_port=udp_port, octets_max=load.octets_max
        )
        return [Say(ready)]

    def close(self, number: int) -> list[Command]:
        """Stop a load and have it reported; raises RefusalError."""
        load = self._loads.get(number)
        if load is None or load.asked_for:
            raise RefusalError(Code.PROTOCOL, f"load {number} is not open")
        load.asked_for = True
        match load.phase:
            case Phase.OPEN:
                load.phase = Phase.CLOSING
                return [StopLoad(number)]
            case Phase.CLOSING:
                return []  # it stopped by itself; its report is on the way
            case Phase.CLOSED:
                return [Say(LoadClosed(run=number, counts=load.report.counts))]

    def stopped(self, number: int, why: str) -> list[Command]:
        """Take that a load has ended by itself."""
        load = self._loads.get(number)
        if load is None or load.phase is not Phase.OPEN:
            return []
        load.phase = Phase.CLOSING
        return [StopLoad(number), Say(Progress(run=number, flows=(), stopped=why))]

    def closed(self, number: int, report: LoadReport) -> list[Command]:
        """Take the report of a load that was to be closed."""
        load = self._loads.get(number)
        if load is None or load.phase is not Phase.CLOSING:
            return []
        self._settle(load, report)
        if not load.asked_for:
            return []
        return [Say(LoadClosed(run=number, counts=report.counts))]

    def close_all(self) -> list[Command]:
        """Stop every load."""
        commands: list[Command] = []
        for number, load in self._loads.items():
            if load.phase is Phase.OPEN:
                load.phase = Phase.CLOSING
                commands.append(StopLoad(number))
        return commands

    def _settle(self, load: _Load, report: LoadReport) -> None:
        """Put back what was not used; either way of a load has datagrams of the other kind."""
        load.phase, load.report = Phase.CLOSED, report
        used = {Direction.DOWN: report.octets_sent, Direction.UP: report.octets_received}
        for direction, purse in self._purses.items():
            set_aside = load.octets_max if direction is load.direction else 0
            purse.settle(set_aside=set_aside, used=used[direction])
