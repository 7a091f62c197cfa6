"""What spoils a session, from its facts alone (measurement conditions, RFC 7594 section 3).

A fault says nothing about the line. It carries a code only; who can mend it is told by whoever
speaks to people. Known here:

    tunnel         packets to the test point leave by a tunnel: its ends are measured, not the line
    cross_traffic  the interface carried more than the probe's own packets and a small allowance
    flow_failed    a flow of a finished TCP run broke by itself: the rest is no rate of a line
    cpu_limited    the probe was kept from working: it waited for a processor, was stopped by its
                   control group, sent its packets late, or a hypervisor took the time
    host_drops     packets arrived and this host had no room for them: not the line's loss
    clock_step     the wall clock was set, or the machine slept: kernel stamps are of that clock
    path_changed   the route, the address or the carrier changed: two lines in one measurement

A busy processor is no fault: another program may use it while the probe has another, or gives way
at once. What counts is how long the probe had to wait for one, which the scheduler accounts for
each thread. It is judged on the quiet line, where the probe needs a fiftieth of a core. Measured on
two cores: 0.6 to 0.7 % of the time waited, a third of what it ran, idle and with one core busy; 1.4
to 2.5 % and 1.1 to 1.7 times with two other programs, 4 to 6 % and three times with four. Under
load the flows wait for each other and for whoever carries the packets: there it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from omega_core.capacity import own_drops
from omega_core.environment import CpuLoad, Interface, InterfaceCounts, Medium, TrafficCheck
from omega_core.evidence import CapacityRun, Ended, Evidence, GoodputRun, IdleStream
from omega_core.metrics import Direction
from omega_core.units import PPM
from omega_core.verdict import Fault
from omega_probe.session_clock import ClockFacts

PATH_CHANGED: Final = "path_changed"  # the note of whoever looked at the route again

WAITED_PPM_MAX: Final = 10_000  # of the quiet phase, and of that which it ran:
WAITED_OF_RUN_PPM_MAX: Final = 666_000
STEAL_PPM_MAX: Final = 50_000  # by a hypervisor; on shared machines up to 5,000 in a clean run
LATE_SENDS_PPM_MAX: Final = 10_000  # a packet is late by a tenth of its period, 2 ms of 20
LATE_SENDS_LEAST: Final = 5  # fewer are an accident in a short stream
LOAD_DROPS_PPM_MAX: Final = 1_000  # a fifth of what a sub-interval may lose; clean runs drop none
DROPS_OF_LOSS: Final = 10  # drops above a tenth of the loss counted
DROPS_PPM_MAX: Final = 100  # or above this share of the packets
STEP_US_MAX: Final = 500
STEP_PPM_MAX: Final = 100  # of the session: what a clock that is being slewed may drift
SUSPENDED_US_MAX: Final = 1_000
_QUIET: Final = ("precheck", "idle")
_JUDGED_PHASES: Final = (*_QUIET, "goodput_")
_FINISHED: Final = {Ended.COMPLETED, Ended.DECIDED}


class HostFacts(NamedTuple):
    """What was seen of the host over a session, or over what has passed of one."""

    interface: Interface | None = None
    traffic: Sequence[TrafficCheck] = ()
    counts: Sequence[InterfaceCounts] = ()
    cpu: Sequence[CpuLoad] = ()
    notes: Sequence[str] = ()


def faults_of(
    host: HostFacts, evidence: Evidence | None = None, clocks: ClockFacts | None = None
) -> tuple[Fault, ...]:
    """Return what spoiled a session, each cause once, in one order."""
    evidence = evidence or Evidence()
    judged = {
        Fault.TUNNEL: host.interface is not None and host.interface.medium is Medium.TUNNEL,
        Fault.CROSS_TRAFFIC: any(check.exceeded for check in host.traffic),
        Fault.CPU_LIMITED: any(map(_kept_waiting, host.cpu)) or any(map(_late, evidence.idle)),
        Fault.HOST_DROPS: any(map(_dropped, evidence.idle))
        or any(map(_dropped_of_load, evidence.capacity)),
        Fault.CLOCK_STEP: clocks is not None and _stepped(clocks),
        Fault.PATH_CHANGED: PATH_CHANGED in host.notes or _flapped(host.counts),
        Fault.FLOW_FAILED: any(map(_broke, evidence.goodput)),
    }
    return tuple(fault for fault, found in judged.items() if found)


def _kept_waiting(load: CpuLoad) -> bool:
    if not load.phase.startswith(_JUDGED_PHASES):
        return False
    if load.throttled or load.steal_ppm > STEAL_PPM_MAX:
        return True
    may_wait_ppm = max(WAITED_PPM_MAX, (load.ran_ppm or 0) * WAITED_OF_RUN_PPM_MAX // PPM)
    return load.phase in _QUIET and (load.waited_ppm or 0) > may_wait_ppm


def _late(stream: IdleStream) -> bool:
    most = max(LATE_SENDS_LEAST, len(stream.rtt_us) * LATE_SENDS_PPM_MAX // PPM)
    return stream.late_sends > most


def _dropped(stream: IdleStream) -> bool:
    lost = sum(rtt_us is None for rtt_us in stream.rtt_us)
    drops, packets = stream.host_drops, len(stream.rtt_us)
    return drops * DROPS_OF_LOSS > lost or drops * PPM > packets * DROPS_PPM_MAX


def _dropped_of_load(run: CapacityRun) -> bool:
    """Say whether this host, as receiver of a load, dropped what would count as the line's loss."""
    if run.direction is not Direction.DOWN:
        return False
    dropped, sent = own_drops(run)
    return dropped * PPM > sent * LOAD_DROPS_PPM_MAX


def _stepped(clocks: ClockFacts) -> bool:
    drift_us = clocks.duration_us * STEP_PPM_MAX // PPM
    stepped = abs(clocks.step_us) > STEP_US_MAX + drift_us
    return stepped or clocks.suspended_us > SUSPENDED_US_MAX


def _flapped(counts: Sequence[InterfaceCounts]) -> bool:
    """Say whether the carrier went or came back between two readings."""
    changes = {each.carrier_changes for each in counts if each.carrier_changes is not None}
    return len(changes) > 1


def _broke(run: GoodputRun) -> bool:
    """Say whether a flow broke; in a run that was cut short it is no matter: that has no rate."""
    return run.failed_flows > 0 and run.ended in _FINISHED
