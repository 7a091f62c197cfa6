"""Issues and withdraws instructions, and takes the agents' reports on them.

    issued --> handed_out --> accepted --> done | failed | cancelled
       |            |    +--> busy, deferred: said again until accepted or refused
       |            +-------> refused
       +--> withdrawn, at any time before the end        expired: not accepted in its time

Of two that want the same of one agent the second is given what the first has set going. An
instruction is taken by the daemon whose `accepted` comes first; whatever comes from another one
with the same key is refused, so nothing is done twice because a device was copied, and nothing
because an answer was lost: the same report again is answered the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.demand import Demand, demand, demand_without_profile
from omega_acceptance.errors import ModeUnknownError, PlanUnknownError
from omega_core import limits
from omega_core.clock import Clock
from omega_core.instruction import (
    LAST_STATES,
    Instruction,
    InstructionReport,
    ReportState,
    ReportTaken,
)
from omega_core.models import model_bytes
from omega_core.units import US_PER_S
from omega_core.verdict import Mode
from omega_server import sheets, tickets
from omega_server.ids import day_of, uuid7
from omega_server.instructing.sender import agent_of
from omega_server.instructing.wishes import EventView, InstructionView, InstructionWish
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import (
    InstructionEndedError,
    InstructionTakenError,
    NotThereError,
    TooManyHeldError,
)
from omega_server.store.instruction_port import InstructionEventRow, InstructionRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow
from omega_server.ticket_life.entries import Diagnosis
from omega_server.ticket_life.entry import Entry, row_of

_EARLY_S = 60  # of the server's own clock against another server's
_Step: TypeAlias = Literal["asked", "waits", "begun", "refused", "done", "failed", "cancelled"]
_ENDED = LAST_STATES | {"withdrawn"}
_STEPS: Mapping[ReportState, _Step] = MappingProxyType(
    {
        "accepted": "begun",
        "busy": "waits",
        "deferred": "waits",
        "refused": "refused",
        "done": "done",
        "failed": "failed",
        "cancelled": "cancelled",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A wish that was checked: by which agent, for which plan, at which cost."""

    wish: InstructionWish
    agent_id: str
    plan_id: str | None
    demand: Demand


