"""The desk of accounts: added, given roles, locked, reset; passwords and PINs set and checked.

An account is made without a password: its owner sets one by a one-time link that is told once, so
nobody knows another's. The same link is the way back for who forgot it. Accounts are never removed,
as logs name them; who leaves is locked, and every change of what somebody may do ends their
sessions.

A PIN is what a technician signs with on a telephone that stays logged in. It is set with the
password, and five wrong ones in a row lock it until it is set again.
"""

from __future__ import annotations

from dataclasses import replace

from omega_core import limits
from omega_core.clock import Clock
from omega_core.units import US_PER_S
from omega_server.identity import token_digest
from omega_server.ids import uuid7
from omega_server.people.journal import Journal
from omega_server.people.messages import (
    AddedView,
    LinkView,
    NewPerson,
    PasswordWish,
    PeopleView,
    PersonView,
    PinWish,
    RoleWish,
    SecretView,
)
from omega_server.people.passwords import Passwords, check_password, check_pin
from omega_server.people.roles import OPERATOR, Caller, Person, Role, check_post
from omega_server.people.secret_words import as_kept, new_link_secret
from omega_server.people.tries import Tries
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import AlreadyThereError
from omega_server.store.people_port import AccountRow, LinkPurpose, LinkRow
from omega_server.store.port import Store


