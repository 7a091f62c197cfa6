"""What the fault's zone is told from: one record's facts, and what is known besides.

Only the evidence is needed. Whatever is missing makes fewer findings possible, and none wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from omega_acceptance.decision.availability import Outage
from omega_acceptance.zone.codes import Zone
from omega_core.evidence import Evidence
from omega_core.metrics import Direction, MetricValue
from omega_core.path import FamilyPath, PathFacts
from omega_core.verdict import CriterionOutcome, Fault, Judgement, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The line's birth certificate: the metrics of its last accepted installation record.

    `path` is what that record saw of the path, where it looked: which hops answer at all.
    """

    metrics: Mapping[str, MetricValue]
    path: PathFacts | None = None

    def value(self, metric: str) -> int | None:
        """Return what a metric was then; None where it was not measured."""
        found = self.metrics.get(metric)
        return None if found is None else found.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorView:
    """What other agents of the same sector saw lately: lines that are good, lines that fail."""

    good: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSeen:
    """One record's facts and assessment, with what is known besides.

    `validity` is what spoiled the run, `judgement` the verdict with its criteria. `outages` are
    those that the availability watch kept of the last day. `least_bps` is the contract's minimum
    rate of a direction. `earlier` is the zone that an earlier run of the same ticket found.
    """

    evidence: Evidence
    metrics: Mapping[str, MetricValue]
    validity: tuple[Fault, ...] = ()
    judgement: Judgement | None = None
    baseline: Baseline | None = None
    sector: SectorView | None = None
    outages: tuple[Outage, ...] = ()
    least_bps: Mapping[Direction, int] = field(default_factory=dict)
    earlier: Zone | None = None

    @property
    def families(self) -> tuple[FamilyPath, ...]:
        """The paths that were looked at, IPv4 first."""
        path = self.evidence.path
        return () if path is None else tuple(sorted(path.families, key=lambda each: each.family))

    @property
    def spoiled_by(self) -> frozenset[Fault]:
        """What spoiled the run, by the record or by its judgement."""
        judged = () if self.judgement is None else self.judgement.faults
        return frozenset((*self.validity, *judged))

    def criteria(self, *quantities: str) -> Iterable[CriterionOutcome]:
        """Yield the criteria on metrics that begin with one of these names."""
        outcomes = () if self.judgement is None else self.judgement.outcomes
        return (each for each in outcomes if each.metric.startswith(quantities))

    def failed(self, *quantities: str) -> tuple[CriterionOutcome, ...]:
        """Return the criteria on such metrics that were not met."""
        return tuple(each for each in self.criteria(*quantities) if each.outcome is Outcome.FAIL)
