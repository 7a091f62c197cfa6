"""What the store promises of those who use the pages; see `omega_server.people`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Somebody's account; `name` is kept in small letters. Hashes are None where none was set."""

    name: str
    role: str
    level: int
    language: str | None
    password_hash: str | None
    pin_hash: str | None
    created_unix_us: int
    locked_unix_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """Somebody is logged in: known by the digest of their token, until a time."""

    token_digest: str
    name: str
    csrf: str
    created_unix_us: int
    used_unix_us: int
    expires_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """A link by which somebody sets a password, once; known by the digest of its token."""

    token_digest: str
    name: str
    expires_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """How often a login failed, for an account or from an address, and when it did last."""

    failures: int
    last_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Somebody did or saw something. `audit_no` is given by the store."""

    at_unix_us: int
    who: str
    what: str
    subject: str
    address: str
    audit_no: int = 0


class PeopleStore(Protocol):
    """Accounts, sessions, invitations, failed logins, the audit."""

    def add(self, account: AccountRow) -> None:
        """Keep an account; raises AlreadyThereError."""
        ...

    def change(self, account: AccountRow) -> None:
        """Keep an account as it is now; raises NotThereError."""
        ...

    def account(self, name: str) -> AccountRow | None:
        """Return the account of this name."""
        ...

    def accounts(self) -> Sequence[AccountRow]:
        """Return every account, by name."""
        ...

    def open_session(self, session: SessionRow) -> None:
        """Keep a session, and forget those of this account that are over."""
        ...

    def session(self, token_digest: str) -> tuple[SessionRow, AccountRow] | None:
        """Return a session and whose it is, whether it is over or not."""
        ...

    def used(self, token_digest: str, at_unix_us: int) -> None:
        """Note that a session was used."""
        ...

    def end_sessions(self, name: str, *, token_digest: str | None = None) -> None:
        """Forget a session of an account, or all of them."""
        ...

    def invite(self, invitation: InvitationRow) -> None:
        """Keep an invitation in place of any other of this account."""
        ...

    def accept(self, token_digest: str, at_unix_us: int) -> str | None:
        """Use an invitation up and return whose it was; None where there is none any more."""
        ...

    def failures(self, keys: Sequence[str]) -> Mapping[str, FailureRow]:
        """Return how often logins failed under these keys."""
        ...

    def failed(self, keys: Sequence[str], at_unix_us: int, *, forget_before_unix_us: int) -> None:
        """Count a failure under each key; what is older than this is forgotten."""
        ...

    def forgive(self, key: str) -> None:
        """Forget the failures under a key."""
        ...

    def note(self, entry: AuditRow) -> None:
        """Add to the audit."""
        ...

    def audit(self, *, before: int | None = None, count: int) -> Sequence[AuditRow]:
        """Return entries, newest first, before this number."""
        ...
