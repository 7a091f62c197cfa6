"""The measurement record: the facts of one session, as the agent states and signs them.

`Measurement` is what `omega measure --json` prints; `Record` is the same with who measured, under
which grant, what the judge needs and what the agent thinks of it. Facts (environment, cost,
metrics, evidence) stand apart from the assessment (preview), which the server makes again.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from omega_core.environment import Environment
from omega_core.evidence import Evidence
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.limits import CAMPAIGN_RUNS_MAX, CHANGE_CHARS_MAX
from omega_core.metrics import METRICS, MetricValue
from omega_core.models import Address, Digest, Id, KeyId, StrictModel, UnixUs
from omega_core.verdict import Fault, Judgement, Mode, ProfileRef

SCHEMA_VERSION: Final = 1

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_MetricName = Annotated[str, Field(json_schema_extra={"enum": sorted(METRICS)})]
_ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+$"
Purpose = Literal["install", "ticket", "selftest", "sweep"]
ChangeText = Annotated[str, Field(min_length=1, max_length=CHANGE_CHARS_MAX, pattern=_ONE_LINE)]
"""What was changed on the line, in a sentence: nothing in it steers a terminal or turns a line."""


class CampaignRef(StrictModel):
    """Which attempt of which campaign a session was, and the rule that the campaign keeps to."""

    id: Id
    rule: ProfileRef
    attempt: Annotated[int, Field(ge=1, le=CAMPAIGN_RUNS_MAX)]


class Session(StrictModel):
    """Which session this was: when, for what, against which test point.

    `id` is null when no session could be had. Times are UTC of the agent's clock; the server's
    receipt is the time of record. `campaign` is null but for an attempt of a campaign, `changed`
    but where something on the line of a sheet was changed before the session; a record made before
    there were campaigns, or change entries, has none.
    """

    id: Id | None
    purpose: Purpose
    mode: Mode
    server: Annotated[str, Field(max_length=256)]
    test_point: Id | None
    address: Address | None
    sheet_id: Id | None = None
    ticket_id: Id | None = None
    started_unix_us: UnixUs
    ended_unix_us: UnixUs
    campaign: CampaignRef | None = None
    changed: ChangeText | None = None

    @model_validator(mode="after")
    def _campaign_in_its_mode(self) -> Self:
        if self.campaign is not None and self.mode is not Mode.CAMPAIGN:
            raise ValueError("an attempt of a campaign is measured in mode campaign")
        return self

    @model_validator(mode="after")
    def _changed_on_a_sheet(self) -> Self:
        if self.changed is not None and self.sheet_id is None:
            raise ValueError("a change is recorded on a sheet")
        return self


class Cost(StrictModel):
    """What the measurement took: IP octets of the probe in each direction, and time."""

    bytes_down: _Count
    bytes_up: _Count
    duration_ms: _Count


class Measurement(StrictModel):
    """The result of one session, before anybody judges it.

    `validity` is empty when the run is valid, else what spoiled it. `metrics` has every public name
    of `omega_core.metrics`, null with a reason where there is no value.
    """

    schema_version: Version1 = SCHEMA_VERSION
    session: Session
    environment: Environment
    validity: tuple[Fault, ...]
    cost: Cost
    metrics: dict[_MetricName, MetricValue]

    @model_validator(mode="after")
    def _every_metric_is_there(self) -> Self:
        if self.metrics.keys() != METRICS.keys():
            raise ValueError("metrics must be exactly those of this schema version")
        if any(value.unit != METRICS[name].unit for name, value in self.metrics.items()):
            raise ValueError("a metric stands in another unit than its name says")
        return self


class AgentRef(StrictModel):
    """Who measured: `id` is null for a key made for one run, whose record is nobody's."""

    id: Id | None
    kid: KeyId
    software: Annotated[str, Field(max_length=64)]


class Chain(StrictModel):
    """Place among the records of one device: how many grants it used, and the record before.

    A hole in `seq` is an attempt that was not posted.
    """

    seq: _Count
    prev: Digest | None


class Clocks(StrictModel):
    """What the agent's clock was doing, so that its times can be weighed."""

    monotonic_started_us: _Count
    monotonic_ended_us: _Count
    step_us: Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    suspended_us: _Count
    offset_to_server_us: Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)] | None
    synchronised: bool | None


class Record(Measurement):
    """One session, complete. Its id is the digest of its canonical bytes."""

    agent: AgentRef
    chain: Chain
    clocks: Clocks
    grant_digest: Digest | None
    no_grant_reason: Annotated[str, Field(max_length=512)] | None
    observation_digest: Digest | None
    plan_id: Id | None
    profile: ProfileRef | None
    evidence: Evidence
    preview: Judgement | None

    @model_validator(mode="after")
    def _grant_or_reason(self) -> Self:
        if (self.grant_digest is None) != (self.no_grant_reason is not None):
            raise ValueError("a record has a grant, or a reason for having none")
        if self.grant_digest is None and self.session.id is not None:
            raise ValueError("a session needs a grant")
        return self
