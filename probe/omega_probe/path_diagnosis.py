"""The way from this host to the test point and beyond, looked at from every side at once.

    diagnose_path(targets, clock=..., emit=...) -> PathFacts

Theory of operation. Both families, every name server and the portal check run side by side, a
thread each, and everything inside a family does too (`omega_probe.path_family`). So the whole takes
as long as its longest part: the trace to the test point, five and a half seconds of rounds and the
wait for the last answers. All share one budget of packets and one deadline; what is not done by
then is told as it is. Nothing raises for what the network does, nor for what the host forbids:
that is a reason among the facts.

What it costs: some 300 packets of 60 octets a family with references, and 30 large ones for the
MTU; under a quarter of a megabit a second, so that a line of one megabit carries it beside a call.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from omega_core.clock import Clock
from omega_core.environment import Interface
from omega_core.evidence import Ended
from omega_core.facts import Family
from omega_core.path import (
    FamilyPath,
    NameServer,
    NameServerSource,
    NotObserved,
    PathFacts,
    PortalCheck,
    Unobserved,
)
from omega_core.units import NS_PER_US
from omega_probe.attempts import literal_address
from omega_probe.environment import Host
from omega_probe.events import Emitter, discard
from omega_probe.path_attachment import ANYWHERE, carrier, signal_dbm
from omega_probe.path_family import FamilyDiagnosis
from omega_probe.path_flow import PathBudget, Spending
from omega_probe.path_names import ask_server, configured_servers
from omega_probe.path_plan import PathTargets, targets_of
from omega_probe.path_portal import check_portal
from omega_probe.task_book import TaskBook
from omega_probe.waiting import StoppedError, Waiter, side_by_side

__all__ = ["TASK", "PathBudget", "PathTargets", "diagnose_path"]

TASK: Final = "path"
FAMILIES: Final[tuple[Family, Family]] = (4, 6)
_TOKEN_OCTETS: Final = 4
_IDS: Final = 1 << 16
_DOT: Final = "."  # the root: every server knows it, and nobody's name is told


def diagnose_path(
    targets: PathTargets,
    budget: PathBudget | None = None,
    *,
    clock: Clock,
    emit: Emitter = discard,
    stop: threading.Event | None = None,
    started_ns: int | None = None,
    host: Host | None = None,
    root: Path | None = None,
) -> PathFacts:
    """Return the facts of the path; what there is of them when stopped.

    `started_ns` is the zero of the session that this is part of, on the clock's monotonic time;
    by default now. Files of the host are read under `root`.
    """
    now_ns = clock.monotonic_ns()
    zero_ns = now_ns if started_ns is None else started_ns
    waiter = Waiter(clock, stop)
    book = TaskBook(clock, zero_ns, emit)
    budget = PathBudget() if budget is None else budget
    book.begin(TASK, expected_ns=budget.total_ns)
    diagnosis = _Diagnosis(
        targets,
        host=Host(root=root) if host is None else host,
        root=Path("/") if root is None else root,
        zero_ns=zero_ns,
        waiter=waiter,
        spending=Spending(budget, now_ns),
    )
    facts = diagnosis.run()
    book.end(Ended.INTERRUPTED if waiter.stop.is_set() else Ended.COMPLETED)
    return facts


class _Diagnosis:
    """The parts of a diagnosis, and what they found so far."""

    def __init__(
        self,
        targets: PathTargets,
        *,
        host: Host,
        root: Path,
        zero_ns: int,
        waiter: Waiter,
        spending: Spending,
    ) -> None:
        self._targets = targets
        self._host = host
        self._root = root
        self._zero_ns = zero_ns
        self._began_ns = waiter.clock.monotonic_ns()
        self._waiter = waiter
        self._spending = spending
        self._token = secrets.token_bytes(_TOKEN_OCTETS)
        self._families: list[FamilyPath] = []
        self._names: dict[int, NameServer] = {}
        self._portal: PortalCheck | Unobserved = Unobserved(not_observed=NotObserved.INTERRUPTED)

    def run(self) -> PathFacts:
        """Run every part to its end."""
        interface = self._interface()
        tasks: list[Callable[[], None]] = [
            partial(self._look_at, family, interface) for family in FAMILIES
        ]
        tasks += [*self._name_tasks(), self._check_portal]
        side_by_side(tasks)
        now_ns = self._waiter.clock.monotonic_ns()
        name = None if interface is None else interface.name
        missing = Unobserved(not_observed=NotObserved.NO_ROUTE)
        return PathFacts(
            started_offset_us=(self._began_ns - self._zero_ns) // NS_PER_US,
            duration_us=(now_ns - self._began_ns) // NS_PER_US,
            packets_sent=self._spending.packets_sent,
            interface=missing if interface is None else interface,
            carrier=None if name is None else carrier(name),
            signal_dbm=None if name is None else signal_dbm(self._root, name),
            families=tuple(sorted(self._families, key=lambda path: path.family)),
            names=tuple(self._names[index] for index in sorted(self._names)),
            portal=self._portal,
        )

    def _interface(self) -> Interface | None:
        """Return the interface towards the test point, else the one of a default route."""
        for family in FAMILIES:
            target = targets_of(self._targets, family).test_point
            for address in (target, ANYWHERE[family]):
                found = address and self._host.interface_towards(address, family)
                if found:
                    return found
        return None

    def _look_at(self, family: Family, interface: Interface | None) -> None:
        diagnosis = FamilyDiagnosis(
            targets_of(self._targets, family),
            interface=interface,
            token=self._token,
            started_ns=self._zero_ns,
            waiter=self._waiter,
            spending=self._spending,
        )
        self._families.append(diagnosis.run())

    def _name_tasks(self) -> list[Callable[[], None]]:
        servers = [(each, NameServerSource.HOST) for each in configured_servers(self._root)]
        own = {address for address, _ in servers}
        servers += [
            (each, NameServerSource.INSTRUCTION)
            for each in self._targets.name_servers
            if each not in own
        ]
        return [partial(self._ask, index, *server) for index, server in enumerate(servers)]

    def _ask(self, index: int, address: str, known_from: NameServerSource) -> None:
        literal = literal_address(address)
        if literal is None:
            return
        name = self._targets.name or _DOT
        number = secrets.randbelow(_IDS)
        try:
            self._names[index] = ask_server(
                literal[1], literal[0], name, known_from, number=number, waiter=self._waiter
            )
        except StoppedError:
            return

    def _check_portal(self) -> None:
        try:
            self._portal = check_portal(
                self._targets.control, self._waiter, self._spending.deadline_ns
            )
        except StoppedError:
            return
