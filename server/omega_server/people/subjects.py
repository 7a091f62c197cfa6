"""Whose things are: a sheet's, ticket's, record's line, and the technicians it is assigned to.

Everything leads to a line. What is not there leads nowhere, which is nobody's own.
"""

from __future__ import annotations

from collections.abc import Callable

from omega_server import tickets
from omega_server.people.roles import NOTHING, About
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store


def nobody(_sheet_id: str) -> str | None:
    """Say that a sheet is assigned to nobody: where sheets are not assigned at all."""
    return None


class Subjects:
    """Finds whose something is."""

    def __init__(self, store: Store, technician_of: Callable[[str], str | None] = nobody) -> None:
        self._store = store
        self._technician_of = technician_of

    def line(self, subscriber_ref: str) -> About:
        """Return whose a line is: also those technicians' who have one of its sheets."""
        sheets = self._store.cases.sheets(subscriber_ref)
        found = (self._technician_of(sheet.sheet_id) for sheet in sheets)
        technicians = frozenset(each for each in found if each is not None)
        return About(subscriber_ref=subscriber_ref, technicians=technicians)

    def sheet(self, sheet_id: str) -> About:
        """Return whose a sheet is."""
        row = self._store.cases.sheet(sheet_id)
        if row is None:
            return NOTHING
        technician = self._technician_of(sheet_id)
        technicians = frozenset() if technician is None else frozenset({technician})
        return About(subscriber_ref=row.subscriber_ref, technicians=technicians)

    def ticket(self, ticket_id: str) -> About:
        """Return whose a ticket is, with the level it stands at."""
        try:
            ticket = tickets.load(self._store, ticket_id)
        except RefusalError as error:
            if error.code is not Code.TICKET_UNKNOWN:
                raise
            return NOTHING
        line = self.line(ticket.row.subscriber_ref)
        return About(
            subscriber_ref=line.subscriber_ref,
            technicians=line.technicians,
            ticket_level=ticket.life.level,
        )

    def record(self, digest: str) -> About:
        """Return whose a record is: that of its sheet or ticket; without either, nobody's."""
        row = self._store.sessions.record(digest)
        if row is None:
            return NOTHING
        return self.case(row.sheet_id, row.ticket_id)

    def instruction(self, instruction_id: str) -> About:
        """Return whose an instruction is: that of its sheet or ticket."""
        row = self._store.instructions.instruction(instruction_id)
        if row is None:
            return NOTHING
        return self.case(row.sheet_id, row.ticket_id)

    def case(self, sheet_id: str | None, ticket_id: str | None) -> About:
        """Return whose a sheet, else a ticket, is."""
        if sheet_id is not None:
            return self.sheet(sheet_id)
        return NOTHING if ticket_id is None else self.ticket(ticket_id)
