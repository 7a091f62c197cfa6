"""Can the test point be reached: TCP and UDP, over each family the grant names and the host has.

An attempt over TCP is a connection that is made and closed. An attempt over UDP is three packets of
a short STAMP stream, and succeeds when one of them draws a reply within the waiting time (two-way
temporal connectivity, RFC 2678 section 6); all attempts of a family are one stream, so that they
cost one request. These attempts are what `reachable_ppm` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Final

from omega_core.evidence import Attempt, AttemptKind, Ended, Family
from omega_core.units import NS_PER_MS, NS_PER_US
from omega_probe.attempts import connect, has_route, literal_address, timed
from omega_probe.delay_stream import (
    AtTestPoint,
    HeldStream,
    OpenedStream,
    StreamPlan,
    close_late,
    open_stream,
    run_stream,
)
from omega_probe.own_traffic import OwnTrafficMeter
from omega_probe.plan import TestPointAccess
from omega_probe.waiting import Waiter, side_by_side, staggered

PACKETS_AN_ATTEMPT: Final = 3
PERIOD_NS: Final = 10 * NS_PER_MS
ROUNDS_APART_NS: Final = 100 * NS_PER_MS


def reachable_families(access: TestPointAccess) -> tuple[dict[Family, str], tuple[Family, ...]]:
    """Return the address to try in each family, and the families left out for want of a route.

    When there is a route in no family, none is left out: then that is the finding.
    """
    addresses: dict[Family, str] = {}
    for text in access.addresses:
        literal = literal_address(text)
        if literal is not None:
            addresses.setdefault(literal[0], text)
    without = tuple(
        family for family, address in addresses.items() if not has_route(address, family)
    )
    if len(without) == len(addresses):
        return addresses, ()
    kept = {family: address for family, address in addresses.items() if family not in without}
    return kept, without


def tcp_attempts(
    addresses: Mapping[Family, str],
    port: int,
    *,
    rounds: int,
    waiter: Waiter,
    meter: OwnTrafficMeter,
    keep: Callable[[Attempt], None],
) -> None:
    """Make the rounds, every family at once in each, without one waiting for another.

    Each attempt is handed to `keep` as soon as it is made. Raises StoppedError.
    """

    def attempt(address: str, family: Family) -> None:
        keep(_tcp_attempt(address, port, family, waiter, meter))

    tasks = [partial(attempt, address, family) for family, address in addresses.items()]
    staggered([partial(side_by_side, tasks)] * rounds, ROUNDS_APART_NS, waiter)


def udp_attempt_plans(
    addresses: Mapping[Family, str], *, rounds: int, first_stream: int
) -> list[StreamPlan]:
    """Return the streams that `udp_attempts` makes, one of each family."""
    return [
        StreamPlan(
            stream=stream,
            address=address,
            family=family,
            packets=rounds * PACKETS_AN_ATTEMPT,
            period_ns=PERIOD_NS,
            phase_ns=0,
        )
        for stream, (family, address) in enumerate(addresses.items(), start=first_stream)
    ]


def udp_attempts(
    plans: Sequence[StreamPlan], at: AtTestPoint, *, all_sent: Callable[[], None] = lambda: None
) -> tuple[list[Attempt], HeldStream | None]:
    """Make the attempts of every family at once; return also a stream that could not go on.

    `all_sent` is called, in the caller's thread, when only replies are still to come: every
    family's packets leave at the same times.
    """
    ready, cut_short = _open_all(plans, at)
    runs = [partial(run_stream, plan, at, stream, watches=False) for plan, stream in ready[1:]]
    if ready:
        first, stream = ready[0]
        runs.insert(0, partial(run_stream, first, at, stream, all_sent=all_sent))
    made: list[Attempt] = []
    for (plan, _), run in zip(ready, side_by_side(runs), strict=True):
        held = close_late(plan, at, run)  # its report nobody needs
        made += attempts_of(held, plan.family)
        if held.ended is not Ended.COMPLETED:
            cut_short = held
    return made, cut_short


def _open_all(
    plans: Sequence[StreamPlan], at: AtTestPoint
) -> tuple[list[tuple[StreamPlan, OpenedStream]], HeldStream | None]:
    """Open streams until one can't be; return that one as well."""
    opened: list[tuple[StreamPlan, OpenedStream]] = []
    for plan in plans:
        ready = open_stream(plan, at)
        if isinstance(ready, HeldStream):
            return opened, ready
        opened.append((plan, ready))
    return opened, None


def attempts_of(held: HeldStream, family: Family) -> list[Attempt]:
    """Return the attempts that a stream of three packets each stands for; only whole ones."""
    outcome = held.outcome
    if outcome is None:
        return []
    made = []
    for first in range(0, len(outcome.rtt_us) - PACKETS_AN_ATTEMPT + 1, PACKETS_AN_ATTEMPT):
        rtts_us = outcome.rtt_us[first : first + PACKETS_AN_ATTEMPT]
        made.append(_udp_attempt(rtts_us, family, outcome.waiting_time_us, held.failure))
    return made


def _udp_attempt(
    rtts_us: Sequence[int | None], family: Family, waiting_time_us: int, failure: str | None
) -> Attempt:
    period_us = PERIOD_NS // NS_PER_US
    answers_us = [
        position * period_us + rtt_us
        for position, rtt_us in enumerate(rtts_us)
        if rtt_us is not None
    ]
    elapsed_us = min(answers_us, default=waiting_time_us)
    return Attempt(
        kind=AttemptKind.UDP,
        family=family,
        to_test_point=True,
        answered=bool(answers_us),
        elapsed_us=elapsed_us,
        reason=None if answers_us else failure or "timeout",
    )


def _tcp_attempt(
    address: str, port: int, family: Family, waiter: Waiter, meter: OwnTrafficMeter
) -> Attempt:
    reach = partial(connect, address, port, family, waiter)
    attempt, connection = timed(waiter.clock, AttemptKind.TCP, family, reach, to_test_point=True)
    if connection is not None:
        with closing(connection):
            meter.watch(connection, bulk=False)
            meter.release(connection)
    return attempt
