"""Can the Controller be reached: name, TCP, HTTP, over each family that name and host have.

Theory of operation. In each round the name is looked up in both families at once, then each family
that has an address and a route gets a TCP attempt and, when that connects, an HTTP one on the same
connection. Several addresses of a family take turns. A family that the name or the host does not
have is no attempt, only a notice: nobody promised it. If there is a route in no family at all,
that is the finding, and every family of the name says so.

Runs before there is a grant, also on a dead line, and costs a few packets.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from omega_core.clock import Clock
from omega_core.evidence import Attempt, AttemptKind, Ended, Family, TaskEnd
from omega_core.units import NS_PER_MS, NS_PER_US
from omega_probe.attempts import (
    connect,
    has_default_route,
    has_route,
    literal_address,
    lookup,
    timed,
)
from omega_probe.events import Emitter, Notice, PhaseEnded, PhaseProgress, PhaseStarted
from omega_probe.http_attempt import get, tls_context
from omega_probe.plan import ControlTarget
from omega_probe.waiting import StoppedError, Waiter, side_by_side

if TYPE_CHECKING:
    import ssl

TASK: Final = "control"
FAMILIES: Final[tuple[Family, Family]] = (4, 6)
_PAUSE_NS: Final = 100 * NS_PER_MS
_ROUND_EXPECTED_NS: Final = 300 * NS_PER_MS


def check_control(
    target: ControlTarget,
    *,
    attempts: int,
    clock: Clock,
    emit: Emitter,
    stop: threading.Event | None = None,
) -> tuple[Attempt, ...]:
    """Return every attempt on the Controller, in order; what was made so far when stopped."""
    waiter = Waiter(clock, stop or threading.Event())
    started_ns = clock.monotonic_ns()
    expected_us = attempts * _ROUND_EXPECTED_NS // NS_PER_US
    emit(PhaseStarted(task=TASK, expected_us=expected_us))
    made: list[Attempt] = []
    ended = Ended.COMPLETED
    try:
        rounds = _Rounds(target, waiter, emit)
        for number in range(attempts):
            if number:
                waiter.pause(_PAUSE_NS)
            made += rounds.next(number)
            done_us = (clock.monotonic_ns() - started_ns) // NS_PER_US
            emit(PhaseProgress(task=TASK, done_us=done_us, expected_us=expected_us))
    except StoppedError:
        ended = Ended.INTERRUPTED
    duration_us = (clock.monotonic_ns() - started_ns) // NS_PER_US
    end = TaskEnd(task=TASK, ended=ended, started_offset_us=0, duration_us=duration_us)
    emit(PhaseEnded(end=end))
    return tuple(made)


class _Rounds:
    """What is kept from one round to the next: the addresses found, and the notices given."""

    def __init__(self, target: ControlTarget, waiter: Waiter, emit: Emitter) -> None:
        self._target = target
        self._waiter = waiter
        self._emit = emit
        self._noticed: set[str] = set()
        self._context: ssl.SSLContext | None = tls_context() if target.scheme == "https" else None
        literal = literal_address(target.host)
        self._named = literal is None
        self._addresses: dict[Family, tuple[str, ...]] = (
            {} if literal is None else {literal[0]: (literal[1],)}
        )

    def next(self, number: int) -> list[Attempt]:
        """Make one round and return its attempts. Raises StoppedError."""
        made = self._look_up() if self._named else []
        chosen = {
            family: addresses[number % len(addresses)]
            for family, addresses in self._addresses.items()
        }
        port = self._target.port
        reachable = {family for family in chosen if has_route(chosen[family], family)}
        for family in chosen.keys() - reachable if reachable else ():
            self._notice(f"no_route_ipv{family}")
        tasks = [
            partial(self._ask, chosen[family], port, family)
            for family in sorted(reachable or chosen)
        ]
        for answers in side_by_side(tasks):
            made += answers
        return made

    def _look_up(self) -> list[Attempt]:
        """Ask for the name in both families and keep what is found."""
        tasks = [partial(self._look_up_one, family) for family in FAMILIES]
        found = side_by_side(tasks)
        for attempt, addresses in found:
            if attempt.family is not None and addresses:
                self._addresses[attempt.family] = addresses
        return [*self._counted([attempt for attempt, _ in found])]

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
                self._notice(f"no_address_ipv{attempt.family}")
            elif attempt.family is not None and has_default_route(attempt.family):
                yield attempt

    def _ask(self, address: str, port: int, family: Family) -> list[Attempt]:
        waiter = self._waiter
        reach = partial(connect, address, port, family, waiter)
        tcp, connection = timed(waiter.clock, AttemptKind.TCP, family, reach, to_test_point=False)
        if connection is None:
            return [tcp]
        with connection:
            ask = partial(get, connection, self._target, self._context, waiter)
            http, _ = timed(waiter.clock, AttemptKind.HTTP, family, ask, to_test_point=False)
        return [tcp, http]

    def _notice(self, code: str) -> None:
        if code not in self._noticed:
            self._noticed.add(code)
            self._emit(Notice(code=code))


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
