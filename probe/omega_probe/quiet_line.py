"""The delay streams on the quiet line of one session.

    one stream     the idle stream, which is judged; it begins with the last attempt
    two streams    a short look first, where fixed rates come before the idle stream

The stream that is judged is held last and stands first in the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from omega_core.evidence import Attempt, Evidence, IdleStream
from omega_probe.guide import Guide
from omega_probe.idle_task import FIRST_STREAM, SECOND_STREAM, IdleTask
from omega_probe.plan import MeasurementPlan
from omega_probe.until_known import UntilKnown

IDLE = "idle"
LOOK = "idle_look"


class QuietLine:
    """Has the tasks of one session; `streams` is what was measured, in the evidence's order."""

    def __init__(
        self, plan: MeasurementPlan, *, key: bytes | None, started_ns: int, guide: Guide | None
    ) -> None:
        self.streams: list[IdleStream] = []
        self.attempts: Sequence[Attempt] = ()
        """What was tried before the idle stream, once that is known."""
        self.until_known = None if guide is None else UntilKnown(partial(self._needed, guide))
        """What ends the idle stream once the guide knows enough."""

        def task(stream: int, duration_ns: int) -> IdleTask:
            return IdleTask(
                plan,
                stream=stream,
                duration_ns=duration_ns,
                streams=self.streams,
                key=key,
                started_ns=started_ns,
            )

        self.look: IdleTask | None = None
        """The short look; None where no load is held before the idle stream."""
        if plan.loads_before_idle:
            self.look = task(FIRST_STREAM, plan.idle_look_ns)
        number = FIRST_STREAM if self.look is None else SECOND_STREAM
        self.idle = task(number, plan.idle_duration_ns)

    @property
    def first(self) -> IdleTask:
        """The task that is held first, and may begin early."""
        return self.look or self.idle

    @property
    def name_of_first(self) -> str:
        """What that task is called."""
        return IDLE if self.look is None else LOOK

    def _needed(self, guide: Guide, stream: IdleStream | None) -> int:
        idle = () if stream is None else (stream,)
        return guide.packets_needed(Evidence(attempts=tuple(self.attempts), idle=idle))
