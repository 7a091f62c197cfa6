"""What the store promises of people; see `omega_server.store.port`.

Of every secret that is carried (a session, a link, a code) only a digest is kept. Whatever changes
an account or a link is written together with its entry in the audit log, or not at all; the audit
log has no call that changes or removes an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Somebody of the operator's. Hashes are of argon2; None where nothing is set yet."""

    account_id: str
    name: str
    role: str
    level: int | None
    language: str
    password_hash: str | None = None
    pin_hash: str | None = None
    pin_tries: int = 0
    oidc_subject: str | None = None
    created_unix_us: int
    locked_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One login: of an account, or of a line by a private link."""

    digest: str
    account_id: str | None
    subscriber_ref: str | None
    link_id: str | None
    language: str
    csrf_secret: str
    created_unix_us: int
    used_unix_us: int
    idle_unix_us: int
    ends_unix_us: int


class LinkPurpose(StrEnum):
    """What a secret that was handed out opens."""

    RESET = "reset"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A secret that was handed out: to set an account's password, or to see one line."""

    link_id: str
    digest: str
    purpose: LinkPurpose
    account_id: str | None
    subscriber_ref: str | None
    made_by: str
    created_unix_us: int
    expires_unix_us: int
    uses_left: int
    revoked_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who did or saw what, from where, when. `subject_id` names it, `detail` is a few words."""

    at_unix_us: int
    who: str
    role: str
    what: str
    subject: str
    subject_id: str
    address: str
    detail: str = ""
    audit_no: int | None = None


class TrySubject(StrEnum):
    """By what failed logins are counted."""

    NAME = "name"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class TryCount:
    """How many tries there were, this one included, since when."""

    tries: int
    since_unix_us: int


class PeopleStore(Protocol):
    """Accounts, sessions, links, counters of tries, the audit log."""

    def add_account(self, account: AccountRow, audit: AuditRow) -> None:
        """Keep an account; raises AlreadyThereError for a name or subject that is taken."""
        ...

    def account(self, name: str) -> AccountRow | None:
        """Return the account of this name."""
        ...

    def account_of_subject(self, oidc_subject: str) -> AccountRow | None:
        """Return the account that a provider's subject was bound to."""
        ...

    def account_of(self, account_id: str) -> AccountRow | None:
        """Return the account."""
        ...

    def accounts(self, *, after: str = "", count: int) -> Sequence[AccountRow]:
        """Return accounts by name, after the one named."""
        ...

    def change_account(
        self, account: AccountRow, audit: AuditRow | None, *, end_sessions: bool = False
    ) -> None:
        """Keep what changes of an account: all but its id, name, creation, and `pin_tries`.

        A PIN that is another than before starts without tries. With `end_sessions` every session
        of the account ends in the same transaction. Raises NotThereError.
        """
        ...

    def count_pin_try(self, account_id: str, *, tries_max: int) -> bool:
        """Count a try before it is looked at; False, and nothing counted, where none is left."""
        ...

    def forget_pin_tries(self, account_id: str) -> None:
        """Begin counting anew: the PIN was right."""
        ...

    def add_session(self, session: SessionRow, audit: AuditRow, *, sessions_max: int) -> None:
        """Keep a session; of an account's the oldest beyond the number end, so do expired ones."""
        ...

    def session(self, digest: str) -> SessionRow | None:
        """Return the session with this digest, ended by time or not."""
        ...

    def note_use(self, digest: str, *, used_unix_us: int, idle_unix_us: int) -> None:
        """Keep when a session was last used; one that is not there any more stays away."""
        ...

    def end_session(self, digest: str, audit: AuditRow) -> None:
        """End a session; one that is not there is left alone, and nothing is written."""
        ...

    def add_link(self, link: LinkRow, audit: AuditRow, *, open_max: int) -> bool:
        """Keep a link; False where `open_max` of its account or line are good at its creation.

        A new link of an account takes the place of those before it.
        """
        ...

    def link(self, digest: str) -> LinkRow | None:
        """Return the link with this digest."""
        ...

    def link_named(self, link_id: str) -> LinkRow | None:
        """Return the link of this name."""
        ...

    def links(self, subscriber_ref: str) -> Sequence[LinkRow]:
        """Return the links to a line, newest first."""
        ...

    def use_link(self, digest: str, *, at_unix_us: int) -> LinkRow | None:
        """Use a link once and return it as it is then; None where it is not good any more."""
        ...

    def revoke_link(self, link_id: str, audit: AuditRow) -> LinkRow:
        """Revoke a link, once, and end the sessions it opened; raises NotThereError."""
        ...

    def count_try(
        self, subject: TrySubject, key: str, *, at_unix_us: int, window_us: int, rows_max: int
    ) -> TryCount:
        """Count a try, from one on again once the window since the first is over."""
        ...

    def forget_try(self, subject: TrySubject, key: str, *, all_of_them: bool) -> None:
        """Take one try, or all, off the count."""
        ...

    def write_audit(self, audit: AuditRow) -> None:
        """Append one entry."""
        ...

    def audit(
        self,
        *,
        before: int | None = None,
        count: int,
        who: str | None = None,
        subject: str | None = None,
        subject_id: str | None = None,
    ) -> Sequence[AuditRow]:
        """Return entries, newest first, before the numbered one."""
        ...