class InstructionDesk:
    """Everything about instructions but the waiting."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        clock: Clock,
        references: tuple[str, ...] = (),
    ) -> None:
        """`references` are hosts past the test point, for diagnoses."""
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._references = references

    def issue(self, wish: InstructionWish) -> InstructionView:
        """Keep what is wanted; raises RefusalError.

        Where the same is under way already, that is returned, with `is_new` false.
        """
        now = self._clock.unix_us()
        row = self._row(self._wanted(wish, now), now)
        try:
            kept, is_new = self._store.instructions.issue(
                row,
                event=_ticket_event(row, "asked", now, by=wish.by),
                held_max=limits.INSTRUCTIONS_HELD_MAX,
            )
        except NotThereError as error:
            raise RefusalError(Code.AGENT_UNKNOWN, str(error)) from error
        except TooManyHeldError as error:
            raise RefusalError(Code.AGENT_OVERLOADED, str(error)) from error
        return self._view(kept, now, is_new=is_new)

    def withdraw(self, instruction_id: str, *, by: str, reason: str) -> InstructionView:
        """End an instruction that is not ended; raises RefusalError `instruction_unknown`."""
        now = self._clock.unix_us()
        row = self._known(instruction_id)
        entry = InstructionEventRow(
            instruction_id=instruction_id,
            agent_id=row.agent_id,
            state="withdrawn",
            at_unix_us=now,
            by=by,
            code="withdrawn",
            detail=reason,
        )
        event = _ticket_event(row, "cancelled", now, by=by, detail=reason)
        self._store.instructions.withdraw(entry, event=event)
        return self._view(self._known(instruction_id), now)

    def view(self, instruction_id: str) -> InstructionView:
        """Return what became of an instruction; raises RefusalError `instruction_unknown`."""
        return self._view(self._known(instruction_id), self._clock.unix_us())

    def take(self, report: InstructionReport) -> ReportTaken:
        """Write down what an agent says of an instruction; the agent has been checked.

        Raises RefusalError `instruction_unknown`, `instruction_taken` or `instruction_ended`.
        """
        now = self._clock.unix_us()
        row = self._known(report.instruction_id)
        if row.agent_id != report.agent_id:
            raise RefusalError(Code.INSTRUCTION_UNKNOWN, "there is no such instruction")
        entry = InstructionEventRow(
            instruction_id=row.instruction_id,
            agent_id=row.agent_id,
            state=report.state,
            at_unix_us=now,
            instance=report.instance,
            report_no=report.report_no,
            code=report.code,
            detail=report.detail,
            until_unix_us=report.until_unix_us,
            record_digest=report.record_digest,
        )
        event = _ticket_event(
            row,
            _STEPS[report.state],
            now,
            code=report.code,
            detail=report.detail,
            record=report.record_digest,
        )
        try:
            self._store.instructions.report(entry, event=event)
        except InstructionEndedError as error:
            raise RefusalError(Code.INSTRUCTION_ENDED, str(error)) from error
        except InstructionTakenError as error:
            raise RefusalError(Code.INSTRUCTION_TAKEN, str(error)) from error
        return ReportTaken(instruction_id=row.instruction_id, state=report.state)

    def _wanted(self, wish: InstructionWish, now: int) -> _Wanted:
        plan_id = self._plan_of(wish)
        return _Wanted(
            wish=wish,
            agent_id=agent_of(self._store, wish),
            plan_id=plan_id,
            demand=demand_of(self._catalogue, plan_id, wish.session_mode, now),
        )

    def _plan_of(self, wish: InstructionWish) -> str | None:
        if wish.ticket_id is not None:
            own = tickets.plan_to_compare(self._store, wish.ticket_id)
        elif wish.sheet_id is not None:
            own = sheets.plan_to_measure(self._store, wish.sheet_id)
        else:
            return wish.plan_id
        if wish.plan_id not in {None, own}:
            raise RefusalError(Code.PLAN_MISMATCH, f"the subscriber's plan is not {wish.plan_id}")
        return own

    def _row(self, wanted: _Wanted, now: int) -> InstructionRow:
        wish = wanted.wish
        instruction = Instruction(
            instruction_id=uuid7(now),
            agent_id=wanted.agent_id,
            kind=wish.kind,
            purpose=_purpose(wish),
            mode=wish.session_mode,
            sheet_id=wish.sheet_id,
            ticket_id=wish.ticket_id,
            plan_id=None if wish.ticket_id or wish.sheet_id else wanted.plan_id,
            references=self._references if wish.ticket_id else (),
            bytes_down=wanted.demand.bytes_down,
            bytes_up=wanted.demand.bytes_up,
            calm_s=wish.calm_s,
            issued_unix_us=now,
            not_before_unix_us=now - _EARLY_S * US_PER_S,
            not_after_unix_us=now + wish.life_s * US_PER_S,
        )
        return InstructionRow(
            instruction_id=instruction.instruction_id,
            agent_id=instruction.agent_id,
            kind=instruction.kind,
            sheet_id=instruction.sheet_id,
            ticket_id=instruction.ticket_id,
            issued_by=wish.by,
            alike=_alike(wish),
            payload=model_bytes(instruction),
            issued_unix_us=now,
            not_after_unix_us=instruction.not_after_unix_us,
        )

    def _known(self, instruction_id: str) -> InstructionRow:
        row = self._store.instructions.instruction(instruction_id)
        if row is None:
            raise RefusalError(Code.INSTRUCTION_UNKNOWN, "there is no such instruction")
        return row

    def _view(self, row: InstructionRow, now: int, *, is_new: bool = False) -> InstructionView:
        events = self._store.instructions.events_of(row.instruction_id)
        present = self._store.presence.presence(row.agent_id)
        state: str = row.ended_as or events[-1].state
        if row.ended_as is None and row.taken_by is None and row.not_after_unix_us < now:
            state = "expired"
        return InstructionView(
            instruction_id=row.instruction_id,
            agent_id=row.agent_id,
            kind=row.kind,
            ticket_id=row.ticket_id,
            sheet_id=row.sheet_id,
            issued_by=row.issued_by,
            issued_unix_us=row.issued_unix_us,
            not_after_unix_us=row.not_after_unix_us,
            state=state,
            has_ended=state in _ENDED or state == "expired",
            record_digest=next((each.record_digest for each in events if each.record_digest), None),
            is_connected=present is not None and present.connected_until_unix_us >= now,
            events=tuple(_event_view(each) for each in events),
            is_new=is_new,
        )


def demand_of(catalogue: Catalogue, plan_id: str | None, mode: Mode, now_unix_us: int) -> Demand:
    """Return what a session may take; raises RefusalError `plan_unknown`, `mode_unknown`."""
    try:
        if plan_id is None:
            return demand_without_profile(mode)
        return demand(catalogue.for_plan(plan_id, day_of(now_unix_us)), mode)
    except PlanUnknownError as error:
        raise RefusalError(Code.PLAN_UNKNOWN, str(error)) from error
    except ModeUnknownError as error:
        raise RefusalError(Code.MODE_UNKNOWN, str(error)) from error


def _purpose(wish: InstructionWish) -> Literal["install", "ticket", "sweep"]:
    if wish.ticket_id is not None:
        return "ticket"
    return "install" if wish.sheet_id is not None else "sweep"


def _alike(wish: InstructionWish) -> str:
    of = wish.ticket_id or wish.sheet_id or f"plan {wish.plan_id or '-'}"
    return f"{_purpose(wish)} {of} {wish.kind} {wish.mode}"


def _ticket_event(
    row: InstructionRow,
    step: _Step,
    now_unix_us: int,
    *,
    by: str | None = None,
    code: str | None = None,
    detail: str | None = None,
    record: str | None = None,
) -> EventRow | None:
    """Return the entry in the ticket's log, None where there is no ticket."""
    if row.ticket_id is None:
        return None
    body = Diagnosis(
        step=step,
        instruction=row.instruction_id,
        agent=row.agent_id,
        by=by,
        code=code,
        detail=detail,
        record=record,
    )
    return row_of(row.ticket_id, Entry(at_unix_us=now_unix_us, actor=None, body=body))


def _event_view(row: InstructionEventRow) -> EventView:
    return EventView(
        state=row.state,
        at_unix_us=row.at_unix_us,
        by=row.by,
        code=row.code,
        detail=row.detail,
        until_unix_us=row.until_unix_us,
        record_digest=row.record_digest,
    )
