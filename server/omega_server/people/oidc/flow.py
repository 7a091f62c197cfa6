"""A login by the provider, from leaving to coming back: authorization code flow with PKCE.

    begin()            where to send the browser, and what it keeps meanwhile (a cookie)
    finish(kept, ...)  state, code, ID token, role, account --> Entered

Theory of operation. What belongs to a login under way (state, nonce, PKCE verifier, RFC 7636) is
kept by the browser in a cookie that scripts don't see, with a MAC of this server: nothing is stored
here, any process can finish, and a login begun in one browser can't be finished in another.

The provider says who somebody is (`sub`) and, by a claim, what they are; the account is made at the
first login and has the role of the claim from each login on. A name that another account has is
refused: an account that has a password is never taken over by a name at a provider.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from omega_core.canonical import NotPlainJsonError, canonical_bytes, parse_plain
from omega_core.clock import Clock
from omega_core.keys import NotAKeyError, SigningKey, from_base64url, to_base64url
from omega_core.limits import OIDC_PENDING_S
from omega_core.units import US_PER_S
from omega_server.identity import is_same_secret
from omega_server.ids import uuid7
from omega_server.people.desk import person_of
from omega_server.people.entrance import Entered, Entrance
from omega_server.people.journal import Journal
from omega_server.people.oidc.config import ProviderSettings, is_safe_address
from omega_server.people.oidc.door import ProviderDoor
from omega_server.people.oidc.tokens import TokenError, checked_claims
from omega_server.people.roles import CONSOLE, Caller
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import AlreadyThereError
from omega_server.store.people_port import AccountRow
from omega_server.store.port import Store

_LABEL = b"omega-oidc-login/v1"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Leaving:
    """`url` is the provider's page; `kept` goes into a cookie until they come back."""

    url: str
    kept: str


