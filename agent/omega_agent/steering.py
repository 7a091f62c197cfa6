"""Steers a standard session by its plan's profile: the guide that the probe asks.

What is answered the judge says (`omega_acceptance.enough`), so the probe stops where the verdict
would come out the same. After the short look the answer of mode quick is told: it decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from omega_acceptance.enough import packets_needed, runs_answered
from omega_acceptance.evaluate import evaluate
from omega_acceptance.profile import AcceptanceProfile
from omega_core.evidence import Evidence
from omega_core.metrics import Direction
from omega_core.verdict import Judgement, Mode
from omega_probe.guide import Found

TellFirst: TypeAlias = Callable[[Judgement], None]
"""Takes the first answer, in mode quick, while the session goes on."""


class Steering:
    """One session's; an `omega_probe.guide.Guide`."""

    def __init__(
        self, profile: AcceptanceProfile, *, until_decided: bool, tell_first: TellFirst
    ) -> None:
        self._profile = profile
        self._until_decided = until_decided
        self._tell_first = tell_first

    def packets_needed(self, evidence: Evidence) -> int:
        """See `Guide.packets_needed`."""
        return packets_needed(self._profile, Mode.STANDARD, evidence)

    def is_answered(self, task: str, evidence: Evidence) -> bool:
        """See `Guide.is_answered`; only TCP runs are held while a question is open."""
        return runs_answered(
            self._profile,
            Mode.STANDARD,
            Direction(task.rpartition("_")[2]),
            evidence,
            until_decided=self._until_decided,
        )

    def looked(self, found: Found) -> None:
        """See `Guide.looked`."""
        self._tell_first(
            evaluate(
                self._profile,
                Mode.QUICK,
                evidence=found.evidence,
                environment=found.environment,
                faults=found.faults,
            )
        )
