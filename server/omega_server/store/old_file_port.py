"""What the store promises of sheets that were taken over from old files; see `port`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from omega_server.store.rows import EventRow, SheetRow, SubscriberRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRow:
    """A row of an old file that became a draft sheet.

    `digest` is of the row's values, `file_digest` of the file's bytes. `personal` describes a
    person and is kept apart from `values`. `missing` names the fields that a complete sheet has.
    """

    digest: str
    file_digest: str
    file_name: str
    place: str
    subscriber_ref: str
    sheet_id: str
    cpe_serial: str | None
    cpe_mac: str | None
    values: Mapping[str, str]
    personal: Mapping[str, str]
    missing: Sequence[str]
    taken_unix_us: int
    taken_by: str


class OldFileStore(Protocol):
    """Rows of old files, each with the sheet that was made of it."""

    def take(
        self,
        row: TakenRow,
        *,
        sheet: SheetRow,
        subscriber: SubscriberRow | None,
        events: Sequence[EventRow],
    ) -> TakenRow:
        """Keep row, sheet, the subscriber where one is given, and the events; all or nothing.

        A row whose digest, or whose subscriber, was taken before changes nothing, and the one that
        was kept then is returned, however many ask at once. Raises AlreadyThereError where the
        subscriber is there and one is given, NotThereError where neither is.
        """
        ...

    def alike(
        self, *, subscriber_ref: str, cpe_serial: str | None, cpe_mac: str | None
    ) -> Sequence[TakenRow]:
        """Return the rows of this subscriber or this device, in the order they were taken."""
        ...

    def taken(self, *, after: str = "", count: int | None = None) -> Sequence[TakenRow]:
        """Return the rows whose sheets come after a number, by sheet, at most `count`."""
        ...
