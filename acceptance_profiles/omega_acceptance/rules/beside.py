"""What the rules that a plan names say of one session, or beside a campaign. Pure.

    point, facts    nothing: they take a campaign, and this says how much of one
    sequence        nothing: it waits for events that no session sees
    completeness    its result, from the contract alone

One session is never thirty, so hardly a rule has a result here; what it would take is said instead
of guessed. Nothing here is handed to `omega_acceptance.evaluate`: it decides no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from omega_acceptance.errors import RuleUnknownError
from omega_acceptance.profile import RuleRef
from omega_acceptance.rules.codes import Decision, NotEvaluated
from omega_acceptance.rules.completeness import evaluate_completeness
from omega_acceptance.rules.force import why_not
from omega_acceptance.rules.named import Campaign, MissingRate, RuleBeside
from omega_acceptance.rules.reading import RuleBook
from omega_acceptance.rules.rule import CampaignShape, Rule
from omega_acceptance.rules.state import Contract
from omega_core.verdict import ProfileRef


def rules_beside(
    contract: Contract,
    book: RuleBook,
    *,
    on: date,
    taken: tuple[ProfileRef, int] | None = None,
) -> tuple[RuleBeside, ...]:
    """Return what each rule that the contract's profile names says on a day, in its order.

    `taken` is the rule of a campaign that the session belongs to, and how many valid runs it has.
    """
    return tuple(_each(contract, book, on, taken))


def _each(
    contract: Contract, book: RuleBook, on: date, taken: tuple[ProfileRef, int] | None
) -> Iterator[RuleBeside]:
    for ref in contract.rule_refs or ():
        try:
            rule = book.get(ref.id, ref.version)
        except RuleUnknownError:
            because = NotEvaluated.RULE_UNKNOWN
            yield RuleBeside(id=ref.id, version=ref.version, because=because)
        else:
            done = taken[1] if taken is not None and taken[0] == rule.ref else 0
            yield _of(rule, ref, contract, on, done)


def _of(rule: Rule, ref: RuleRef, contract: Contract, on: date, done: int) -> RuleBeside:
    known = RuleBeside(id=ref.id, version=ref.version, digest=rule.digest, decision=rule.decision)
    if because := why_not(rule, on):
        return known.model_copy(update={"because": because})
    if rule.decision is Decision.COMPLETENESS:
        # The rates of a profile are those that a contract for a fixed access names.
        found = evaluate_completeness(rule, contract.known, access="fixed", on=on)
        missing = tuple(MissingRate(direction=way, base=base) for way, base in found.missing)
        return known.model_copy(update={"outcome": found.outcome, "missing": missing})
    if rule.decision is Decision.SEQUENCE:
        return known.model_copy(update={"because": NotEvaluated.EVENTS_NEEDED})
    needs = _needed(rule.campaign, done)
    return known.model_copy(update={"because": NotEvaluated.CAMPAIGN_NEEDED, "campaign": needs})


def _needed(shape: CampaignShape | None, done: int) -> Campaign | None:
    """Return what a campaign of this shape takes; None for a rule that fixes none."""
    if shape is None:
        return None
    days = shape.days or shape.distinct_days or 1
    return Campaign(done=done, needed=shape.n or shape.cycles, days=days)
