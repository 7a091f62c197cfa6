"""The host over a session, phase by phase: counters at every boundary, other traffic, processors.

    begin(phase) ... mark() ... the task ... end(allowance)

A phase that is begun is ended before the next one begins. With `mark` the phase's traffic is
weighed as it stood at the last mark: when flows are cut, what was on its way to them still arrives
and no connection counts it any more. That tail is the probe's cost all the same. Without an
interface, or on loopback, where other programs talk to each other and no line is involved, traffic
is not judged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from omega_core.clock import Clock
from omega_core.environment import (
    CpuLoad,
    Environment,
    Interface,
    InterfaceCounts,
    Medium,
    TrafficCheck,
)
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.units import BITS_PER_OCTET, NS_PER_US, US_PER_S
from omega_core.verdict import Fault
from omega_probe.environment import Host, link_header_octets
from omega_probe.faults import HostFacts, faults_of
from omega_probe.own_traffic import NOTHING, OwnTrafficMeter
from omega_probe.proc import CpuTimes, OwnShare, cpu_load, with_own_share
from omega_probe.session_clock import ClockFacts
from omega_probe.validity import (
    Allowance,
    Carried,
    OwnTraffic,
    Span,
    traffic_check,
)

MARK_US: Final = 500_000  # a reading takes a millisecond of processor time
NOTES_MAX: Final = 32
COUNTS_MAX: Final = 256
PHASES_MAX: Final = 64


class _Reading(NamedTuple):
    phase: str
    offset_us: int
    counts: InterfaceCounts | None
    own: OwnTraffic
    cpu: CpuTimes
    share: OwnShare


class HostWatch:
    """Keeps what the environment of a record says."""

    def __init__(
        self,
        host: Host,
        interface: Interface | None,
        meter: OwnTrafficMeter,
        clock: Clock,
        started_ns: int,
    ) -> None:
        self.interface = interface
        self._host = host
        self._meter = meter
        self._clock = clock
        self._started_ns = started_ns
        self.tail = NOTHING
        """What arrived between the last mark of the phase that ended last and its end, and was no
        open connection's: for flows that had been cut."""
        self._begun: _Reading | None = None
        self._marked: _Reading | None = None
        self._counts: list[InterfaceCounts] = []
        self._traffic: list[TrafficCheck] = []
        self._cpu: list[CpuLoad] = []
        self._notes: list[str] = []

    @property
    def judges_traffic(self) -> bool:
        """Whether traffic on the interface can be somebody else's on the line."""
        return self.interface is not None and self.interface.medium is not Medium.LOOPBACK

    def mtu_octets(self) -> int | None:
        """Return the interface's MTU; None where it is not known."""
        return None if self.interface is None else self.interface.mtu_bytes

    def own_bps(self, direction: Direction) -> int:
        """Return the IP-layer rate of the phase under way, the probe's own traffic alone."""
        own, duration_us = self.so_far()
        octets = own.rx.ip_octets if direction is Direction.DOWN else own.tx.ip_octets
        return octets * BITS_PER_OCTET * US_PER_S // duration_us if duration_us > 0 else 0

    def unknown(self) -> tuple[str, ...]:
        """Return what can't be known of this host, as the codes of notes."""
        interface = self.interface
        if interface is None:
            return ("no_route",)
        if not self.judges_traffic:
            return ("loopback_no_line",)
        rate = ("link_rate_unknown",) if interface.link_rate_bps is None else ()
        return (*rate, "duplex_unknown") if interface.duplex is None else rate

    def faults(
        self, evidence: Evidence | None = None, clocks: ClockFacts | None = None
    ) -> tuple[Fault, ...]:
        """Return what has spoiled the session so far."""
        seen = HostFacts(self.interface, self._traffic, self._counts, self._cpu, self._notes)
        return faults_of(seen, evidence, clocks)

    def begin(self, phase: str) -> None:
        """Take the reading before a phase; its traffic counts from here."""
        self._begun = self._read(phase)
        self._marked = None
        self._keep(self._begun.counts)

    def account_from_now(self) -> None:
        """Let what the scheduler does to the probe's threads count from now on, in this phase.

        Threads of the phase before have ended by now, and have taken their accounts with them.
        """
        if self._begun is not None:
            share = self._host.own_share(self._clock.monotonic_ns())
            self._begun = self._begun._replace(share=share)

    def mark(self) -> None:
        """Take a reading within the phase, at most each `MARK_US`; the last counts as its end."""
        if self._begun is None:
            return
        if self._marked is None or self._offset_us() - self._marked.offset_us >= MARK_US:
            self._marked = self._read(self._begun.phase)

    def so_far(self) -> tuple[OwnTraffic, int]:
        """Return what the probe itself carried from the phase's beginning to its last mark.

        The other number is how many microseconds that was.
        """
        begun, marked = self._begun, self._marked
        if begun is None or marked is None:
            return NOTHING, 0
        return marked.own - begun.own, marked.offset_us - begun.offset_us

    def end(self, allowance: Allowance | None) -> TrafficCheck | None:
        """Take the reading after the phase, and weigh what passed; None where nothing counts."""
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        after = self._read(begun.phase)
        self._keep(after.counts)
        weighed = self._marked or after
        load = cpu_load(begun.phase, begun.cpu, after.cpu)
        if load is not None and len(self._cpu) < PHASES_MAX:
            # At the last mark all threads were there; those of flows are gone by now.
            self._cpu.append(with_own_share(load, begun.share, weighed.share))
        self.tail = self._tail(weighed, after)
        if begun.counts is None or weighed.counts is None or self.interface is None:
            return None
        check = traffic_check(
            Span(
                phase=begun.phase,
                before=begun.counts,
                after=weighed.counts,
                own=weighed.own - begun.own,
            ),
            link_header_octets=link_header_octets(self.interface),
            allowance=allowance if self.judges_traffic else None,
        )
        if len(self._traffic) < PHASES_MAX:
            self._traffic.append(check)
        return check

    def _tail(self, weighed: _Reading, after: _Reading) -> OwnTraffic:
        if not self.judges_traffic or weighed.counts is None or after.counts is None:
            return NOTHING
        packets = max(0, after.counts.rx_packets - weighed.counts.rx_packets)
        link_octets = max(0, after.counts.rx_octets - weighed.counts.rx_octets)
        headers = packets * (link_header_octets(self.interface) if self.interface else 0)
        known = (after.own - weighed.own).rx.ip_octets
        return OwnTraffic(rx=Carried(max(0, link_octets - headers - known), 0, packets))

    def note(self, code: str) -> bool:
        """Keep a note with the environment; return whether it is new."""
        new = code not in self._notes and len(self._notes) < NOTES_MAX
        if new:
            self._notes.append(code)
        return new

    def environment(self) -> Environment:
        """Return everything as the record has it."""
        return replace(
            self._host.environment(self.interface),
            counts=tuple(self._counts),
            traffic=tuple(self._traffic),
            cpu=tuple(self._cpu),
            notes=tuple(self._notes),
        )

    def _read(self, phase: str) -> _Reading:
        """Read own traffic and the interface's counters as close together as can be."""
        cpu = self._host.cpu()
        offset_us = self._offset_us()
        own = self._meter.reading()
        counts = None
        if self.interface is not None:
            counts = self._host.counts(self.interface.name, offset_us=offset_us)
        share = self._host.own_share(self._clock.monotonic_ns())
        return _Reading(phase, offset_us, counts, own, cpu, share)

    def _offset_us(self) -> int:
        return (self._clock.monotonic_ns() - self._started_ns) // NS_PER_US

    def _keep(self, counts: InterfaceCounts | None) -> None:
        if counts is not None and len(self._counts) < COUNTS_MAX:
            self._counts.append(counts)
