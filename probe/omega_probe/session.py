"""The probe's front door: reach the Controller, hold a session, or say what a dead line is like.

    check_control       before a grant is asked for
    load_session        meanwhile, so that `run_session` begins at once
    run_session         every task of a plan, against the test point of a grant
    run_without_grant   the facts of a line on which no grant could be had

None of them raises for what the network does. `omega_probe.session_runner` has the theory of
operation of a session.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from omega_core.clock import Clock
from omega_core.environment import Interface
from omega_core.evidence import Attempt, AttemptKind, Ended, Evidence, Family
from omega_probe.attempts import AttemptFailedError, literal_address, lookup
from omega_probe.control_reach import FAMILIES, check_control
from omega_probe.environment import Host
from omega_probe.events import Emitter
from omega_probe.guide import Guide
from omega_probe.host_watch import HostWatch
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import ControlTarget, MeasurementPlan, TestPointAccess
from omega_probe.session_clock import Moment
from omega_probe.session_result import SessionResult, result_of
from omega_probe.task_book import TaskBook
from omega_probe.waiting import StoppedError, Waiter

__all__ = ["SessionResult", "check_control", "load_session", "run_session", "run_without_grant"]

_TASKS_OF_A_GRANT: Final = (
    "connectivity",
    "idle",
    "goodput_down",
    "goodput_up",
    "capacity_down",
    "capacity_up",
)
_ANYWHERE: Final[dict[Family, str]] = {4: "192.0.2.1", 6: "2001:db8::1"}  # for documentation


def load_session() -> None:
    """Load what `run_session` needs: a fifth of the start, for a time when an answer is awaited."""
    import omega_probe.session_runner  # noqa: F401, PLC0415 - that is what it does


def run_session(
    plan: MeasurementPlan,
    access: TestPointAccess,
    *,
    earlier_attempts: Sequence[Attempt],
    clock: Clock,
    emit: Emitter,
    stop: threading.Event,
    host: Host | None = None,
    guide: Guide | None = None,
) -> SessionResult:
    """Carry out the plan; see the module. Setting `stop` ends it within half a second.

    A `guide` says what need not be measured any more; without one all of the plan is.
    """
    from omega_probe.session_runner import SessionRunner  # noqa: PLC0415 - see `load_session`

    runner = SessionRunner(
        plan,
        access,
        waiter=Waiter(clock, stop),
        emit=emit,
        host=Host() if host is None else host,
        earlier_attempts=earlier_attempts,
        guide=guide,
    )
    return runner.run()


def run_without_grant(
    earlier_attempts: Sequence[Attempt],
    target: ControlTarget,
    *,
    clock: Clock,
    emit: Emitter,
    host: Host | None = None,
) -> SessionResult:
    """Return the facts of a line without a grant: the host, and what could not be reached."""
    host = Host() if host is None else host
    began = Moment.now(clock)
    interface = _interface_towards(target, earlier_attempts, host, clock)
    watch = HostWatch(host, interface, OwnTrafficMeter(), clock, began.monotonic_ns)
    book = TaskBook(clock, began.monotonic_ns, emit)
    watch.begin("control")
    watch.end(None)
    for task in _TASKS_OF_A_GRANT:
        book.skip(task, Ended.NO_GRANT)
    clocks = began.facts_until(Moment.now(clock))
    return result_of(
        evidence=Evidence(tasks=tuple(book.ends), attempts=tuple(earlier_attempts)),
        environment=watch.environment(),
        faults=watch.faults(clocks=clocks),
        clocks=clocks,
    )


def _interface_towards(
    target: ControlTarget, attempts: Sequence[Attempt], host: Host, clock: Clock
) -> Interface | None:
    """Return the interface towards the Controller, or towards anything when it has no address."""
    literal = literal_address(target.host)
    addresses: list[tuple[Family, str]] = [] if literal is None else [literal]
    if any(attempt.kind is AttemptKind.DNS and attempt.answered for attempt in attempts):
        addresses += _resolved(target.host, clock)
    for family, address in (*addresses, *_ANYWHERE.items()):
        interface = host.interface_towards(address, family)
        if interface is not None:
            return interface
    return None


def _resolved(name: str, clock: Clock) -> list[tuple[Family, str]]:
    found: list[tuple[Family, str]] = []
    for family in FAMILIES:
        try:
            found += [(family, address) for address in lookup(name, family, Waiter(clock))]
        except (AttemptFailedError, StoppedError):
            continue
    return found
