"""What a rule came to. Facts and plain words of the rule; never a verdict on the line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from omega_acceptance.rules.codes import ContractBase, Decision, NotEvaluated, RuleOutcome
from omega_acceptance.rules.rule import Op, Rates, Stat
from omega_core.metrics import Direction
from omega_core.verdict import ProfileRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One valid run as rules see it: when, and what it found.

    Times are UTC, `day` is the day at the line when it started. Rates are whole bits per second in
    the layer of the contract, rounded down; None where a direction was not measured.
    """

    day: date
    started_unix_us: int
    ended_unix_us: int
    down_bps: int | None = None
    up_bps: int | None = None

    def bps(self, direction: Direction) -> int | None:
        """Return the rate of one direction."""
        return self.down_bps if direction is Direction.DOWN else self.up_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known beside the runs: contract, delay tests, place, and when measuring ended.

    `delays_us` are the delay tests, None for one that was lost, which is never in time.
    """

    down: Rates
    up: Rates
    delays_us: tuple[int | None, ...] = ()
    households_in_cell: int | None = None
    until_unix_us: int | None = None

    def rates(self, direction: Direction) -> Rates:
        """Return the contracted rates of one direction."""
        return self.down if direction is Direction.DOWN else self.up


@dataclass(frozen=True, slots=True, kw_only=True)
class PredicateResult:
    """One predicate in one direction: `found` days, or `found` of `among` runs, tests or us.

    `direction` is None for a delay, which has none. `bound` is a number of days, or a share.
    """

    id: str
    direction: Direction | None
    stat: Stat
    found: int
    among: int
    op: Op
    bound: Fraction
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PointResult:
    """A point rule: its outcome, or why there is none, and every predicate behind it."""

    rule: ProfileRef
    outcome: RuleOutcome
    because: NotEvaluated | None = None
    predicates: tuple[PredicateResult, ...] = ()
    decision: Decision = Decision.POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A series of tests on one day: from the start of the first to the start of the last."""

    day: date
    started_unix_us: int
    length_us: int
    tests: int
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsResult:
    """A rule of facts: what was measured when, and whether it is all that the rule asks for."""

    rule: ProfileRef
    outcome: RuleOutcome
    because: NotEvaluated | None = None
    cycles: tuple[Cycle, ...] = ()
    decision: Decision = Decision.FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceResult:
    """A sequence: the steps that were reached, on which days, and what it waits for.

    `consequence` is the rule's name for what follows; None while it does not. `waits_for` is the
    id of the next step, `not_before` the first day on which it counts.
    """

    rule: ProfileRef
    outcome: RuleOutcome
    because: NotEvaluated | None = None
    reached: tuple[tuple[str, date], ...] = ()
    consequence: str | None = None
    waits_for: str | None = None
    not_before: date | None = None
    decision: Decision = Decision.SEQUENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessResult:
    """Whether a contract names every rate; `missing` is by direction and rate."""

    rule: ProfileRef
    outcome: RuleOutcome
    because: NotEvaluated | None = None
    missing: tuple[tuple[Direction, ContractBase], ...] = ()
    decision: Decision = Decision.COMPLETENESS
