"""A rule about the contract: which rates it must name. Nothing measured is looked at. Pure."""

from __future__ import annotations

from datetime import date
from typing import Literal

from omega_acceptance.rules.codes import ContractBase, RuleOutcome
from omega_acceptance.rules.force import why_not
from omega_acceptance.rules.results import CompletenessResult, Situation
from omega_acceptance.rules.rule import Rule
from omega_core.metrics import Direction


def evaluate_completeness(
    rule: Rule, known: Situation, *, access: Literal["fixed", "mobile"], on: date
) -> CompletenessResult:
    """Return which rates the contract does not name, in either direction."""
    if because := why_not(rule, on):
        return CompletenessResult(rule=rule.ref, outcome=RuleOutcome.NOT_EVALUATED, because=because)
    asked: tuple[ContractBase, ...] = getattr(rule.requires, access, ())
    missing = tuple(
        (direction, base)
        for direction in Direction
        for base in asked
        if base not in known.rates(direction)
    )
    outcome = RuleOutcome.INCOMPLETE if missing else RuleOutcome.COMPLETE
    return CompletenessResult(rule=rule.ref, outcome=outcome, missing=missing)
