"""The JSON object that `omega campaign start` and `status` print with `--json`."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated

from pydantic import Field

from omega_acceptance.rules.campaign import calendar_of, planned
from omega_acceptance.rules.rule import Rule
from omega_acceptance.rules.standing import Phase, Why
from omega_acceptance.rules.state import CampaignState
from omega_core.facts import Version1
from omega_core.limits import CAMPAIGN_RUNS_MAX
from omega_core.models import Id, StrictModel, UnixUs
from omega_core.verdict import ProfileRef

_Runs = Annotated[int, Field(ge=0, le=CAMPAIGN_RUNS_MAX)]


class CampaignStatus(StrictModel):
    """How a campaign stands: `done` of `needed` runs or cycles, and what may be done when.

    `planned_unix_us` is the earliest start of every run that is left, if none of them fails.
    """

    schema_version: Version1 = 1
    id: Id
    rule: ProfileRef
    plan_id: Id
    zone: str
    phase: Phase
    why: Why | None
    day: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None
    not_before_unix_us: UnixUs | None
    done: _Runs
    needed: _Runs
    attempts: _Runs
    planned_unix_us: Annotated[tuple[UnixUs, ...], Field(max_length=CAMPAIGN_RUNS_MAX)]


def campaign_status(
    state: CampaignState, rule: Rule, zone: tzinfo, now_unix_us: int
) -> CampaignStatus:
    """Return how a campaign stands at a time of the server's clock."""
    standing = state.standing(rule, zone, now_unix_us)
    starts: tuple[int, ...] = ()
    if rule.campaign is not None and standing.phase is not Phase.VOID:
        starts = planned(calendar_of(rule.campaign, zone), state.taken, now_unix_us)
    return CampaignStatus(
        id=state.id,
        rule=state.rule,
        plan_id=state.plan_id,
        zone=rule.zone,
        phase=standing.phase,
        why=standing.why,
        day=standing.day.isoformat() if standing.day else None,
        not_before_unix_us=standing.not_before_unix_us,
        done=standing.done,
        needed=standing.needed,
        attempts=len(state.attempts),
        planned_unix_us=starts,
    )
