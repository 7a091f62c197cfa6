"""Judge one session by its plan's profile. Pure: no I/O, no clock, no randomness.

The agent calls it for its preview and the server again on the signed facts; the server's judgement
is the one that counts. An *outcome* belongs to one criterion, the *verdict* to the line:

    any fault                                invalid: the run says nothing about the line
    some mandatory criterion fails           fail
    every mandatory criterion passes         pass
    anything between, or none is mandatory   inconclusive

Every criterion is judged and shown, also after a failure and in an invalid run. One that is not
mandatory in the mode never decides. A line that breaks a mandatory promise passes with at most the
false pass probability of that criterion; one that keeps them all fails with at most their false
fail probabilities together (`omega_acceptance.decision.error_rates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from omega_acceptance.judges.case import Case, Finding
from omega_acceptance.judges.table import JUDGES_OF_RULES, RULES
from omega_acceptance.own_limits import own_limits
from omega_acceptance.preconditions import breaches
from omega_acceptance.profile import AcceptanceProfile, Criterion
from omega_core.derive import Derived, derive, metrics_with
from omega_core.environment import Environment
from omega_core.evidence import Evidence, Family
from omega_core.verdict import CriterionOutcome, Fault, Judgement, Mode, Outcome, Verdict


def evaluate(
    profile: AcceptanceProfile,
    mode: Mode,
    *,
    evidence: Evidence,
    environment: Environment,
    faults: tuple[Fault, ...],
    rules: int = RULES,
    derived: Derived | None = None,
) -> Judgement:
    """Return the verdict on the line and every criterion behind it.

    `faults` are what the run was found to suffer from. The judgement keeps those that the profile
    does not forgive, with the demands of the profile that the environment does not meet, and what
    of our own kept a rate below its promise. `rules` is by which version of the rules it is judged,
    one of `JUDGES_OF_RULES`: another only for a record that was judged by it. `derived` is what
    follows from the evidence, of a caller who has computed it.
    """
    whole = derive(evidence) if derived is None else derived
    judged = cases(profile, profile.criteria, mode, evidence, whole)
    outcomes = [outcome_of(case, rules) for case in judged]
    own = own_limits(outcomes, evidence, environment)
    faults = tuple(dict.fromkeys((*faults, *breaches(profile, environment), *own)))
    decisive = (each.outcome for each in outcomes if each.mandatory)
    spoiling = tuple(each for each in faults if not profile.preconditions.forgives(each))
    return Judgement(
        verdict=combine(decisive, spoiling),
        mode=mode,
        profile=profile.ref,
        outcomes=tuple(outcomes),
        faults=spoiling,
        rules=rules,
    )


def cases(
    profile: AcceptanceProfile,
    criteria: Iterable[Criterion],
    mode: Mode,
    evidence: Evidence,
    derived: Derived,
    *,
    grows: bool = False,
) -> Iterator[Case]:
    """Yield each of the criteria with the facts it is judged by, in their order.

    `grows` is of evidence to which its stream still adds.
    """
    views: dict[Family | None, tuple[Evidence, Derived]] = {}
    for criterion in criteria:
        family = criterion.family
        if family not in views:
            views[family] = _view(evidence, derived, family)
        seen, follows = views[family]
        yield Case(
            profile=profile,
            criterion=criterion,
            mode=mode,
            evidence=seen,
            runs=follows.runs,
            metrics=follows.metrics,
            grows=grows,
        )


def judge(case: Case, rules: int = RULES) -> Finding:
    """Return what one criterion comes to, by the rules of that version."""
    return JUDGES_OF_RULES[rules][case.criterion.statistic](case)


def combine(outcomes: Iterable[Outcome], faults: tuple[Fault, ...]) -> Verdict:
    """Combine the outcomes of the mandatory criteria: nothing but passes is a pass."""
    seen = set(outcomes)
    if faults:
        return Verdict.INVALID
    if Outcome.FAIL in seen:
        return Verdict.FAIL
    if seen == {Outcome.PASS}:
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def outcome_of(case: Case, rules: int = RULES) -> CriterionOutcome:
    """Return what one criterion comes to, as a judgement states it."""
    criterion, found = case.criterion, judge(case, rules)
    return CriterionOutcome(
        id=criterion.id,
        metric=criterion.metric,
        op=criterion.op,
        limit=found.limit,
        unit=criterion.unit,
        value=found.value,
        samples=found.samples,
        samples_needed=found.samples_needed,
        mandatory=criterion.decides_in(case.mode),
        outcome=found.outcome,
        because=found.because,
        statistic=criterion.statistic,
        family=criterion.family,
        decision=found.decision,
    )


def _view(evidence: Evidence, whole: Derived, family: Family | None) -> tuple[Evidence, Derived]:
    """Return what a criterion of this IP family sees, and what follows from that."""
    if family is None:
        return evidence, whole
    seen = _of_family(evidence, family)
    if seen == evidence:
        return evidence, whole
    runs = tuple(each for each in whole.runs if each.run.family == family)
    return seen, Derived(runs, metrics_with(seen, runs))


def _of_family(evidence: Evidence, family: Family) -> Evidence:
    """Return the evidence of one IP family."""
    return replace(
        evidence,
        attempts=tuple(each for each in evidence.attempts if each.family == family),
        idle=tuple(each for each in evidence.idle if each.family == family),
        goodput=tuple(each for each in evidence.goodput if each.family == family),
        capacity=tuple(each for each in evidence.capacity if each.family == family),
        working=tuple(each for each in evidence.working if each.family == family),
    )
