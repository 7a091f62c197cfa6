"""What `locate` answers: frozen facts made of codes and whole numbers, so that anyone can tell it.

`Candidate` is what one look comes to before the walk has weighed them; it is never told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from omega_acceptance.zone.codes import (
    Advice,
    Condition,
    Confidence,
    Criticality,
    FactCode,
    NextStep,
    Point,
    Reason,
    Scope,
    Symptom,
    Zone,
)
from omega_core.facts import AddressText, Count, Fact, Family, Length, Name
from omega_core.limits import ZONE_FACTS_MAX
from omega_core.metrics import Direction

RULE_ID: Final = "omega-zone"
RULE_VERSION: Final = 1

WRONG_PPM_MAX: Final = {
    Confidence.CERTAIN: 10_000,
    Confidence.LIKELY: 50_000,
    Confidence.PRESUMED: 250_000,
}

FactUnit: TypeAlias = Literal["ppm", "us", "bps", "octets", "packets", "lines", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFact(Fact):
    """One fact behind a finding.

    `value` is in `unit`, between `low` and `high` where an interval belongs to it; `samples` is
    what it was computed from, `limit` what it was held against. `about` names what has no address:
    a metric, or what spoiled the run.
    """

    code: FactCode
    value: Count | None = None
    unit: FactUnit = "none"
    low: Count | None = None
    high: Count | None = None
    samples: Count | None = None
    limit: Count | None = None
    part: Zone | None = None
    point: Point | None = None
    address: AddressText | None = None
    family: Family | None = None
    direction: Direction | None = None
    about: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one look found: a fault, and the part it begins in, or that this can't be told."""

    zone: Zone
    symptom: Symptom
    confidence: Confidence
    reason: Reason
    evidence: tuple[ZoneFact, ...]
    last_good: Point | None = None
    suspect: Zone | None = None
    family: Family | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFinding(Fact):
    """Where the fault lies, how sure that is, and what to do.

    It is an inference by rule `rule` in version `rule_version`. `wrong_ppm_max` belongs to
    `confidence` and is null where nothing is claimed. `last_good` is the farthest point up to which
    all was seen to be good, `suspect` the part where the fault most often is when that can't be
    told. `family` and `direction` are null where both are hit, or where it makes no difference.
    `confirm_by_retest` asks for the same finding once more before anybody is sent.
    """

    rule: Name = RULE_ID
    rule_version: Count = RULE_VERSION
    zone: Zone
    symptom: Symptom | None
    confidence: Confidence
    reason: Reason
    wrong_ppm_max: Count | None
    last_good: Point | None
    suspect: Zone | None
    scope: Scope | None
    family: Family | None
    direction: Direction | None
    criticality: Criticality
    confirm_by_retest: bool
    conditions: Annotated[tuple[Condition, ...], Length(0, 16)]
    evidence: Annotated[tuple[ZoneFact, ...], Length(0, ZONE_FACTS_MAX)]
    advice: Annotated[tuple[Advice, ...], Length(0, 16)]
    next_steps: Annotated[tuple[NextStep, ...], Length(0, 8)]
