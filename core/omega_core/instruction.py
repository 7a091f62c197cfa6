"""What Controller and agent say to each other while an agent waits: instructions and check-ins.

    agent --- CheckIn, signed by the agent ---> Controller         held until there is something
    agent <-- CheckInAnswer, signed by the server: Instructions --- Controller
    agent --- InstructionReport, signed by the agent ---> Controller     taken, refused, done ...

Each `Instruction` is sealed by itself, so that an agent can keep the proof of who told it what. The
answer around it is sealed with the check-in's nonce and the server's time, so an agent whose clock
is years off can tell what has expired, and nobody can hand it an answer of yesterday.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from omega_core import limits
from omega_core.facts import INTEGER_MAX, Version1
from omega_core.models import Address, Digest, Id, StrictModel, UnixUs
from omega_core.verdict import Mode

_Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
_Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22,43}$")]
_Envelope = Annotated[str, Field(max_length=limits.INSTRUCTION_BYTES_MAX)]
_Token = Annotated[str, Field(max_length=512)]

Instance = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")]
"""One run of a daemon, from start to stop: drawn anew each time."""
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]
"""What is to be done. Open: an agent that is older than the server says that it lacks the kind."""
ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

MEASURE = "measure"
"""One judged session, posted to its sheet or ticket."""
AVAILABILITY = "availability"
"""What the watch of the line has seen so far, sealed and posted now. It loads nothing."""
KINDS = frozenset({MEASURE, AVAILABILITY})

ReportState = Literal["accepted", "busy", "deferred", "refused", "done", "failed", "cancelled"]
LAST_STATES: frozenset[ReportState] = frozenset({"refused", "done", "failed", "cancelled"})
"""After one of these nothing more is said of an instruction."""


class Instruction(StrictModel):
    """What one agent is asked to do: sealed with the server's key, good once.

    `purpose`, and what it names, are those of the session that will be asked for. `bytes_down` and
    `bytes_up` are the most that it may take. `not_before_unix_us` and `not_after_unix_us` bound
    when it may begin, by the server's clock. `calm_s` is how long a line that is in use may be
    waited for.
    """

    schema_version: Version1 = 1
    instruction_id: Id
    agent_id: Id
    kind: Kind
    purpose: Literal["install", "ticket", "sweep"]
    mode: Mode
    sheet_id: Id | None = None
    ticket_id: Id | None = None
    plan_id: Id | None = None
    references: Annotated[
        tuple[Address, ...], Field(max_length=limits.INSTRUCTION_REFERENCES_MAX)
    ] = ()
    bytes_down: _Count
    bytes_up: _Count
    calm_s: Annotated[int, Field(ge=0, le=limits.CALM_S_MAX)]
    issued_unix_us: UnixUs
    not_before_unix_us: UnixUs
    not_after_unix_us: UnixUs

    @model_validator(mode="after")
    def _purpose_names_its_object(self) -> Self:
        if (self.purpose == "install") != (self.sheet_id is not None):
            raise ValueError("purpose install, and no other, names a sheet")
        if (self.purpose == "ticket") != (self.ticket_id is not None):
            raise ValueError("purpose ticket, and no other, names a ticket")
        return self

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if not self.not_before_unix_us < self.not_after_unix_us:
            raise ValueError("an instruction has a time in which it may begin")
        return self

    @property
    def loads_the_line(self) -> bool:
        """Whether carrying it out disturbs whoever uses the line, and other measurements."""
        return self.kind != AVAILABILITY


class Capabilities(StrictModel):
    """What an agent can do, and the fixed facts of its host (RFC 7594 section 5.2.2)."""

    kinds: Annotated[tuple[Kind, ...], Field(max_length=limits.INSTRUCTION_KINDS_MAX)]
    raw_sockets: bool


class Schedule(StrictModel):
    """What an agent does by itself until it is told otherwise, also while the server is away.

    A sweep's session each `every_s`, at a moment of the agent's own within it, so that thousands do
    not measure at once; `bytes_down` and `bytes_up` are the most that each may take, by the plan.
    It comes with a sealed answer, and is kept.
    """

    schema_version: Version1 = 1
    schedule_id: Id
    every_s: Annotated[int, Field(ge=limits.SCHEDULE_S_MIN, le=limits.SCHEDULE_S_MAX)]
    mode: Mode
    plan_id: Id
    bytes_down: _Count
    bytes_up: _Count
    calm_s: Annotated[int, Field(ge=0, le=limits.CALM_S_MAX)]


class CheckIn(StrictModel):
    """An agent says that it is there, and waits: `POST /v1/check-ins`, sealed with its key.

    `starts` counts the starts of the daemon on this device, `instance` is drawn at each: two that
    say the same number with another instance are two devices with one key. `proof` is a token of
    the server's from `GET /v1/address`, or from the last answer, and shows that this is not of
    yesterday. `holding` are instructions the agent has and has not ended: they are not handed out
    again. `schedule_id` is the schedule it keeps. The answer comes after `wait_s` at the latest.
    """

    schema_version: Version1 = 1
    agent_id: Id
    instance: Instance
    starts: _Count
    software: Annotated[str, Field(max_length=64)]
    proof: _Token
    nonce: _Nonce
    wait_s: Annotated[int, Field(ge=0, le=limits.CHECK_IN_WAIT_S_MAX)]
    capabilities: Capabilities
    holding: Annotated[tuple[Id, ...], Field(max_length=limits.INSTRUCTIONS_HELD_MAX)] = ()
    schedule_id: Id | None = None


class Suppression(StrictModel):
    """No measurement until further notice (RFC 7594 section 5.2.3): why, and until when.

    `until_unix_us` is null where it ends by being lifted. `stop_running`: also what has begun.
    """

    reason: Annotated[str, Field(max_length=limits.REASON_CHARS_MAX)]
    until_unix_us: UnixUs | None
    stop_running: bool


class CheckInAnswer(StrictModel):
    """What the Controller has for an agent: sealed with the server's key.

    `nonce` is the check-in's. `instructions` are sealed ones that it does not hold, oldest first;
    `withdrawn` those of its `holding` that it must not begin any more, and must stop. An agent that
    loses the server comes back after a random time within `return_spread_s`. `is_seen_twice`: two
    devices speak with this agent's key. `schedule_id` is the schedule that the agent is to keep,
    null for none; `schedule` is what it says, where the agent has another one.
    """

    schema_version: Version1 = 1
    agent_id: Id
    nonce: _Nonce
    now_unix_us: UnixUs
    proof: _Token
    instructions: Annotated[
        tuple[_Envelope, ...], Field(max_length=limits.INSTRUCTIONS_HELD_MAX)
    ] = ()
    withdrawn: Annotated[tuple[Id, ...], Field(max_length=limits.INSTRUCTIONS_HELD_MAX)] = ()
    suppression: Suppression | None = None
    return_spread_s: Annotated[int, Field(ge=0, le=limits.RETURN_SPREAD_S_MAX)]
    is_seen_twice: bool = False
    schedule_id: Id | None = None
    schedule: Schedule | None = None


class InstructionReport(StrictModel):
    """What became of an instruction, so far: `POST /v1/instruction-reports`, sealed by the agent.

    `report_no` counts the reports of one instance on one instruction from 1; the same again changes
    nothing. `code` and `detail` say why, for programs and for people. `until_unix_us` is by when a
    deferred one is looked at again. Nothing is begun before `accepted` has been answered.
    """

    schema_version: Version1 = 1
    instruction_id: Id
    agent_id: Id
    instance: Instance
    report_no: Annotated[int, Field(ge=1, le=limits.INSTRUCTION_REPORTS_MAX)]
    state: ReportState
    code: ReasonCode | None = None
    detail: Annotated[str, Field(max_length=limits.REASON_CHARS_MAX)] | None = None
    until_unix_us: UnixUs | None = None
    record_digest: Digest | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.state not in {"accepted", "done"} and self.code is None:
            raise ValueError(f"{self.state} has a reason")
        if (self.until_unix_us is not None) != (self.state == "deferred"):
            raise ValueError("deferred, and nothing else, says until when")
        if self.record_digest is not None and self.state not in {"done", "cancelled"}:
            raise ValueError("a record stands with the end of what it was made for")
        return self


class ReportTaken(StrictModel):
    """The Controller's word that it has a report."""

    instruction_id: Id
    state: ReportState
