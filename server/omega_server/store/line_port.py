"""The lines that agents stand on, as the rest of the server sees them: promises, no SQL.

An agent stands on a line from a row's time until its next row's, by the server's clock. Windows are
of the agent's own clock, and are brought together with that by whoever reads both.
tests/contract/ holds every implementation to what is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from omega_server.store.rows import EventRow, WindowRow


class PlacedBy(StrEnum):
    """Who said where an agent stands: an operator, or a record that was measured there."""

    OPERATOR = "operator"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """Where an agent stands from a moment on; None is on no line."""

    agent_id: str
    subscriber_ref: str | None
    since_unix_us: int
    placed_by: PlacedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A time in which an agent stood on a line; None while it stands there."""

    agent_id: str
    since_unix_us: int
    until_unix_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRow:
    """A record on a sheet or ticket, as its line shows it."""

    digest: str
    mode: str
    verdict: str | None
    received_unix_us: int
    sheet_id: str | None
    ticket_id: str | None


class LineStore(Protocol):
    """Where agents stand, and what they have watched."""

    def place(self, row: PlaceRow, event: EventRow) -> PlaceRow:
        """Let an agent stand somewhere from now on, log it, and return where it stands.

        One that stands there already stays, and nothing is kept or logged; so does one that was
        never placed and is to stand nowhere. Raises NotThereError for an agent or a subscriber
        that is not known.
        """
        ...

    def place_if(self, row: PlaceRow, event: EventRow, *, newest: PlaceRow | None) -> bool:
        """Do the same unless another row than `newest` was written since; say whether it was done.

        Of many that have seen the same and ask at once one does it.
        """
        ...

    def place_of(self, agent_id: str) -> PlaceRow | None:
        """Return the newest row of an agent, None of one that was never placed."""
        ...

    def places(self) -> Mapping[str, PlaceRow]:
        """Return the newest row of each agent that was ever placed."""
        ...

    def stands(self, subscriber_ref: str) -> Sequence[Stand]:
        """Return who stood on a line and when, first come first; empty times are left out."""
        ...

    def lines_measured_by(self, agent_id: str) -> frozenset[str]:
        """Return the subscribers on whose sheets and tickets the agent has granted records."""
        ...

    def windows(
        self, agent_id: str, *, from_us: int, to_us: int, count: int
    ) -> Sequence[WindowRow]:
        """Return at most `count` windows that have time in common with this one, by beginning."""
        ...

    def last_window(self, agent_id: str, *, since_unix_us: int) -> WindowRow | None:
        """Return the window whose record came in last, by the server's clock, from then on.

        Whatever the agent takes for the time: one that lives in 1970 is heard of as well.
        """
        ...

    def newest_window(
        self, agent_id: str, *, from_us: int, to_us: int, with_outage: bool = False
    ) -> WindowRow | None:
        """Return the last begun window that has time in common with this one, if there is one.

        `with_outage`: of those with an outage that surely lasted for a time.
        """
        ...

    def last_record(self, subscriber_ref: str) -> MeasuredRow | None:
        """Return the record that came in last on any sheet or ticket of a subscriber."""
        ...
