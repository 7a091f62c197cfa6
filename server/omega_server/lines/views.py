"""A line as operators see it: the answers under `/v1/lines`.

Times of outages, gaps and records are of the time line of the agent that watched, which never
steps: `clock_step_us` is how far its UTC was from that. All other times are the server's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from omega_core.availability import Unwatched
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.models import Id, StrictModel, UnixUs
from omega_core.verdict import Outcome
from omega_server.lines.watching import WhyHole
from omega_server.views import PlanView

OutcomeWord = Outcome | Literal["not_in_plan"]
WhyOpen = Literal["observed_time_too_short", "inside_bounds"]
KnownNow = Literal["connected", "down_in_newest_record", "silent", "nobody_watches"]
_Signed = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class LineWish(StrictModel):
    """Where an agent stands from now on, null is on no line: `PUT /v1/agents/{agent_id}/line`."""

    subscriber_ref: Id | None


class CriterionView(StrictModel):
    """What the plan promises of availability, and by which version of its profile."""

    profile_id: str
    profile_version: int
    criterion_id: str
    limit_ppm: int
    window_days: int
    observed_min_ppm: int


class OutageView(StrictModel):
    """An outage; it lasted at least `least_us` and at most `most_us` of the time asked for.

    `until_unix_us` is null where the newest record ends with it: then both bounds go to the end of
    that record.
    """

    since_unix_us: UnixUs
    until_unix_us: UnixUs | None
    least_us: int
    most_us: int


class GapView(StrictModel):
    """A time in which nobody looked."""

    started_unix_us: UnixUs
    ended_unix_us: UnixUs
    cause: Unwatched


class UnobservedView(StrictModel):
    """For how long nobody looked, for one cause."""

    cause: Unwatched
    unobserved_us: int


class WindowView(StrictModel):
    """An availability record. `key_state` is what its key was when it came in."""

    digest: str
    agent_id: str
    test_point: str
    seq: int
    started_unix_us: UnixUs
    ended_unix_us: UnixUs
    clock_step_us: _Signed
    received_unix_us: UnixUs
    key_state: str


class HoleView(StrictModel):
    """Where an agent's chain of records is not whole; `after_seq` null is before the first one."""

    agent_id: str
    after_seq: int | None
    before_seq: int
    why: WhyHole


class StandingView(StrictModel):
    """An agent that stood on the line, and how it is now; null is never seen, or stands there."""

    agent_id: str
    since_unix_us: UnixUs
    until_unix_us: UnixUs | None
    is_connected: bool
    seen_unix_us: UnixUs | None


class LineAvailabilityView(StrictModel):
    """What was watched of a line, judged: `GET /v1/lines/{subscriber_ref}/availability`.

    `low_ppm` and `high_ppm` are of the time that was observed, null where none was; `pessimistic`
    and `optimistic` are of all of it, and never judged. `sure_outages_count` counts the outages
    that surely lasted for a time: the others may be a packet or two that were lost, and are judged
    by their bounds like all. Of `outages` and `gaps` the newest are listed: `next_before_unix_us`
    asks for those before, null where these are the last. `is_plan_window` says that the time asked
    for is as long as the plan's; an outcome over another one is not the plan's.
    """

    schema_version: Version1 = 1
    subscriber_ref: str
    plan_id: str
    from_unix_us: UnixUs
    to_unix_us: UnixUs
    outcome: OutcomeWord
    why_open: WhyOpen | None
    is_plan_window: bool
    criterion: CriterionView | None
    low_ppm: int | None
    high_ppm: int | None
    pessimistic_ppm: int
    optimistic_ppm: int
    observed_us: int
    unobserved_us: int
    unobserved: tuple[UnobservedView, ...]
    outages_count: int
    sure_outages_count: int
    gaps_count: int
    outages: tuple[OutageView, ...]
    gaps: tuple[GapView, ...]
    next_before_unix_us: UnixUs | None
    clock_step_us_largest: _Signed | None
    holes: tuple[HoleView, ...]
    records: tuple[WindowView, ...]
    agents: tuple[StandingView, ...]


class LastOutageView(StrictModel):
    """The last outage that surely lasted for a time, of any agent while it stood there."""

    outage: OutageView
    agent_id: str
    record_digest: str


class LastRecordView(StrictModel):
    """The last measurement on a sheet or ticket of the line."""

    digest: str
    mode: str
    verdict: str | None
    received_unix_us: UnixUs
    sheet_id: str | None
    ticket_id: str | None


class LineView(StrictModel):
    """A line's page: `GET /v1/lines/{subscriber_ref}`.

    `known_now` is what is known of this moment: `connected`, an agent that stands there waits at
    the server; `down_in_newest_record`, none does, and the newest record ends within an outage;
    `silent`, none does, and that is all; `nobody_watches`, no agent stands there.
    """

    schema_version: Version1 = 1
    subscriber_ref: str
    plan: PlanView
    known_now: KnownNow
    agents: tuple[StandingView, ...]
    newest_window: WindowView | None
    last_outage: LastOutageView | None
    last_record: LastRecordView | None
    open_tickets: tuple[str, ...]
    tickets_count: int
    sheets: tuple[str, ...]
    availability: str
