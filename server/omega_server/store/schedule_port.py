"""What the store promises of schedules; see `omega_server.store.port`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """What agents of a tag measure by themselves; `tag` None is all of them."""

    schedule_id: str
    tag: str | None
    every_s: int
    mode: str
    plan_id: str
    bytes_down: int
    bytes_up: int
    calm_s: int
    said_by: str
    since_unix_us: int
    ended_unix_us: int | None = None
    ended_by: str | None = None


class ScheduleStore(Protocol):
    """Schedules, those in force and those that were ended."""

    def begin(self, schedule: ScheduleRow) -> None:
        """Keep a schedule; raises AlreadyThereError."""
        ...

    def end(self, schedule_id: str, *, by: str, at_unix_us: int) -> ScheduleRow:
        """End a schedule, once, and return it; raises NotThereError."""
        ...

    def schedules(self, *, in_force: bool = False) -> Sequence[ScheduleRow]:
        """Return every schedule, or those that are not ended; oldest first."""
        ...
