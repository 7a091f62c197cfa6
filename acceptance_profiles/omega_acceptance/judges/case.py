"""What a judge is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from omega_acceptance.decision.error_rates import false_fail_each_ppm
from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_acceptance.promise import limit_of
from omega_core.evidence import AttemptKind, Ended, Evidence, Family
from omega_core.goodput import SteadyRun
from omega_core.metrics import MetricValue
from omega_core.units import PPM
from omega_core.verdict import Because, Decision, Mode, Outcome

FINISHED = frozenset({Ended.COMPLETED, Ended.DECIDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One criterion and the facts it is judged by.

    Where the criterion names an IP family, `evidence`, `runs` and `metrics` are of that family
    alone. `runs` are the TCP runs of the evidence with their steady rates. A case of several
    sessions has all that they counted in `evidence`, one after the other, and in `sessions` each by
    itself; a case of one has none there. `grows` says that its stream is still being sent: what is
    decided then stays so when it has ended.
    """

    profile: AcceptanceProfile
    criterion: Criterion
    mode: Mode
    evidence: Evidence
    runs: Sequence[SteadyRun]
    metrics: Mapping[str, MetricValue]
    sessions: tuple[Case, ...] = ()
    grows: bool = False

    @property
    def each_session(self) -> tuple[Case, ...]:
        """The case session by session, in their order."""
        return self.sessions or (self,)

    @property
    def measured(self) -> MetricValue | None:
        """The criterion's own metric; None for what a device would have to tell us."""
        return self.metrics.get(self.criterion.metric)

    @property
    def false_pass_ppm(self) -> int:
        """How likely the criterion may pass on a line that is exactly at the limit."""
        promised_ppm = self.profile.statistics.false_pass_max_ppm
        confidence_ppm = self.criterion.confidence_ppm
        return promised_ppm if confidence_ppm is None else PPM - confidence_ppm

    @property
    def false_fail_ppm(self) -> int:
        """How likely it may fail there: each mandatory criterion has its part of it."""
        mandatory = sum(each.decides_in(self.mode) for each in self.profile.criteria)
        return false_fail_each_ppm(self.profile.statistics.false_fail_max_ppm, mandatory)

    def limit(self, family: Family = 4) -> int:
        """Return the criterion's limit, for a measurement over `family`."""
        return limit_of(self.profile, self.criterion, family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one criterion came to; `value` and `limit` in the criterion's unit.

    `decision` is None where no error probability belongs to the outcome.
    """

    outcome: Outcome
    because: Because
    limit: int
    value: int | None
    samples: int
    samples_needed: int
    decision: Decision | None = None


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
    decision: Decision | None = None,
) -> Finding:
    """Return the inconclusive finding of a case that can't be decided, and why."""
    return Finding(
        outcome=Outcome.INCONCLUSIVE,
        because=because,
        limit=case.limit(family),
        value=value,
        samples=samples,
        samples_needed=case.criterion.n_min if samples_needed is None else samples_needed,
        decision=decision,
    )


def udp_is_blocked(evidence: Evidence) -> bool:
    """Say whether the test point answers, but to no UDP packet: a filter, not a bad line."""
    answered: dict[bool, list[bool]] = {True: [], False: []}
    for attempt in evidence.attempts:
        if attempt.to_test_point:
            answered[attempt.kind is AttemptKind.UDP].append(attempt.answered)
    return bool(answered[True]) and not any(answered[True]) and any(answered[False])
