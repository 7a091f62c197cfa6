"""Deliveries as the rest of the server sees them: promises, no SQL.

    waiting --> posted          it is on the ticket
       |   <--> stopped         somebody must act; `retry` sets it going again

Every call is one transaction. tests/contract/ holds every implementation to what is said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from omega_server.store.rows import EventRow

IN_HAND = "in_hand"
"""The code of a delivery that somebody has taken and not ended yet."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    POSTED = "posted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A ticket of ours, and its number in one system."""

    system: str
    ticket_id: str
    external_id: str
    linked_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One record on its way to one ticket of one system.

    `attempts` counts the times it was taken. `code` and `detail` say how the last one ended, None
    where it ended well or was never begun; IN_HAND while it goes on.
    """

    delivery_no: int
    system: str
    ticket_id: str
    external_id: str
    record_digest: str
    state: DeliveryState
    attempts: int
    due_unix_us: int
    changed_unix_us: int
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended. `due_unix_us` is when the next may begin."""

    state: DeliveryState
    at_unix_us: int
    due_unix_us: int
    code: str | None = None
    detail: str | None = None


class DeliveryStore(Protocol):
    """Links and deliveries."""

    def link(self, link: LinkRow, event: EventRow) -> bool:
        """Keep a link, make its deliveries, and log the event; False when it was there.

        Raises NotThereError for a ticket nobody knows, AlreadyThereError for one that has another
        number in this system.
        """
        ...

    def links(self, ticket_id: str) -> Sequence[LinkRow]:
        """Return the links of a ticket, by system."""
        ...

    def gather(self, system: str, now_unix_us: int, *, everything: bool = True) -> int:
        """Make the deliveries of this system that are missing; return how many that were.

        One for each record of each linked ticket, in the order in which they came in; or, because
        that costs the more the more there are, of the newest CONNECTOR_RECENT_RECORDS alone.
        """
        ...

    def take(self, system: str, *, now_unix_us: int, until_unix_us: int) -> DeliveryRow | None:
        """Take the delivery of this system that has been due longest; None when none is.

        Of a ticket only the first one that is not posted is ever taken. It is nobody else's until
        `until_unix_us`, which is the `due_unix_us` of what is returned.
        """
        ...

    def end(
        self,
        taken: DeliveryRow,
        ended: Ended,
        event: EventRow | None,
        *,
        whole_system: bool = False,
    ) -> bool:
        """Keep how an attempt ended, and log the event; False when somebody else has it by now.

        `whole_system` gives every waiting delivery of the system the same end.
        """
        ...

    def deliveries(
        self, *, system: str | None = None, ticket_id: str | None = None, undelivered: bool = False
    ) -> Sequence[DeliveryRow]:
        """Return deliveries in their order."""
        ...

    def retry(self, system: str, now_unix_us: int, *, ticket_id: str | None = None) -> int:
        """Make what is stopped or waits due now; return how many that were.

        What is in somebody's hands stays there: two at once could post what neither had found.
        """
        ...
