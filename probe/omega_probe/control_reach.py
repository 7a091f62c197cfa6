"""Can the Controller be reached: name, TCP, HTTP, over each family that name and host have.

Theory of operation. A round looks the name up in both families at once; then each family that has
an address and a route gets a TCP attempt and, when that connects, an HTTP one on the same
connection. Several addresses of a family take turns. Rounds begin a tenth of a second apart and
don't wait for each other, so a dead line takes one waiting time and not one for each round.

A family that the name or the host does not have is no attempt, only a notice: nobody promised it.
If there is a route in no family at all, that is the finding, and every family of the name says so.

Runs before there is a grant, also on a dead line, and costs a few packets.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from omega_core.clock import Clock
from omega_core.evidence import Attempt, AttemptKind, Ended, Family
from omega_core.units import NS_PER_MS
from omega_probe.attempts import (
    connect,
    has_default_route,
    has_route,
    literal_address,
    lookup,
    timed,
)
from omega_probe.events import Emitter, Notice
from omega_probe.http_attempt import get, tls_context
from omega_probe.plan import ControlTarget
from omega_probe.task_book import TaskBook
from omega_probe.waiting import StoppedError, Waiter, side_by_side, staggered

if TYPE_CHECKING:
    import ssl

TASK: Final = "control"
FAMILIES: Final[tuple[Family, Family]] = (4, 6)
ROUNDS_APART_NS: Final = 100 * NS_PER_MS


def check_control(
    target: ControlTarget,
    *,
    attempts: int,
    clock: Clock,
    emit: Emitter,
    stop: threading.Event | None = None,
) -> tuple[Attempt, ...]:
    """Return every attempt on the Controller; what was made so far when stopped."""
    waiter = Waiter(clock, stop or threading.Event())
    book = TaskBook(clock, clock.monotonic_ns(), emit)
    book.begin(TASK, expected_ns=attempts * ROUNDS_APART_NS)
    control = _Control(target, waiter)
    rounds = [partial(control.round, number) for number in range(attempts)]
    ended = Ended.COMPLETED
    try:
        staggered(rounds, ROUNDS_APART_NS, waiter)
    except StoppedError:
        ended = Ended.INTERRUPTED
    if ended is Ended.COMPLETED and not control.answered:
        control.notices.add("control_not_reached")
    for code in sorted(control.notices):
        emit(Notice(code=code))
    book.end(ended)
    return tuple(control.made)


class _Control:
    """The Controller as rounds find it; notices gather what is no attempt."""

    def __init__(self, target: ControlTarget, waiter: Waiter) -> None:
        self.made: list[Attempt] = []
        self.notices: set[str] = set()
        self._target = target
        self._waiter = waiter
        self._context: ssl.SSLContext | None = tls_context() if target.scheme == "https" else None
        self._literal = literal_address(target.host)

    @property
    def answered(self) -> bool:
        """Whether the Controller has answered a question."""
        return any(each.answered for each in self.made if each.kind is AttemptKind.HTTP)

    def round(self, number: int) -> None:
        """Make one round; what was made of it stays in `made`. Raises StoppedError."""
        if self._literal is None:
            addresses = self._look_up()
        else:
            addresses = {self._literal[0]: (self._literal[1],)}
        chosen = {family: found[number % len(found)] for family, found in addresses.items()}
        reachable = {family for family in chosen if has_route(chosen[family], family)}
        if reachable:
            self.notices.update(f"no_route_ipv{family}" for family in chosen.keys() - reachable)
        tasks = [
            partial(self._ask, chosen[family], self._target.port, family)
            for family in sorted(reachable or chosen)
        ]
        side_by_side(tasks)

    def _look_up(self) -> dict[Family, tuple[str, ...]]:
        """Ask for the name in both families, and return what it has."""
        found = side_by_side([partial(self._look_up_one, family) for family in FAMILIES])
        self.made += self._counted([attempt for attempt, _ in found])
        return {
            attempt.family: addresses
            for attempt, addresses in found
            if attempt.family is not None and addresses
        }

    def _look_up_one(self, family: Family) -> tuple[Attempt, tuple[str, ...] | None]:
        return timed(
            self._waiter.clock,
            AttemptKind.DNS,
            family,
            partial(lookup, self._target.host, family, self._waiter),
            to_test_point=False,
        )

    def _counted(self, lookups: list[Attempt]) -> Iterator[Attempt]:
        """Leave out a family the name does not have, or the host; one attempt if there is none."""
        if not any(attempt.answered for attempt in lookups):
            yield _of_no_family(lookups)
            return
        for attempt in lookups:
            if attempt.answered:
                yield attempt
            elif attempt.reason == "name_not_found":
                self.notices.add(f"no_address_ipv{attempt.family}")
            elif attempt.family is not None and has_default_route(attempt.family):
                yield attempt

    def _ask(self, address: str, port: int, family: Family) -> None:
        waiter = self._waiter
        reach = partial(connect, address, port, family, waiter)
        tcp, connection = timed(waiter.clock, AttemptKind.TCP, family, reach, to_test_point=False)
        self.made.append(tcp)
        if connection is None:
            return
        with connection:
            ask = partial(get, connection, self._target, self._context, waiter)
            http, _ = timed(waiter.clock, AttemptKind.HTTP, family, ask, to_test_point=False)
        self.made.append(http)


def _of_no_family(lookups: list[Attempt]) -> Attempt:
    """Return the one attempt that stands for a name found in no family.

    "Not found" is an answer of the name's keeper and weaker than no answer: a silent name server
    in one family says more about the line.
    """
    worst = min(lookups, key=lambda attempt: attempt.reason == "name_not_found")
    return Attempt(
        kind=worst.kind,
        family=None,
        to_test_point=worst.to_test_point,
        answered=False,
        elapsed_us=max(attempt.elapsed_us for attempt in lookups),
        reason=worst.reason,
    )
