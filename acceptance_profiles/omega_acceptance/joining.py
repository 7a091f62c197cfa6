"""The evidence of several sessions as that of one long session. Pure.

What each counted comes one after the other, on one clock: a session is moved by how much later it
began than the first, so that windows have their distance from those of the session before. A moved
session's runs get numbers of their own; a working stream goes on naming the run it was beside.

The idle streams stay as they are, each session's beside the others: `omega_acceptance.judges.
packets` reads them one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from omega_core.evidence import CapacityRun, Evidence, GoodputRun, WorkingStream


def joined(sessions: Iterable[tuple[int, Evidence]]) -> Evidence:
    """Return the evidence of sessions in their order, each with when it began, in microseconds."""
    moved: list[Evidence] = []
    first_us, free = None, 0
    for began_us, evidence in sessions:
        first_us = began_us if first_us is None else first_us
        moved.append(_moved(evidence, by_us=max(began_us - first_us, 0), runs=free))
        free = 1 + max((each.run for each in _numbered(moved[-1])), default=free - 1)
    return Evidence(
        tasks=tuple(each for evidence in moved for each in evidence.tasks),
        attempts=tuple(each for evidence in moved for each in evidence.attempts),
        idle=tuple(each for evidence in moved for each in evidence.idle),
        goodput=tuple(each for evidence in moved for each in evidence.goodput),
        capacity=tuple(each for evidence in moved for each in evidence.capacity),
        working=tuple(each for evidence in moved for each in evidence.working),
    )


def _numbered(evidence: Evidence) -> tuple[GoodputRun | CapacityRun | WorkingStream, ...]:
    return (*evidence.goodput, *evidence.capacity, *evidence.working)


def _moved(evidence: Evidence, *, by_us: int, runs: int) -> Evidence:
    """Return a session that began later, whose runs have numbers from `runs` on."""
    return replace(
        evidence,
        tasks=tuple(
            replace(each, started_offset_us=each.started_offset_us + by_us)
            for each in evidence.tasks
        ),
        idle=tuple(
            replace(each, started_offset_us=each.started_offset_us + by_us)
            for each in evidence.idle
        ),
        goodput=tuple(
            replace(each, run=each.run + runs, started_offset_us=each.started_offset_us + by_us)
            for each in evidence.goodput
        ),
        capacity=tuple(
            replace(
                each,
                run=each.run + runs,
                started_offset_us=each.started_offset_us + by_us,
                held_us=each.held_us and (each.held_us[0] + by_us, each.held_us[1] + by_us),
            )
            for each in evidence.capacity
        ),
        working=tuple(_moved_stream(each, by_us=by_us, runs=runs) for each in evidence.working),
    )


def _moved_stream(stream: WorkingStream, *, by_us: int, runs: int) -> WorkingStream:
    epoch_us = stream.run_epoch_offset_us
    return replace(
        stream,
        run=stream.run + runs,
        started_offset_us=stream.started_offset_us + by_us,
        run_epoch_offset_us=None if epoch_us is None else epoch_us + by_us,
    )
