"""Opens a ticket; where an operator's own ticket system has a number for it, it is linked at once.

An external identifier whose owner is the name of a system in `connectors.toml` is that system's
number for the ticket. Others are kept as they came, and nothing is delivered for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_core.clock import Clock
from omega_core.errors import UsageError
from omega_server import tickets
from omega_server.connectors.config import SystemSettings, check_external_id
from omega_server.connectors.desk import link_ticket
from omega_server.refusals import Code, RefusalError
from omega_server.store.port import Store
from omega_server.ticket_desk import NewTicket, TicketDesk
from omega_server.ticket_life.entries import ExternalId
from omega_server.tickets import Ticket


class TicketOpening:
    """Opens tickets for whoever may."""

    def __init__(self, store: Store, systems: Sequence[SystemSettings], clock: Clock) -> None:
        self._store = store
        self._systems = {each.name: each for each in systems}
        self._clock = clock

    def open(self, asked: NewTicket) -> Ticket:
        """Open a ticket and link it; raises RefusalError, and no ticket is opened.

        Where the server is killed between the two the ticket is there without its link, and
        whoever asked has no answer: `omega-server connector link` makes the link.
        """
        numbers = self._numbers(asked.external)
        ticket = TicketDesk(self._store, self._clock).open(asked)
        if not numbers:
            return ticket
        ticket_id, now = ticket.row.ticket_id, self._clock.unix_us()
        for system, number in numbers.items():
            link_ticket(self._store, self._systems[system], ticket_id, number, now)
        return tickets.load(self._store, ticket_id)

    def _numbers(self, external: Sequence[ExternalId]) -> dict[str, str]:
        """Return the ticket's number in each system of ours that was named."""
        numbers: dict[str, str] = {}
        for each in external:
            settings = None if each.owner is None else self._systems.get(each.owner)
            if settings is None:
                continue
            try:
                number = check_external_id(settings, each.id)
            except UsageError as error:
                raise RefusalError(Code.SCHEMA_INVALID, f"{settings.name}: {error}") from error
            if numbers.setdefault(settings.name, number) != number:
                detail = f"{settings.name}: one ticket has one number there"
                raise RefusalError(Code.SCHEMA_INVALID, detail)
        return numbers
