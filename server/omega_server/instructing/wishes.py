"""What operators ask for, and what they see of it: the bodies of the API's requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from omega_core import limits
from omega_core.facts import Version1
from omega_core.instruction import MEASURE, Kind
from omega_core.models import Id, StrictModel, UnixUs
from omega_core.record import ChangeText
from omega_core.verdict import Mode

_LifeS = Annotated[int, Field(ge=1, le=limits.INSTRUCTION_LIFE_S_MAX)]
_CalmS = Annotated[int, Field(ge=0, le=limits.CALM_S_MAX)]
_CALM_S = 15  # a caller is on the phone: then it is said that the line is in use


class InstructionWish(StrictModel):
    """What an agent is to do, and who wants it: `POST /v1/instructions`.

    `agent_id` may be left out for a ticket or a sheet: then it is the subscriber's own device that
    was seen last. One that names neither is a sweep's.
    """

    by: Id
    agent_id: Id | None = None
    ticket_id: Id | None = None
    sheet_id: Id | None = None
    plan_id: Id | None = None
    kind: Kind = MEASURE
    mode: Literal["quick", "standard"] = "quick"
    life_s: _LifeS = limits.INSTRUCTION_LIFE_S
    calm_s: _CalmS = _CALM_S

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if self.ticket_id is not None and self.sheet_id is not None:
            raise ValueError("a ticket or a sheet, not both")
        if self.agent_id is None and self.ticket_id is None and self.sheet_id is None:
            raise ValueError("an agent, a ticket or a sheet must be named")
        return self

    @property
    def session_mode(self) -> Mode:
        """The mode of the session."""
        return Mode(self.mode)


class DiagnosisWish(StrictModel):
    """A diagnosis of a ticket's line: `POST /v1/tickets/{ticket_id}/diagnosis`."""

    by: Id
    agent_id: Id | None = None
    mode: Literal["quick", "standard"] = "quick"
    life_s: _LifeS = limits.INSTRUCTION_LIFE_S
    calm_s: _CalmS = _CALM_S

    def of(self, ticket_id: str) -> InstructionWish:
        """Return the instruction that is wanted."""
        return InstructionWish(ticket_id=ticket_id, **self.model_dump())


class Withdrawal(StrictModel):
    """Nobody wants it any more: `POST /v1/instructions/{instruction_id}/withdrawal`."""

    by: Id
    reason: ChangeText


class SuppressionWish(StrictModel):
    """Agents of a tag, or all, must not measure: `POST /v1/suppressions`."""

    by: Id
    reason: ChangeText
    tag: Id | None = None
    duration_s: _LifeS | None = None
    stop_running: bool = False


class Lifting(StrictModel):
    """A suppression ends: `POST /v1/suppressions/{suppression_id}/lifting`."""

    by: Id


class TagsWish(StrictModel):
    """What an agent is called together with others by: `PUT /v1/agents/{agent_id}/tags`."""

    tags: Annotated[tuple[Id, ...], Field(max_length=limits.AGENT_TAGS_MAX)]


class EventView(StrictModel):
    """One thing that happened to an instruction."""

    state: str
    at_unix_us: UnixUs
    by: str | None
    code: str | None
    detail: str | None
    until_unix_us: UnixUs | None
    record_digest: str | None


class InstructionView(StrictModel):
    """An instruction and what became of it so far: `GET /v1/instructions/{instruction_id}`.

    `state` is that of its last event, or `expired` where nobody has taken it in time. `is_new` is
    false where the same was wanted before and is still under way.
    """

    schema_version: Version1 = 1
    instruction_id: str
    agent_id: str
    kind: str
    ticket_id: str | None
    sheet_id: str | None
    issued_by: str
    issued_unix_us: UnixUs
    not_after_unix_us: UnixUs
    state: str
    has_ended: bool
    record_digest: str | None
    is_connected: bool
    events: tuple[EventView, ...]
    is_new: bool = False


class AgentView(StrictModel):
    """One enrolled device as the NOC sees it; what is null was never told.

    `subscriber_ref` is on whose line it stands since `line_since_unix_us`: null on none.
    """

    agent_id: str
    enrolled_unix_us: UnixUs
    revoked_unix_us: UnixUs | None
    tags: tuple[str, ...]
    is_connected: bool
    seen_unix_us: UnixUs | None
    seen_twice_unix_us: UnixUs | None
    software: str | None
    kinds: tuple[str, ...] | None
    raw_sockets: bool | None
    address: str | None
    subscriber_ref: str | None = None
    line_since_unix_us: UnixUs | None = None


class AgentsView(StrictModel):
    """Every enrolled device: `GET /v1/agents`."""

    agents: tuple[AgentView, ...]
    connected: int


class SuppressionView(StrictModel):
    """One suppression; it holds while `is_in_force`."""

    suppression_id: str
    tag: str | None
    reason: str
    said_by: str
    stop_running: bool
    since_unix_us: UnixUs
    until_unix_us: UnixUs | None
    lifted_unix_us: UnixUs | None
    lifted_by: str | None
    is_in_force: bool


class SuppressionsView(StrictModel):
    """Every suppression, oldest first: `GET /v1/suppressions`."""

    suppressions: tuple[SuppressionView, ...]