class ProviderLogin:
    """Logins by one provider."""

    def __init__(
        self,
        *,
        settings: ProviderSettings,
        door: ProviderDoor,
        entrance: Entrance,
        journal: Journal,
        store: Store,
        clock: Clock,
        key: SigningKey,
    ) -> None:
        self._settings = settings
        self._door = door
        self._entrance = entrance
        self._journal = journal
        self._store = store
        self._clock = clock
        self._mac_key = hashlib.sha256(key.sign(_LABEL)).digest()

    def begin(self) -> Leaving:
        """Return where somebody logs in; raises RefusalError `provider_silent`."""
        state, nonce, verifier = (to_base64url(secrets.token_bytes(32)) for _ in range(3))
        challenge = hashlib.sha256(verifier.encode("ascii")).digest()
        query = {
            "response_type": "code",
            "scope": "openid profile",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "state": state,
            "nonce": nonce,
            "code_challenge": to_base64url(challenge),
            "code_challenge_method": "S256",
        }
        page = self._place("authorization_endpoint", self._document())
        joint = "&" if "?" in page else "?"
        ends = self._clock.unix_us() + OIDC_PENDING_S * US_PER_S
        kept = self._sealed([state, nonce, verifier, ends])
        return Leaving(f"{page}{joint}{urlencode(query)}", kept)

    def finish(self, kept: str, *, state: str, code: str, address: str) -> Entered:
        """Let in who comes back from the provider; raises RefusalError."""
        expected, nonce, verifier = self._opened(kept)
        if not is_same_secret(state, expected):
            raise RefusalError(Code.LOGIN_WRONG, "this is not the login that was begun here")
        document = self._document()
        token = self._redeemed(document, code, verifier)
        keys = self._door.get(self._place("jwks_uri", document))
        try:
            claims = checked_claims(
                token,
                keys,
                issuer=self._settings.issuer,
                client_id=self._settings.client_id,
                nonce=nonce,
                now_unix_s=self._clock.unix_us() // US_PER_S,
            )
        except TokenError as error:
            raise RefusalError(Code.LOGIN_WRONG, f"the provider's word: {error}") from error
        return self._entrance.admit(self._account(claims), address, "provider")

    def _document(self) -> Mapping[str, Any]:
        document = self._door.get(self._settings.issuer.rstrip("/") + _DISCOVERY)
        if document.get("issuer") != self._settings.issuer:
            raise RefusalError(Code.PROVIDER_SILENT, "the provider calls itself by another name")
        return document

    @staticmethod
    def _place(name: str, document: Mapping[str, Any]) -> str:
        place = document.get(name)
        if not isinstance(place, str) or not is_safe_address(place):
            raise RefusalError(Code.PROVIDER_SILENT, f"the provider has no safe {name}")
        return place

    def _redeemed(self, document: Mapping[str, Any], code: str, verifier: str) -> str:
        """Return the ID token that a code stands for."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": verifier,
        }
        secret = self._settings.secret()
        basic = None if secret is None else (self._settings.client_id, secret)
        answer = self._door.post_form(self._place("token_endpoint", document), fields, basic)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise RefusalError(Code.PROVIDER_SILENT, "the provider gave no ID token")
        return token

    def _account(self, claims: Mapping[str, Any]) -> AccountRow:
        """Return the account of somebody, made or brought up to date."""
        role, level = self._post(claims)
        text = f"{self._settings.issuer}\n{claims['sub']}"
        subject = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        row = self._store.people.account_of_subject(subject)
        if row is None:
            return self._made(claims, subject, role, level)
        if (row.role, row.level) == (role, level):
            return row
        row = replace(row, role=role, level=level)
        entry = self._journal.entry(CONSOLE, "role", "account", row.name, "by the provider")
        self._store.people.change_account(row, entry, end_sessions=True)
        return row

    def _made(
        self, claims: Mapping[str, Any], subject: str, role: str, level: int | None
    ) -> AccountRow:
        name = str(claims.get(self._settings.name_claim, "")).lower()
        if _NAME.fullmatch(name) is None or name == CONSOLE.person.name:
            raise RefusalError(Code.LOGIN_WRONG, "the provider gives no name that can be one here")
        now = self._clock.unix_us()
        row = AccountRow(
            account_id=uuid7(now),
            name=name,
            role=role,
            level=level,
            language="fr",
            oidc_subject=subject,
            created_unix_us=now,
        )
        entry = self._journal.entry(
            Caller(person=person_of(row)), "added", "account", name, "by the provider"
        )
        try:
            self._store.people.add_account(row, entry)
        except AlreadyThereError as error:
            detail = f"another account has the name {name}; an administrator can tell them apart"
            raise RefusalError(Code.LOGIN_WRONG, detail) from error
        return row

    def _post(self, claims: Mapping[str, Any]) -> tuple[str, int | None]:
        told = claims.get(self._settings.role_claim)
        values = [told] if isinstance(told, str) else told
        if isinstance(values, list):
            for each in self._settings.roles:
                if each.value in values:
                    return each.role.value, each.level
        raise RefusalError(Code.LOGIN_WRONG, "the provider knows no role here for this person")

    def _sealed(self, content: list[str | int]) -> str:
        body = canonical_bytes(content)
        mac = hmac.digest(self._mac_key, body, hashlib.sha256)
        return f"{to_base64url(body)}.{to_base64url(mac)}"

    def _opened(self, kept: str) -> tuple[str, str, str]:
        """Return state, nonce and verifier of a login under way; raises RefusalError."""
        body_text, _, mac_text = kept.partition(".")
        try:
            body, mac = from_base64url(body_text), from_base64url(mac_text)
            if not hmac.compare_digest(mac, hmac.digest(self._mac_key, body, hashlib.sha256)):
                raise RefusalError(Code.LOGIN_WRONG, "no login was begun in this browser")
            state, nonce, verifier, ends = parse_plain(body)
        except (NotAKeyError, UnicodeError, NotPlainJsonError, ValueError) as error:
            raise RefusalError(Code.LOGIN_WRONG, "no login was begun in this browser") from error
        if self._clock.unix_us() >= ends:
            raise RefusalError(Code.LOGIN_WRONG, "this login took too long: begin again")
        return state, nonce, verifier
