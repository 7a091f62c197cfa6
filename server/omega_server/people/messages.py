"""What is sent to and from the endpoints of people; names, and the secrets people carry."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from omega_core import limits
from omega_core.models import StrictModel, UnixUs
from omega_server.people.roles import Role

AccountName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""Small letters only, so that nobody is let in or kept out by a capital."""
Language: TypeAlias = Literal["fr", "en"]
_Typed: TypeAlias = Annotated[str, Field(max_length=limits.PASSWORD_OCTETS_MAX)]


class LoginWish(StrictModel):
    """Somebody comes in: `POST /v1/login`."""

    name: Annotated[str, Field(max_length=limits.NAME_CHARS_MAX)]
    password: _Typed


class EnterWish(StrictModel):
    """A customer comes in by a private link or a code: `POST /v1/enter`."""

    secret: Annotated[str, Field(max_length=128)]
    language: Language = "fr"


class SettingWish(StrictModel):
    """A password is set by a one-time link: `POST /v1/reset`."""

    secret: Annotated[str, Field(max_length=128)]
    password: _Typed


class NewPerson(StrictModel):
    """An account to be made: `POST /v1/people`."""

    name: AccountName
    role: Role
    level: Annotated[int, Field(ge=1, le=4)] | None = None
    language: Language = "fr"


class RoleWish(StrictModel):
    """Somebody has another role from now on: `PUT /v1/people/{name}/role`."""

    role: Role
    level: Annotated[int, Field(ge=1, le=4)] | None = None


class PasswordWish(StrictModel):
    """Somebody changes their own password: `PUT /v1/me/password`."""

    old: _Typed
    new: _Typed


class PinWish(StrictModel):
    """Somebody sets their own PIN, with the password: `PUT /v1/me/pin`."""

    password: _Typed
    pin: Annotated[str, Field(max_length=64)]


class LinkWish(StrictModel):
    """A way in for a customer: a link to send, or a code to read out."""

    kind: Literal["link", "code"] = "link"


class MeView(StrictModel):
    """Who is logged in, with what may be done; `csrf` goes with every change."""

    name: str
    role: Role
    level: int | None
    subscriber_ref: str | None
    language: str
    rights: dict[str, str]
    csrf: str | None
    ends_unix_us: UnixUs | None


class PersonView(StrictModel):
    """An account, without anything secret."""

    name: str
    role: Role
    level: int | None
    language: str
    has_password: bool
    has_pin: bool
    is_of_provider: bool
    created_unix_us: UnixUs
    locked_unix_us: UnixUs | None


class PeopleView(StrictModel):
    """Accounts by name; `next_after` is where the next page begins, None at the end."""

    people: tuple[PersonView, ...]
    next_after: str | None


class LinkView(StrictModel):
    """A link to a line, as it is now; the secret was told once."""

    link_id: str
    subscriber_ref: str | None
    made_by: str
    created_unix_us: UnixUs
    expires_unix_us: UnixUs
    uses_left: int
    revoked_unix_us: UnixUs | None


class LinksView(StrictModel):
    """The links to a line, newest first."""

    links: tuple[LinkView, ...]


class SecretView(StrictModel):
    """A secret, told this once: it opens what `link` says."""

    secret: str
    link: LinkView


class AddedView(StrictModel):
    """A new account, and the one-time secret by which its owner sets the password."""

    person: PersonView
    reset: SecretView
