"""Every task of a session, and how it ended: the book that a record's tasks come from.

Each task that is begun is ended, each that is planned and never begun is skipped; both leave a
TaskEnd, and each TaskEnd is told as an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from omega_core.clock import Clock
from omega_core.evidence import Ended, TaskEnd
from omega_core.units import NS_PER_US
from omega_probe.events import Emitter, PhaseEnded, PhaseProgress, PhaseStarted

DETAIL_MAX: Final = 512


class TaskBook:
    """Writes down beginnings and ends, and emits them."""

    def __init__(self, clock: Clock, started_ns: int, emit: Emitter) -> None:
        self.ends: list[TaskEnd] = []
        self._clock = clock
        self._started_ns = started_ns
        self._emit = emit
        self._task: tuple[str, int, int] | None = None

    def begin(self, task: str, *, expected_ns: int) -> None:
        """Begin a task."""
        expected_us = expected_ns // NS_PER_US
        self._task = (task, self._clock.monotonic_ns(), expected_us)
        self._emit(PhaseStarted(task=task, expected_us=expected_us))

    def progress(self, *, rate_bps: int | None = None, rtt_us: int | None = None) -> None:
        """Tell how far the task has come."""
        if self._task is None:
            return
        task, begun_ns, expected_us = self._task
        done_us = (self._clock.monotonic_ns() - begun_ns) // NS_PER_US
        self._emit(
            PhaseProgress(
                task=task,
                done_us=done_us,
                expected_us=expected_us,
                rate_bps=rate_bps,
                rtt_us=rtt_us,
            )
        )

    def end(
        self, ended: Ended, detail: str = "", headline: Mapping[str, int] | None = None
    ) -> None:
        """End the task that was begun."""
        if self._task is None:
            return
        (task, begun_ns, _), self._task = self._task, None
        duration_us = (self._clock.monotonic_ns() - begun_ns) // NS_PER_US
        self._write(
            TaskEnd(
                task=task,
                ended=ended,
                started_offset_us=(begun_ns - self._started_ns) // NS_PER_US,
                duration_us=duration_us,
                detail=detail[:DETAIL_MAX],
            ),
            headline or {},
        )

    def skip(self, task: str, ended: Ended, detail: str = "") -> None:
        """Write down a task that is never begun."""
        offset_us = (self._clock.monotonic_ns() - self._started_ns) // NS_PER_US
        self._write(
            TaskEnd(
                task=task,
                ended=ended,
                started_offset_us=offset_us,
                duration_us=0,
                detail=detail[:DETAIL_MAX],
            ),
            {},
        )

    def _write(self, end: TaskEnd, headline: Mapping[str, int]) -> None:
        self.ends.append(end)
        self._emit(PhaseEnded(end=end, headline=dict(headline)))
