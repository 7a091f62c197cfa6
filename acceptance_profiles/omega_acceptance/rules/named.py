"""A rule that a plan names, as it stands beside a verdict. Models alone: `beside` fills them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from omega_acceptance.profile import Version
from omega_acceptance.rules.codes import ContractBase, Decision, NotEvaluated, RuleOutcome
from omega_core.limits import CAMPAIGN_RUNS_MAX
from omega_core.metrics import Direction
from omega_core.models import Digest, Id, StrictModel

_Runs = Annotated[int, Field(ge=0, le=CAMPAIGN_RUNS_MAX)]


class MissingRate(StrictModel):
    """A rate that the contract does not name, in one direction."""

    direction: Direction
    base: ContractBase


class Campaign(StrictModel):
    """How much of a campaign there is: `done` of `needed` runs (or cycles of tests) on `days` days.

    `needed` is null for a rule that counts days only.
    """

    done: _Runs
    needed: _Runs | None
    days: _Runs


class RuleBeside(StrictModel):
    """One rule that the plan names: its outcome, or `because` there is none.

    `digest` and `decision` are null for a rule that this program does not have.
    """

    id: Id
    version: Version
    digest: Digest | None = None
    decision: Decision | None = None
    outcome: RuleOutcome = RuleOutcome.NOT_EVALUATED
    because: NotEvaluated | None = None
    campaign: Campaign | None = None
    missing: tuple[MissingRate, ...] = ()
