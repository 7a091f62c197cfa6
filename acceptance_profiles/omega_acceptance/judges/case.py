"""What a judge is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_acceptance.promise import limit_of
from omega_core.evidence import AttemptKind, Ended, Evidence, Family
from omega_core.metrics import MetricValue
from omega_core.verdict import Because, Mode, Outcome

FINISHED = frozenset({Ended.COMPLETED, Ended.DECIDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One criterion and the facts it is judged by.

    Where the criterion names an IP family, `evidence` and `metrics` are of that family alone.
    """

    profile: AcceptanceProfile
    criterion: Criterion
    mode: Mode
    evidence: Evidence
    metrics: Mapping[str, MetricValue]

    @property
    def measured(self) -> MetricValue | None:
        """The criterion's own metric; None for what a device would have to tell us."""
        return self.metrics.get(self.criterion.metric)

    def limit(self, family: Family = 4) -> int:
        """Return the criterion's limit, for a measurement over `family`."""
        return limit_of(self.profile, self.criterion, family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one criterion came to; `value` and `limit` in the criterion's unit."""

    outcome: Outcome
    because: Because
    limit: int
    value: int | None
    samples: int
    samples_needed: int


Judge: TypeAlias = Callable[[Case], Finding]


def met_or_not(*, met: bool) -> tuple[Outcome, Because]:
    """Return the outcome of a comparison that the sample was large enough for."""
    return (Outcome.PASS, Because.MET) if met else (Outcome.FAIL, Because.NOT_MET)


def not_judged(
    case: Case,
    because: Because,
    *,
    value: int | None = None,
    samples: int = 0,
    samples_needed: int | None = None,
    family: Family = 4,
) -> Finding:
    """Return the inconclusive finding of a case that can't be decided, and why."""
    return Finding(
        outcome=Outcome.INCONCLUSIVE,
        because=because,
        limit=case.limit(family),
        value=value,
        samples=samples,
        samples_needed=case.criterion.n_min if samples_needed is None else samples_needed,
    )


def udp_is_blocked(evidence: Evidence) -> bool:
    """Say whether the test point answers, but to no UDP packet: a filter, not a bad line."""
    answered: dict[bool, list[bool]] = {True: [], False: []}
    for attempt in evidence.attempts:
        if attempt.to_test_point:
            answered[attempt.kind is AttemptKind.UDP].append(attempt.answered)
    return bool(answered[True]) and not any(answered[True]) and any(answered[False])
