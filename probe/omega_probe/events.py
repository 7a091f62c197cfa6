"""What a session says while it runs, for whoever shows progress.

Events are facts of the moment and never needed for the result. A phase starts and ends exactly
once, with any number of progress events between; a task that is never begun only ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from omega_core.evidence import TaskEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A task begins; `expected_us` is how long it takes if nothing goes wrong."""

    task: str
    expected_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProgress:
    """A task goes on; at most one reading, the latest: a rate, or a round trip."""

    task: str
    done_us: int
    expected_us: int
    rate_bps: int | None = None
    rtt_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEnded:
    """A task has ended; `headline` has its foremost metrics by public name, if it has any."""

    end: TaskEnd
    headline: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something worth saying that is no result: a stable code, as in the environment's notes."""

    code: str


Event: TypeAlias = PhaseStarted | PhaseProgress | PhaseEnded | Notice
Emitter: TypeAlias = Callable[[Event], None]


def discard(_event: Event) -> None:
    """Take an event and do nothing: for callers that show no progress."""
