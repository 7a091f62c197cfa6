"""What steers a session by what it has found: asked seldom, because each answer takes a while.

The probe knows neither plans nor verdicts. Whoever does hands it a guide, which says when a
question is answered, so that a task can end early, or goes on for as long as one is open. A session
without a guide carries out all of its plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from omega_core.environment import Environment
from omega_core.evidence import Evidence
from omega_core.verdict import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a session has found so far, and what spoils it."""

    evidence: Evidence
    environment: Environment
    faults: tuple[Fault, ...]


class Guide(Protocol):
    """Answers from facts alone; raises nothing."""

    def packets_needed(self, evidence: Evidence) -> int:
        """Return how many packets the idle stream needs before its questions may be answered.

        They are, if no more than the evidence has. Asked before the stream begins, and again
        whenever it has that many.
        """
        ...

    def is_answered(self, task: str, evidence: Evidence) -> bool:
        """Say whether a task that is held only while its question is open may be left out."""
        ...

    def looked(self, found: Found) -> None:
        """Take what is known when the first, short look at the line is over."""
        ...
