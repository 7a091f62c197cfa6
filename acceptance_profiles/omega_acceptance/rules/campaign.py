"""A campaign: from a rule's shape to what may run now, and not before when. Pure.

    begin -> state --standing--> ready | too early, until when and why | complete | void, and why
               ^                   |
               +--- opened, closed-+  an attempt is written down before it is made, and after it

The state is a small JSON value (`omega_acceptance.rules.state`) that outlives the device's power.
It holds attempts with the server's times, so a device's clock that jumps neither makes nor loses a
day. Whether a campaign is void is never kept: it is found again from the attempts each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo
from enum import StrEnum
from typing import Protocol

from omega_acceptance.rules.by_cycle import ByCycle
from omega_acceptance.rules.by_day import ByDay
from omega_acceptance.rules.codes import Decision
from omega_acceptance.rules.force import why_not
from omega_acceptance.rules.rule import CampaignShape, Rule
from omega_acceptance.rules.standing import Phase, Standing, Taken
from omega_core.limits import CAMPAIGN_RUN_S_MAX, CAMPAIGN_RUNS_MAX
from omega_core.units import US_PER_S


class NotPlanned(StrEnum):
    """Why no campaign can be planned for a rule.

    `CONTRACT_ONLY`: no run is asked for. `OTHER_EVENTS`: it waits for what no run of ours can be.
    `HOURS_UNKNOWN`: nobody has confirmed when in its week the runs are taken. `NO_CALENDAR`: it
    fixes neither their number nor their time, so whoever measures could stop at the best moment.
    """

    DRAFT = "draft"
    RETIRED = "retired"
    NOT_IN_FORCE = "not_in_force"
    CONTRACT_ONLY = "contract_only"
    OTHER_EVENTS = "other_events"
    HOURS_UNKNOWN = "hours_unknown"
    NO_CALENDAR = "no_calendar"


class Calendar(Protocol):
    """What knows when the runs of one shape are taken."""

    def standing(self, taken: Sequence[Taken], now_unix_us: int) -> Standing:
        """Return what may be done now, from all attempts in the order of time."""
        ...


def why_not_planned(rule: Rule, on: date) -> NotPlanned | None:
    """Return why no campaign can be planned for this rule; None where one can."""
    if because := why_not(rule, on):
        return NotPlanned(because)
    if rule.decision is Decision.COMPLETENESS:
        return NotPlanned.CONTRACT_ONLY
    if rule.decision is Decision.SEQUENCE:
        return NotPlanned.OTHER_EVENTS
    if rule.campaign is None:
        return NotPlanned.NO_CALENDAR
    return NotPlanned.HOURS_UNKNOWN if rule.campaign.shape == "week" else None


def calendar_of(shape: CampaignShape, zone: tzinfo, run_s: int = CAMPAIGN_RUN_S_MAX) -> Calendar:
    """Return the calendar of a campaign that can be planned."""
    if shape.shape == "cycles":
        return ByCycle(shape=shape, zone=zone)
    return ByDay(shape=shape, zone=zone, run_s=run_s)


def planned(
    calendar: Calendar, taken: Sequence[Taken], now_unix_us: int, *, run_s: int = CAMPAIGN_RUN_S_MAX
) -> tuple[int, ...]:
    """Return the earliest start of every run that is left, in us of UTC, if none of them fails."""
    attempts, starts, now = list(taken), list[int](), now_unix_us
    while len(starts) < CAMPAIGN_RUNS_MAX:
        standing = calendar.standing(attempts, now)
        if standing.phase in {Phase.COMPLETE, Phase.VOID}:
            break
        now = max([standing.not_before_unix_us or now, *(a.ended_unix_us for a in attempts[-1:])])
        starts.append(now)
        end = now + run_s * US_PER_S
        attempts.append(Taken(started_unix_us=now, ended_unix_us=end, valid=True))
        now = end
    return tuple(starts)
