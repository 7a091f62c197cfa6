"""One instruction on this device, from its arrival to the server's word on its last report.

    RECEIVED --> TAKEN --> RUNNING --> ENDED --> forgotten, once every report has been answered
        |          ^          |
        |          +----------+   the device was busy after all: once more
        +--> ENDED: refused

What a schedule wants is a work of the agent's own (`is_own`): nobody is told of it, and its record
says all. What is to be said of the others waits in `unsent` with its number, so that it is said
again, the same, until the server has answered: also after the power was away.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from omega_core.facts import INTEGER_MAX, Version1
from omega_core.instruction import (
    LAST_STATES,
    Instance,
    Instruction,
    InstructionReport,
    ReasonCode,
    ReportState,
)
from omega_core.limits import INSTRUCTION_REPORTS_MAX, REASON_CHARS_MAX
from omega_core.models import StrictModel, UnixUs

_UNSENT_MAX = 16


class Stage(StrEnum):
    """How far an instruction has come here."""

    RECEIVED = "received"
    TAKEN = "taken"
    RUNNING = "running"
    ENDED = "ended"


class Work(StrictModel):
    """An instruction and what was done about it: a file of the journal.

    `taken_as` is the run of the daemon that said it takes it; reports are made under that name
    also by a later one. `said` is the last reason that was given for not beginning. Times are the
    server's.
    """

    schema_version: Version1 = 1
    instruction: Instruction
    stage: Stage = Stage.RECEIVED
    taken_as: Instance
    reports: Annotated[int, Field(ge=0, le=INSTRUCTION_REPORTS_MAX)] = 0
    unsent: Annotated[tuple[InstructionReport, ...], Field(max_length=_UNSENT_MAX)] = ()
    begun: Annotated[int, Field(ge=0, le=INTEGER_MAX)] = 0
    said: ReasonCode | None = None
    waits_since_unix_us: UnixUs | None = None
    look_again_unix_us: UnixUs | None = None
    is_withdrawn: bool = False
    is_own: bool = False

    @property
    def name(self) -> str:
        """The instruction's id."""
        return self.instruction.instruction_id

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do or to say."""
        return self.stage is Stage.ENDED and not self.unsent

    def with_report(
        self,
        state: ReportState,
        *,
        code: str | None = None,
        detail: str | None = None,
        until_unix_us: int | None = None,
        record_digest: str | None = None,
    ) -> Work:
        """Return the work with one more thing to say; a last one ends it."""
        stage = Stage.ENDED if state in LAST_STATES else self.stage
        if self.is_own:
            return self.model_copy(update={"stage": stage, "said": code})
        report = InstructionReport(
            instruction_id=self.name,
            agent_id=self.instruction.agent_id,
            instance=self.taken_as,
            report_no=self.reports + 1,
            state=state,
            code=code,
            detail=None if detail is None else detail[:REASON_CHARS_MAX],
            until_unix_us=until_unix_us,
            record_digest=record_digest,
        )
        return self.model_copy(
            update={
                "stage": stage,
                "reports": report.report_no,
                "unsent": (*self.unsent, report),
                "said": code,
            }
        )

    def without_report(self, report_no: int) -> Work:
        """Return the work once a report was answered."""
        left = tuple(each for each in self.unsent if each.report_no != report_no)
        return self.model_copy(update={"unsent": left})
