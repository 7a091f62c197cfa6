"""The entrance: who comes in by a password, by a private link or code, or from a provider.

    login(name, password)  --+
    enter(link or code)    --+--> a session's token, kept here only as its digest
    admit(account)         --+        |
                               session(token) --> the person, and the token that goes with changes

Theory of operation. A token is 192 random bits; whoever shows it is who logged in, until it was
idle too long, its life is over, the account is locked or changed, or the link is revoked: all of
that is looked up with each request, so nothing that was taken away works a second longer. When it
was last used is written once a minute.

The CSRF token follows from a secret of the session (HMAC-SHA-256), so it needs no place of its own
and another session's does not fit.

A name nobody has and a wrong password have one answer and take one time; so has a locked account,
which only the owner of the right password could tell apart. How often one may try: `tries`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from omega_core import limits
from omega_core.clock import Clock
from omega_core.units import US_PER_S
from omega_server import subscribers
from omega_server.identity import new_token, token_digest
from omega_server.ids import uuid7
from omega_server.people.desk import link_view, person_of
from omega_server.people.journal import Journal
from omega_server.people.messages import LinksView, LinkView, SecretView
from omega_server.people.passwords import Passwords
from omega_server.people.roles import Caller, Person, Role
from omega_server.people.secret_words import as_kept, new_code, new_link_secret
from omega_server.people.tries import Tries
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import NotThereError
from omega_server.store.people_port import AccountRow, LinkPurpose, LinkRow, SessionRow
from omega_server.store.port import Store

_CSRF_LABEL = b"omega-csrf/v1:"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NO_NAME = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody is in: `token` is for the cookie and is told once, `csrf` goes with changes."""

    token: str
    person: Person
    csrf: str
    ends_unix_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is behind a token."""

    person: Person
    csrf: str
    ends_unix_us: int


class Entrance:
    """Lets people in and out, and says who is in."""

    def __init__(
        self, *, store: Store, clock: Clock, passwords: Passwords, journal: Journal, tries: Tries
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._journal = journal
        self._tries = tries

    def login(self, name: str, password: str, address: str) -> Entered:
        """Let somebody in; raises RefusalError `login_wrong`, `login_limited`, `busy`."""
        typed = name.strip().lower()
        self._tries.count(name=typed, address=address)
        row = self._store.people.account(typed) if _NAME.fullmatch(typed) else None
        checked = self._passwords.check(password, None if row is None else row.password_hash)
        if row is None or not checked.is_right or row.locked_unix_us is not None:
            self._refused("login refused", typed, address, "locked" if checked.is_right else "")
            detail = "name and password do not belong together"
            raise RefusalError(Code.LOGIN_WRONG, detail)
        self._tries.forgive(name=typed, address=address)
        if checked.renewed is not None:
            row = replace(row, password_hash=checked.renewed)
            self._store.people.change_account(row, None)
        return self.admit(row, address, "password")

    def admit(self, row: AccountRow, address: str, how: str) -> Entered:
        """Let in who has shown that the account is theirs; raises RefusalError `login_wrong`."""
        if row.locked_unix_us is not None:
            self._refused("login refused", row.name, address, "locked")
            raise RefusalError(Code.LOGIN_WRONG, "this account is not let in")
        life = (limits.SESSION_IDLE_S, limits.SESSION_LIFE_S)
        return self._begin(person_of(row), None, address, how, life)

    def enter(self, secret: str, address: str, *, language: str = "fr") -> Entered:
        """Let a customer in by a private link or code; raises RefusalError `link_refused`."""
        self._tries.count(name=None, address=address)
        digest = token_digest(as_kept(secret))
        link = self._store.people.link(digest)
        if link is None or link.purpose is not LinkPurpose.CUSTOMER:
            self._refused("link refused", _NO_NAME, address, "unknown")
            raise RefusalError(Code.LINK_REFUSED, "no link or code of ours")
        used = self._store.people.use_link(digest, at_unix_us=self._clock.unix_us())
        if used is None:
            self._refused("link refused", link.subscriber_ref or "", address, link.link_id)
            raise RefusalError(Code.LINK_REFUSED, "it was used up, revoked, or is too old")
        self._tries.forgive(name=None, address=address)
        ref = used.subscriber_ref or ""
        person = Person(name=ref, role=Role.CUSTOMER, subscriber_ref=ref, language=language)
        life = (limits.CUSTOMER_IDLE_S, limits.CUSTOMER_LIFE_S)
        return self._begin(person, used, address, used.link_id, life)

    def logout(self, token: str, caller: Caller) -> None:
        """End the session of a token."""
        gone = self._journal.entry(caller, "logout", "account", caller.person.name)
        self._store.people.end_session(token_digest(token), gone)

    def session(self, token: str) -> Session:
        """Return who is behind a token; raises RefusalError `session_ended`."""
        digest, now = token_digest(token), self._clock.unix_us()
        row = self._store.people.session(digest)
        if row is None or now >= min(row.idle_unix_us, row.ends_unix_us):
            raise RefusalError(Code.SESSION_ENDED, "this session is over")
        person = self._behind(row)
        if now - row.used_unix_us >= limits.SESSION_NOTED_S * US_PER_S:
            idle_us = row.idle_unix_us - row.used_unix_us
            self._store.people.note_use(digest, used_unix_us=now, idle_unix_us=now + idle_us)
        return Session(person=person, csrf=_csrf(row), ends_unix_us=row.ends_unix_us)

    def customer_link(
        self, caller: Caller, subscriber_ref: str, *, as_code: bool = False
    ) -> SecretView:
        """Return a new way in to one line, told once; raises RefusalError.

        `subscriber_unknown`, and `links_too_many` where the line has as many good ones as it may.
        """
        subscribers.known(self._store, subscriber_ref)
        now = self._clock.unix_us()
        secret = new_code() if as_code else new_link_secret()
        life_s = limits.CUSTOMER_CODE_LIFE_S if as_code else limits.CUSTOMER_LINK_LIFE_S
        uses = limits.CUSTOMER_CODE_USES_MAX if as_code else limits.CUSTOMER_LINK_USES_MAX
        link = LinkRow(
            link_id=uuid7(now),
            digest=token_digest(as_kept(secret)),
            purpose=LinkPurpose.CUSTOMER,
            account_id=None,
            subscriber_ref=subscriber_ref,
            made_by=caller.person.name,
            created_unix_us=now,
            expires_unix_us=now + life_s * US_PER_S,
            uses_left=uses,
        )
        kind = "code" if as_code else "link"
        made = self._journal.entry(caller, f"{kind} made", "line", subscriber_ref, link.link_id)
        if not self._store.people.add_link(link, made, open_max=limits.LINKS_OF_A_LINE_MAX):
            detail = f"{limits.LINKS_OF_A_LINE_MAX} links to this line are good already"
            raise RefusalError(Code.LINKS_TOO_MANY, detail)
        return SecretView(secret=secret, link=link_view(link))

    def links(self, subscriber_ref: str) -> LinksView:
        """Return the links to a line, newest first."""
        rows = self._store.people.links(subscriber_ref)
        return LinksView(links=tuple(link_view(row) for row in rows))

    def revoke(self, caller: Caller, link_id: str) -> LinkView:
        """Revoke a link and end what it opened; raises RefusalError `link_refused`."""
        entry = self._journal.entry(caller, "link revoked", "link", link_id)
        try:
            return link_view(self._store.people.revoke_link(link_id, entry))
        except NotThereError as error:
            raise RefusalError(Code.LINK_REFUSED, str(error)) from error

    def _begin(
        self, person: Person, link: LinkRow | None, address: str, how: str, life_s: tuple[int, int]
    ) -> Entered:
        now, token = self._clock.unix_us(), new_token()
        row = SessionRow(
            digest=token_digest(token),
            account_id=person.account_id,
            subscriber_ref=person.subscriber_ref,
            link_id=None if link is None else link.link_id,
            language=person.language,
            csrf_secret=new_token(),
            created_unix_us=now,
            used_unix_us=now,
            idle_unix_us=now + life_s[0] * US_PER_S,
            ends_unix_us=now + life_s[1] * US_PER_S,
        )
        caller = Caller(person=person, address=address)
        entry = self._journal.entry(caller, "login", "account", person.name, how)
        sessions_max = limits.SESSIONS_OF_AN_ACCOUNT_MAX
        self._store.people.add_session(row, entry, sessions_max=sessions_max)
        return Entered(token=token, person=person, csrf=_csrf(row), ends_unix_us=row.ends_unix_us)

    def _behind(self, row: SessionRow) -> Person:
        """Return whose session it is; raises RefusalError `session_ended` where that is over."""
        if row.account_id is None:
            ref = row.subscriber_ref or ""
            return Person(name=ref, role=Role.CUSTOMER, subscriber_ref=ref, language=row.language)
        account = self._store.people.account_of(row.account_id)
        if account is None or account.locked_unix_us is not None:
            raise RefusalError(Code.SESSION_ENDED, "this account is not let in any more")
        return person_of(account)

    def _refused(self, what: str, name: str, address: str, detail: str) -> None:
        shown = name if _NAME.fullmatch(name.lower()) else _NO_NAME
        entry = self._journal.stranger(what, shown, address, detail)
        self._store.people.write_audit(entry)


def is_csrf(session: Session, given: str) -> bool:
    """Compare in a time that does not tell where the difference is."""
    return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "surrogatepass"))


def _csrf(row: SessionRow) -> str:
    text = _CSRF_LABEL + row.digest.encode("ascii")
    return hmac.digest(row.csrf_secret.encode("ascii"), text, hashlib.sha256).hex()
