"""Instructions in SQL: see `omega_server.store.instruction_port`.

What decides is always one conditional UPDATE inside the transaction: that an instruction is taken
once, that it ends once. On PostgreSQL two that try at the same time wait for the row's lock, and
the second sees what the first has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from omega_core.instruction import LAST_STATES
from omega_core.limits import INSTRUCTION_RUN_S_MAX
from omega_core.units import US_PER_S
from omega_server.store import signals
from omega_server.store.database import Database
from omega_server.store.errors import (
    InstructionEndedError,
    InstructionTakenError,
    NotThereError,
    TooManyHeldError,
)
from omega_server.store.events import append
from omega_server.store.instruction_port import InstructionEventRow, InstructionRow, Signals
from omega_server.store.instruction_tables import instruction_events, instructions
from omega_server.store.rows import EventRow
from omega_server.store.tables import agents

_ROW = [column for column in instructions.c if column.name != "instruction_no"]
_EVENT = [column for column in instruction_events.c if column.name != "event_no"]
_OPEN = instructions.c.ended_unix_us.is_(None)


class SqlInstructions:
    """Implements `InstructionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(
        self, instruction: InstructionRow, *, event: EventRow | None, held_max: int
    ) -> tuple[InstructionRow, bool]:
        """See `InstructionStore.issue`."""
        agent_id, now = instruction.agent_id, instruction.issued_unix_us
        with self._database.write() as connection:
            self._database.alone(connection, f"instructions of {agent_id}")
            known = sa.select(agents.c.agent_id).where(agents.c.agent_id == agent_id)
            if connection.execute(known).first() is None:
                raise NotThereError(f"agent {agent_id} is not known")
            waiting = _to_do(connection, agent_id, now)
            for other in waiting:
                if other.alike == instruction.alike:
                    return other, False
            if len(waiting) >= held_max:
                raise TooManyHeldError(f"agent {agent_id} has {held_max} instructions already")
            connection.execute(sa.insert(instructions), asdict(instruction))
            _write(connection, _issued(instruction))
            _log(connection, event)
            signals.give(self._database, connection, agent_id)
            return instruction, True

    def instruction(self, instruction_id: str) -> InstructionRow | None:
        """See `InstructionStore.instruction`."""
        with self._database.read() as connection:
            return _find(connection, instruction_id)

    def instructions_of(
        self, *, agent_id: str | None = None, ticket_id: str | None = None
    ) -> Sequence[InstructionRow]:
        """See `InstructionStore.instructions_of`."""
        select = sa.select(*_ROW).order_by(instructions.c.instruction_no)
        if agent_id is not None:
            select = select.where(instructions.c.agent_id == agent_id)
        if ticket_id is not None:
            select = select.where(instructions.c.ticket_id == ticket_id)
        with self._database.read() as connection:
            return [InstructionRow(**row) for row in connection.execute(select).mappings()]

    def open_for(self, agent_id: str, now_unix_us: int) -> Sequence[InstructionRow]:
        """See `InstructionStore.open_for`."""
        with self._database.read() as connection:
            return _to_do(connection, agent_id, now_unix_us)

    def report(self, report: InstructionEventRow, *, event: EventRow | None) -> bool:
        """See `InstructionStore.report`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"instruction {report.instruction_id}")
            row = _known(connection, report.instruction_id)
            if _is_written(connection, report):
                return False
            _check_open(row, report)
            if report.state == "accepted":
                _change(connection, row, taken_by=report.instance)
            if report.state in LAST_STATES:
                _end(connection, row, report)
            _write(connection, report)
            _log(connection, event)
            return True

    def note(self, entry: InstructionEventRow) -> None:
        """See `InstructionStore.note`."""
        with self._database.write() as connection:
            _write(connection, entry)

    def withdraw(self, entry: InstructionEventRow, *, event: EventRow | None) -> bool:
        """See `InstructionStore.withdraw`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"instruction {entry.instruction_id}")
            row = _known(connection, entry.instruction_id)
            if row.ended_as is not None:
                return False
            _end(connection, row, entry)
            _write(connection, entry)
            _log(connection, event)
            signals.give(self._database, connection, row.agent_id)
            return True

    def events_of(self, instruction_id: str) -> Sequence[InstructionEventRow]:
        """See `InstructionStore.events_of`."""
        mine = instruction_events.c.instruction_id == instruction_id
        select = sa.select(*_EVENT).where(mine).order_by(instruction_events.c.event_no)
        with self._database.read() as connection:
            return [InstructionEventRow(**row) for row in connection.execute(select).mappings()]

    def signals(self, after: int) -> Signals:
        """See `InstructionStore.signals`."""
        with self._database.read() as connection:
            return signals.newer(connection, after)


def _to_do(connection: Connection, agent_id: str, now_unix_us: int) -> list[InstructionRow]:
    in_time = instructions.c.not_after_unix_us >= now_unix_us
    may_run_us = INSTRUCTION_RUN_S_MAX * US_PER_S
    begun = instructions.c.taken_by.is_not(None) & (
        instructions.c.not_after_unix_us >= now_unix_us - may_run_us
    )
    select = (
        sa.select(*_ROW)
        .where((instructions.c.agent_id == agent_id) & _OPEN & (begun | in_time))
        .order_by(instructions.c.instruction_no)
    )
    return [InstructionRow(**row) for row in connection.execute(select).mappings()]


def _find(connection: Connection, instruction_id: str) -> InstructionRow | None:
    select = sa.select(*_ROW).where(instructions.c.instruction_id == instruction_id)
    row = connection.execute(select).mappings().first()
    return None if row is None else InstructionRow(**row)


def _known(connection: Connection, instruction_id: str) -> InstructionRow:
    row = _find(connection, instruction_id)
    if row is None:
        raise NotThereError(f"instruction {instruction_id} is not known")
    return row


def _is_written(connection: Connection, report: InstructionEventRow) -> bool:
    events = instruction_events.c
    same = (
        (events.instruction_id == report.instruction_id)
        & (events.instance == report.instance)
        & (events.report_no == report.report_no)
    )
    return connection.execute(sa.select(events.event_no).where(same)).first() is not None


def _check_open(row: InstructionRow, report: InstructionEventRow) -> None:
    if row.ended_as is not None:
        raise InstructionEndedError(row.ended_as)
    if row.taken_by is None:
        if row.not_after_unix_us < report.at_unix_us:
            raise InstructionEndedError("expired")
    elif row.taken_by != report.instance:
        raise InstructionTakenError("another run of the daemon has the instruction")


def _end(connection: Connection, row: InstructionRow, entry: InstructionEventRow) -> None:
    _change(connection, row, ended_as=entry.state, ended_unix_us=entry.at_unix_us)


def _change(connection: Connection, row: InstructionRow, **values: object) -> None:
    mine = instructions.c.instruction_id == row.instruction_id
    connection.execute(sa.update(instructions).where(mine & _OPEN).values(**values))


def _issued(instruction: InstructionRow) -> InstructionEventRow:
    return InstructionEventRow(
        instruction_id=instruction.instruction_id,
        agent_id=instruction.agent_id,
        state="issued",
        at_unix_us=instruction.issued_unix_us,
        by=instruction.issued_by,
    )


def _write(connection: Connection, entry: InstructionEventRow) -> None:
    connection.execute(sa.insert(instruction_events), asdict(entry))


def _log(connection: Connection, event: EventRow | None) -> None:
    if event is not None:
        append(connection, [event])
