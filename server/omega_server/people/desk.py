"""Accounts and sessions: who is let in, for how long, and what is written down of it.

Guessing. After `_FREE_TRIES` failures under a key (an account, an address) each further one has to
wait, twice as long each time up to `_WAIT_S_MAX`; the wait is told, whoever asks, so that the owner
of an account is never locked out for good by others. A login that succeeds forgives the account,
not the address: behind one there may be a guesser with an account of their own.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from omega_core.clock import Clock
from omega_core.units import US_PER_S
from omega_server.people import secrets_kept
from omega_server.people.roles import Person, Role, check_level
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.people_port import (
    AccountRow,
    AuditRow,
    FailureRow,
    InvitationRow,
    SessionRow,
)
from omega_server.store.port import Store

IDLE_S: Final = 3_600  # a phone in a pocket between two rooms, and no longer
SESSION_S: Final = 12 * 3_600  # a working day
INVITATION_S: Final = 3 * 86_400  # over a weekend
_USED_EVERY_US: Final = 60 * US_PER_S  # a write a minute is enough to know who is there
_FREE_TRIES: Final = 5
_FREE_TRIES_OF_ADDRESS: Final = 20  # an office shares one
_WAIT_S_MAX: Final = 900
_FORGET_S: Final = 86_400
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_PIN: Final = "pin:"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session with the token that only its owner has."""

    token: str
    person: Person


@dataclass(frozen=True, slots=True)
class Known:
    """Whose session it is, and the token of its forms."""

    person: Person
    csrf: str


