"""The words by which rules and their results are told apart; light, for whoever only names them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

ContractBase: TypeAlias = Literal[
    "advertised", "max", "normal", "min", "estimated_max", "required", "guaranteed_min"
]


class Decision(StrEnum):
    """What kind of answer a rule gives."""

    POINT = "point"
    FACTS = "facts"
    SEQUENCE = "sequence"
    COMPLETENESS = "completeness"


class RuleOutcome(StrEnum):
    """What a rule says, each kind of decision in its own words."""

    DEVIATION = "deviation"
    NO_DEVIATION = "no_deviation"
    COMPLIANT = "compliant"
    NOT_COMPLIANT = "not_compliant"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    REACHED = "reached"
    NOT_REACHED = "not_reached"
    NOT_EVALUATED = "not_evaluated"


class NotEvaluated(StrEnum):
    """Why a rule says nothing."""

    DRAFT = "draft"
    RETIRED = "retired"
    NOT_IN_FORCE = "not_in_force"
    NO_RUNS = "no_runs"
    CONTRACT_INCOMPLETE = "contract_incomplete"
    CELL_UNKNOWN = "cell_unknown"
    CAMPAIGN_NEEDED = "campaign_needed"
    CAMPAIGN_OPEN = "campaign_open"
    CAMPAIGN_VOID = "campaign_void"
    EVENTS_NEEDED = "events_needed"
    RULE_UNKNOWN = "rule_unknown"