class PeopleDesk:
    """Everything that is done with accounts."""

    def __init__(
        self, *, store: Store, clock: Clock, passwords: Passwords, journal: Journal, tries: Tries
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._journal = journal
        self._tries = tries

    def add(self, caller: Caller, wish: NewPerson) -> AddedView:
        """Make an account; raises RefusalError `person_known`, `person_unfit`."""
        check_post(wish.role, wish.level)
        if wish.name == OPERATOR.name:
            detail = f"{wish.name} is who holds the operator's token"
            raise RefusalError(Code.PERSON_KNOWN, detail)
        now = self._clock.unix_us()
        row = AccountRow(
            account_id=uuid7(now),
            name=wish.name,
            role=wish.role.value,
            level=wish.level,
            language=wish.language,
            created_unix_us=now,
        )
        made = self._journal.entry(caller, "added", "account", row.name, _post(row))
        try:
            self._store.people.add_account(row, made)
        except AlreadyThereError as error:
            raise RefusalError(Code.PERSON_KNOWN, str(error)) from error
        return AddedView(person=person_view(row), reset=self._reset(caller, row))

    def set_role(self, caller: Caller, name: str, wish: RoleWish) -> PersonView:
        """Give somebody another role; raises RefusalError `person_unknown`, `person_unfit`."""
        check_post(wish.role, wish.level)
        row = replace(self.known(name), role=wish.role.value, level=wish.level)
        return self._changed(caller, row, "role", _post(row))

    def lock(self, caller: Caller, name: str) -> PersonView:
        """Keep somebody out from now on; raises RefusalError `person_unknown`."""
        row = self.known(name)
        if row.locked_unix_us is not None:
            return person_view(row)
        return self._changed(caller, replace(row, locked_unix_us=self._clock.unix_us()), "locked")

    def unlock(self, caller: Caller, name: str) -> PersonView:
        """Let somebody in again; raises RefusalError `person_unknown`."""
        return self._changed(caller, replace(self.known(name), locked_unix_us=None), "unlocked")

    def reset(self, caller: Caller, name: str) -> SecretView:
        """Return the secret of a one-time link to set a password; raises RefusalError.

        The password holds until the link is used; links made before open nothing any more.
        """
        return self._reset(caller, self.known(name))

    def set_by_link(self, secret: str, password: str, address: str) -> PersonView:
        """Set a password by a one-time link; raises RefusalError.

        The link is used up by a password that is taken, and by nothing else.
        """
        digest, now = token_digest(as_kept(secret)), self._clock.unix_us()
        link = self._store.people.link(digest)
        row = self._account_behind(link)
        check_password(password, name=row.name)
        kept = self._passwords.hash_of(password)
        if self._store.people.use_link(digest, at_unix_us=now) is None:
            raise RefusalError(Code.LINK_REFUSED, "the link was used, revoked, or is too old")
        caller = Caller(person=person_of(row), address=address)
        return self._changed(caller, replace(row, password_hash=kept), "password", "by link")

    def set_password(self, caller: Caller, wish: PasswordWish) -> PersonView:
        """Change one's own password, which ends one's sessions; raises RefusalError."""
        row = self._confirmed(caller, wish.old)
        check_password(wish.new, name=row.name)
        kept = self._passwords.hash_of(wish.new)
        return self._changed(caller, replace(row, password_hash=kept), "password")

    def set_pin(self, caller: Caller, wish: PinWish) -> PersonView:
        """Set one's own PIN with one's password; raises RefusalError."""
        check_pin(wish.pin)
        row = self._confirmed(caller, wish.password)
        row = replace(row, pin_hash=self._passwords.hash_of(wish.pin))
        set_now = self._journal.entry(caller, "pin", "account", row.name)
        self._store.people.change_account(row, set_now)
        return person_view(row)

    def check_pin(self, caller: Caller, pin: str) -> None:
        """Raise RefusalError unless it is this person's PIN: `pin_wrong`, `pin_locked`, `busy`.

        A try is counted before it is looked at, so tries at the same time are counted as well.
        """
        row = self._own(caller)
        if row.pin_hash is None:
            raise RefusalError(Code.PIN_LOCKED, "no PIN is set")
        people = self._store.people
        if not people.count_pin_try(row.account_id, tries_max=limits.PIN_TRIES_MAX):
            detail = f"{limits.PIN_TRIES_MAX} wrong PINs in a row locked it"
            raise RefusalError(Code.PIN_LOCKED, detail)
        if not self._passwords.check(pin, row.pin_hash).is_right:
            self._journal.write(caller, "pin wrong", "account", row.name)
            raise RefusalError(Code.PIN_WRONG, "that is not the PIN")
        people.forget_pin_tries(row.account_id)

    def known(self, name: str) -> AccountRow:
        """Return an account; raises RefusalError `person_unknown`."""
        row = self._store.people.account(name)
        if row is None:
            raise RefusalError(Code.PERSON_UNKNOWN, f"there is no account {name}")
        return row

    def person(self, name: str) -> PersonView:
        """Return an account as it is shown; raises RefusalError `person_unknown`."""
        return person_view(self.known(name))

    def every(self, *, after: str = "", count: int = limits.ACCOUNTS_PAGE_MAX) -> PeopleView:
        """Return accounts by name, after the one named."""
        rows = self._store.people.accounts(after=after, count=count)
        return PeopleView(
            people=tuple(person_view(row) for row in rows),
            next_after=rows[-1].name if len(rows) == count else None,
        )

    def _confirmed(self, caller: Caller, password: str) -> AccountRow:
        """Return the caller's own account; raises RefusalError `login_wrong`, `login_limited`.

        Counted like logins: a telephone that was left lying is no place to guess a password.
        """
        row = self._own(caller)
        self._tries.count(name=row.name, address=caller.address)
        if not self._passwords.check(password, row.password_hash).is_right:
            self._journal.write(caller, "password wrong", "account", row.name)
            raise RefusalError(Code.LOGIN_WRONG, "that is not the present password")
        self._tries.forgive(name=row.name, address=caller.address)
        return row

    def _own(self, caller: Caller) -> AccountRow:
        account_id = caller.person.account_id
        row = None if account_id is None else self._store.people.account_of(account_id)
        if row is None:
            raise RefusalError(Code.NOT_ALLOWED, "this is for people who have an account")
        return row

    def _account_behind(self, link: LinkRow | None) -> AccountRow:
        is_reset = link is not None and link.purpose is LinkPurpose.RESET
        account_id = link.account_id if link is not None and is_reset else None
        row = None if account_id is None else self._store.people.account_of(account_id)
        if row is None or row.locked_unix_us is not None:
            raise RefusalError(Code.LINK_REFUSED, "the link opens nothing")
        return row

    def _reset(self, caller: Caller, row: AccountRow) -> SecretView:
        now, secret = self._clock.unix_us(), new_link_secret()
        link = LinkRow(
            link_id=uuid7(now),
            digest=token_digest(secret),
            purpose=LinkPurpose.RESET,
            account_id=row.account_id,
            subscriber_ref=None,
            made_by=caller.person.name,
            created_unix_us=now,
            expires_unix_us=now + limits.RESET_LIFE_S * US_PER_S,
            uses_left=1,
        )
        made = self._journal.entry(caller, "reset", "account", row.name)
        self._store.people.add_link(link, made, open_max=1)
        return SecretView(secret=secret, link=link_view(link))

    def _changed(self, caller: Caller, row: AccountRow, what: str, detail: str = "") -> PersonView:
        """Keep what changed and end the account's sessions."""
        entry = self._journal.entry(caller, what, "account", row.name, detail)
        self._store.people.change_account(row, entry, end_sessions=True)
        return person_view(row)


def person_of(row: AccountRow) -> Person:
    """Return who has an account."""
    return Person(
        name=row.name,
        role=Role(row.role),
        level=row.level,
        account_id=row.account_id,
        language=row.language,
    )


def person_view(row: AccountRow) -> PersonView:
    """Return an account without what is secret."""
    return PersonView(
        name=row.name,
        role=Role(row.role),
        level=row.level,
        language=row.language,
        has_password=row.password_hash is not None,
        has_pin=row.pin_hash is not None,
        is_of_provider=row.oidc_subject is not None,
        created_unix_us=row.created_unix_us,
        locked_unix_us=row.locked_unix_us,
    )


def link_view(row: LinkRow) -> LinkView:
    """Return a link without its digest."""
    return LinkView(
        link_id=row.link_id,
        subscriber_ref=row.subscriber_ref,
        made_by=row.made_by,
        created_unix_us=row.created_unix_us,
        expires_unix_us=row.expires_unix_us,
        uses_left=row.uses_left,
        revoked_unix_us=row.revoked_unix_us,
    )


def _post(row: AccountRow) -> str:
    return row.role if row.level is None else f"{row.role} {row.level}"