class PeopleDesk:
    """Everything that is done with accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._people = store.people
        self._clock = clock

    def add(self, name: str, role: Role, *, level: int, by: str) -> str:
        """Make an account and return the token of its invitation.

        Raises RefusalError `schema_invalid`, `account_known`.
        """
        kept = name_of(name)
        check_level(role, level)
        now = self._clock.unix_us()
        row = AccountRow(
            name=kept,
            role=role,
            level=level,
            language=None,
            password_hash=None,
            pin_hash=None,
            created_unix_us=now,
        )
        try:
            self._people.add(row)
        except AlreadyThereError as error:
            raise RefusalError(Code.ACCOUNT_KNOWN, str(error)) from error
        self.note(by, "account_added", f"{kept} {role} {level}")
        return self._invited(kept)

    def invite_again(self, name: str, *, by: str) -> str:
        """Return the token of a new invitation: the password is set anew, sessions end."""
        account = self.known(name)
        self._people.end_sessions(account.name)
        self.note(by, "account_invited", account.name)
        return self._invited(account.name)

    def set_role(self, name: str, role: Role, *, level: int, by: str) -> AccountRow:
        """Give an account another role; sessions end, for they are of the old one."""
        check_level(role, level)
        changed = replace(self.known(name), role=role, level=level)
        self._changed(changed, by, "account_role", f"{changed.name} {role} {level}")
        return changed

    def lock(self, name: str, *, by: str) -> AccountRow:
        """Let nobody in with this account any more."""
        changed = replace(self.known(name), locked_unix_us=self._clock.unix_us())
        self._changed(changed, by, "account_locked", changed.name)
        return changed

    def unlock(self, name: str, *, by: str) -> AccountRow:
        """Let its owner in again."""
        changed = replace(self.known(name), locked_unix_us=None)
        self._changed(changed, by, "account_unlocked", changed.name)
        return changed

    def known(self, name: str) -> AccountRow:
        """Return an account; raises RefusalError `account_unknown`."""
        account = self._people.account(name_of(name))
        if account is None:
            raise RefusalError(Code.ACCOUNT_UNKNOWN, f"there is no account {name_of(name)}")
        return account

    def accept(self, token: str, password: str, *, address: str) -> LoggedIn:
        """Set a password by an invitation, once, and log in.

        Raises RefusalError `invitation_over`, `schema_invalid`; a password that is not taken
        leaves the invitation good.
        """
        hashed = secrets_kept.password_hash(password)
        now = self._clock.unix_us()
        name = self._people.accept(secrets_kept.token_digest(token), now)
        account = None if name is None else self._people.account(name)
        if account is None or account.locked_unix_us is not None:
            raise RefusalError(Code.INVITATION_OVER, "this link was used, or is too old")
        account = replace(account, password_hash=hashed)
        self._people.change(account)
        self._people.end_sessions(account.name)
        self._people.forgive(account.name)
        self.note(account.name, "password_set", account.name, address)
        return self._opened(account)

    def login(self, name: str, password: str, *, address: str) -> LoggedIn:
        """Let somebody in; raises RefusalError `login_refused`, and `login_waits` with a time."""
        kept = name.strip().casefold()[:64]
        self._check_pace(kept, address)
        account = self._people.account(kept)
        hashed = None if account is None else account.password_hash
        right = secrets_kept.is_right(hashed, password)
        if not right or account is None or account.locked_unix_us is not None:
            self._failed(kept, address)
            self.note(kept or "-", "login_refused", "-", address)
            raise RefusalError(Code.LOGIN_REFUSED, "name or password is not right")
        if hashed is not None and secrets_kept.is_old(hashed):
            account = replace(account, password_hash=secrets_kept.password_hash(password))
            self._people.change(account)
        self._people.forgive(kept)
        self.note(account.name, "login", "-", address)
        return self._opened(account)

    def session(self, token: str) -> Known | None:
        """Return whose session it is; None where it is over, or none."""
        found = self._people.session(secrets_kept.token_digest(token))
        if found is None:
            return None
        session, account = found
        now = self._clock.unix_us()
        idle_us = now - session.used_unix_us
        over = now >= session.expires_unix_us or idle_us > IDLE_S * US_PER_S
        if over or account.locked_unix_us is not None:
            return None
        if idle_us > _USED_EVERY_US:
            self._people.used(session.token_digest, now)
        return Known(_person(account), session.csrf)

    def logout(self, token: str) -> None:
        """End a session; one that is over already is no error."""
        digest = secrets_kept.token_digest(token)
        found = self._people.session(digest)
        if found is not None:
            self._people.end_sessions(found[1].name, token_digest=digest)
            self.note(found[1].name, "logout", "-")

    def set_pin(self, name: str, password: str, pin: str, *, address: str) -> None:
        """Set the PIN that a technician signs with; raises RefusalError as `login`."""
        self._check_pace(name, address)
        account = self.known(name)
        hashed = secrets_kept.pin_hash(pin)
        if not secrets_kept.is_right(account.password_hash, password):
            self._failed(account.name, address)
            raise RefusalError(Code.LOGIN_REFUSED, "the password is not right")
        self._people.change(replace(account, pin_hash=hashed))
        self.note(account.name, "pin_set", "-", address)

    def check_pin(self, name: str, pin: str, *, address: str) -> None:
        """Check a PIN; raises RefusalError `login_refused`, `login_waits`, `pin_not_set`."""
        account = self.known(name)
        if account.pin_hash is None:
            raise RefusalError(Code.PIN_NOT_SET, "set a PIN first")
        key = _PIN + account.name
        self._check_pace(key, address)
        if not secrets_kept.is_right(account.pin_hash, pin):
            self._failed(key, address)
            self.note(account.name, "pin_refused", "-", address)
            raise RefusalError(Code.LOGIN_REFUSED, "the PIN is not right")
        self._people.forgive(key)

    def note(self, who: str, what: str, subject: str, address: str = "-") -> None:
        """Write down who did or saw what."""
        self._people.note(
            AuditRow(
                at_unix_us=self._clock.unix_us(),
                who=who[:64],
                what=what,
                subject=subject[:128],
                address=address[:64],
            )
        )

    def _changed(self, account: AccountRow, by: str, what: str, subject: str) -> None:
        try:
            self._people.change(account)
        except NotThereError as error:
            raise RefusalError(Code.ACCOUNT_UNKNOWN, str(error)) from error
        self._people.end_sessions(account.name)
        self.note(by, what, subject)

    def _invited(self, name: str) -> str:
        token = secrets_kept.new_token()
        expires = self._clock.unix_us() + INVITATION_S * US_PER_S
        digest = secrets_kept.token_digest(token)
        self._people.invite(InvitationRow(token_digest=digest, name=name, expires_unix_us=expires))
        return token

    def _opened(self, account: AccountRow) -> LoggedIn:
        token, now = secrets_kept.new_token(), self._clock.unix_us()
        self._people.open_session(
            SessionRow(
                token_digest=secrets_kept.token_digest(token),
                name=account.name,
                csrf=secrets_kept.new_token(),
                created_unix_us=now,
                used_unix_us=now,
                expires_unix_us=now + SESSION_S * US_PER_S,
            )
        )
        return LoggedIn(token, _person(account))

    def _check_pace(self, key: str, address: str) -> None:
        kept = self._people.failures([key, _from(address)])
        now = self._clock.unix_us()
        waits = (
            _wait_s(kept.get(key), _FREE_TRIES, now),
            _wait_s(kept.get(_from(address)), _FREE_TRIES_OF_ADDRESS, now),
        )
        if max(waits) > 0:
            raise RefusalError(
                Code.LOGIN_WAITS, "too many tries: wait before the next", retry_after_s=max(waits)
            )

    def _failed(self, key: str, address: str) -> None:
        now = self._clock.unix_us()
        self._people.failed(
            [key, _from(address)], now, forget_before_unix_us=now - _FORGET_S * US_PER_S
        )


def name_of(text: str) -> str:
    """Return an account's name as it is kept; raises RefusalError `schema_invalid`."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if not _NAME.fullmatch(name):
        raise RefusalError(
            Code.SCHEMA_INVALID, "a name is 2 to 64 letters, digits and any of . _ @ -"
        )
    return name


def _wait_s(failed: FailureRow | None, free: int, now_unix_us: int) -> int:
    """Return how long to wait before the next try."""
    if failed is None or failed.failures < free:
        return 0
    wait_s = min(_WAIT_S_MAX, 1 << min(failed.failures - free, 10))
    left_us = failed.last_unix_us + wait_s * US_PER_S - now_unix_us
    return max(0, -(-left_us // US_PER_S))


def _from(address: str) -> str:
    return f"from:{address}"


def _person(account: AccountRow) -> Person:
    return Person(
        name=account.name,
        role=Role(account.role),
        level=account.level,
        language=account.language,
    )
