"""The audit log: who did and saw what, from where, when.

Written by the parts themselves in the transaction of what they change, and by the API for what it
lets through. Nothing here or in the store changes or removes an entry.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from omega_core import limits
from omega_core.clock import Clock
from omega_core.facts import INTEGER_MAX
from omega_core.models import StrictModel, UnixUs
from omega_server.people.roles import Caller
from omega_server.store.people_port import AuditRow
from omega_server.store.port import Store

_DETAIL_CHARS_MAX = 200
_SUBJECT_CHARS_MAX = 80


class AuditEntryView(StrictModel):
    """One entry. A `role` that is empty is somebody who was not let in."""

    audit_no: Annotated[int, Field(ge=1, le=INTEGER_MAX)]
    at_unix_us: UnixUs
    who: str
    role: str
    what: str
    subject: str
    subject_id: str
    address: str
    detail: str


class AuditView(StrictModel):
    """Entries, newest first; `next_before` is where the next page begins, None at the end."""

    entries: tuple[AuditEntryView, ...]
    next_before: int | None


class Journal:
    """Makes entries, and lists them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def entry(
        self, caller: Caller, what: str, subject: str, subject_id: str, detail: str = ""
    ) -> AuditRow:
        """Return an entry of now, to be stored with what it is about."""
        return AuditRow(
            at_unix_us=self._clock.unix_us(),
            who=caller.person.name,
            role=caller.person.role.value,
            what=what,
            subject=subject,
            subject_id=subject_id[:_SUBJECT_CHARS_MAX],
            address=caller.address,
            detail=detail[:_DETAIL_CHARS_MAX],
        )

    def stranger(self, what: str, name: str, address: str, detail: str) -> AuditRow:
        """Return an entry about somebody who was not let in under a name that was typed."""
        return AuditRow(
            at_unix_us=self._clock.unix_us(),
            who=name,
            role="",
            what=what,
            subject="account",
            subject_id=name,
            address=address,
            detail=detail,
        )

    def write(
        self, caller: Caller, what: str, subject: str, subject_id: str, detail: str = ""
    ) -> None:
        """Append an entry of now: for what changes nothing in the store, such as reading."""
        self._store.people.write_audit(self.entry(caller, what, subject, subject_id, detail))

    def page(
        self,
        *,
        before: int | None = None,
        count: int = limits.AUDIT_PAGE_MAX,
        who: str | None = None,
        subject: str | None = None,
        subject_id: str | None = None,
    ) -> AuditView:
        """Return entries, newest first."""
        rows = self._store.people.audit(
            before=before, count=count, who=who, subject=subject, subject_id=subject_id
        )
        entries = tuple(_view(row) for row in rows)
        return AuditView(
            entries=entries, next_before=entries[-1].audit_no if len(rows) == count else None
        )


def _view(row: AuditRow) -> AuditEntryView:
    return AuditEntryView(
        audit_no=row.audit_no or 0,
        at_unix_us=row.at_unix_us,
        who=row.who,
        role=row.role,
        what=row.what,
        subject=row.subject,
        subject_id=row.subject_id,
        address=row.address,
        detail=row.detail,
    )
