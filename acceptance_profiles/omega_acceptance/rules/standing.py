"""How a campaign stands: what may be done now, and if nothing, why and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Phase(StrEnum):
    """What can be done with a campaign now."""

    READY = "ready"
    TOO_EARLY = "too_early"
    COMPLETE = "complete"
    VOID = "void"


class Why(StrEnum):
    """Why it is too early for a run, or why no run can complete the campaign any more."""

    GAP = "gap"
    LONG_GAP = "long_gap"
    INTERVAL = "interval"
    DAY_DONE = "day_done"
    DAY_GAP = "day_gap"
    DAY_TOO_SHORT = "day_too_short"
    RUNS_TOO_CLOSE = "runs_too_close"
    DAYS_TOO_CLOSE = "days_too_close"
    DAY_UNFINISHED = "day_unfinished"
    SPAN = "span"
    CONTRACT_CHANGED = "contract_changed"
    NOT_IN_FORCE = "not_in_force"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One attempt: when it started and ended, in us of UTC, and whether it counts."""

    started_unix_us: int
    ended_unix_us: int
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a campaign is: `done` of `needed` runs or cycles.

    `not_before_unix_us` is set when it is too early, `day` where a day is the matter.
    """

    phase: Phase
    done: int
    needed: int
    why: Why | None = None
    not_before_unix_us: int | None = None
    day: date | None = None
