"""`omega-server user`: accounts of the operator's people, and private links for customers.

A password is never an argument, where other users of the machine could read it: it is typed, read
from a file descriptor, or set by its owner with the one-time secret that is shown.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TypeVar, cast

import typer
from pydantic import ValidationError

from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_core.limits import ACCOUNTS_PAGE_MAX, PASSWORD_OCTETS_MAX
from omega_core.models import StrictModel, content_of, first_fault
from omega_server.cli.common import AsJson, Data, DatabaseUrl, moment, name, show, store_of
from omega_server.people.messages import (
    AddedView,
    LinkView,
    NewPerson,
    PeopleView,
    PersonView,
    RoleWish,
    SecretView,
)
from omega_server.people.opening import People, people_of
from omega_server.people.passwords import check_password
from omega_server.people.roles import CONSOLE, STAFF, Role, post_name

users = typer.Typer(help="The operator's people, and links for customers.", no_args_is_help=True)

_WishT = TypeVar("_WishT", bound=StrictModel)
_ROLES = "|".join(role.value for role in STAFF)
_RoleName = Annotated[str, typer.Option("--role", metavar=_ROLES, help="What they may do.")]
_Level = Annotated[
    int | None, typer.Option("--level", metavar="1..4", help="Of the helpdesk; no other role.")
]


@users.command("add")
def add_user(
    account: Annotated[str, typer.Argument(metavar="NAME")],
    role: _RoleName,
    level: _Level = None,
    language: Annotated[
        str, typer.Option("--language", metavar="fr|en", help="Of the pages they see.")
    ] = "fr",
    data: Data = None,
    *,
    database: DatabaseUrl = None,
    password_fd: Annotated[
        int | None,
        typer.Option("--password-fd", metavar="N", help="Read the password from this descriptor."),
    ] = None,
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="Ask for the password on the terminal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account; without a password, a one-time secret to set one is shown."""
    if language not in {"fr", "en"}:
        raise UsageError("--language is one of: fr, en")
    lang = cast("Literal['fr', 'en']", language)
    wish = _wish(NewPerson, name=account, role=_role(role), level=level, language=lang)
    password = _password(password_fd, ask=ask_password)
    if password is not None:
        check_password(password, name=account)
    with _people(data, database) as people:
        added = people.desk.add(CONSOLE, wish)
        if password is not None:
            people.desk.set_by_link(added.reset.secret, password, "")
            person = people.desk.person(account)
            show(content_of(person), lambda: [_line(person)], as_json=as_json)
            return
    show(content_of(added), lambda: _added_lines(added), as_json=as_json)


@users.command("list")
def list_users(data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False) -> None:
    """List every account, by name."""
    with _people(data, database) as people:
        found = _every(people)
    view = PeopleView(people=tuple(found), next_after=None)
    show(content_of(view), lambda: map(_line, found), as_json=as_json)


@users.command("role")
def set_role(
    account: Annotated[str, typer.Argument(metavar="NAME")],
    role: _RoleName,
    level: _Level = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give somebody another role; who is logged in has to log in again."""
    wish = _wish(RoleWish, role=_role(role), level=level)
    with _people(data, database) as people:
        view = people.desk.set_role(CONSOLE, name(account), wish)
    show(content_of(view), lambda: [_line(view)], as_json=as_json)


@users.command("lock")
def lock_user(
    account: Annotated[str, typer.Argument(metavar="NAME")],
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Keep somebody out from now on, also where they are logged in."""
    with _people(data, database) as people:
        view = people.desk.lock(CONSOLE, name(account))
    show(content_of(view), lambda: [_line(view)], as_json=as_json)


@users.command("unlock")
def unlock_user(
    account: Annotated[str, typer.Argument(metavar="NAME")],
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let somebody in again."""
    with _people(data, database) as people:
        view = people.desk.unlock(CONSOLE, name(account))
    show(content_of(view), lambda: [_line(view)], as_json=as_json)


@users.command("reset")
def reset_user(
    account: Annotated[str, typer.Argument(metavar="NAME")],
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a one-time secret by which somebody sets a new password."""
    with _people(data, database) as people:
        made = people.desk.reset(CONSOLE, name(account))
    show(content_of(made), lambda: [_secret_line(made)], as_json=as_json)


@users.command("link")
def make_link(
    subscriber: str,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_code: Annotated[
        bool, typer.Option("--code", help="A short code to read out, good for a day.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a private secret by which a customer sees their own line."""
    with _people(data, database) as people:
        made = people.entrance.customer_link(CONSOLE, name(subscriber), as_code=as_code)
    show(content_of(made), lambda: [_secret_line(made)], as_json=as_json)


@users.command("revoke")
def revoke_link(
    link_id: str, data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """Revoke a private link, and end what it opened."""
    with _people(data, database) as people:
        view = people.entrance.revoke(CONSOLE, name(link_id))
    show(content_of(view), lambda: [_link_line(view)], as_json=as_json)


@contextmanager
def _people(data: Path | None, database: str | None) -> Iterator[People]:
    with store_of(data, database) as store:
        yield people_of(store, SystemClock())


def _wish(model: type[_WishT], **fields: object) -> _WishT:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UsageError(first_fault(error, model)) from None


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise UsageError(f"--role is one of: {_ROLES.replace('|', ', ')}") from None


def _password(descriptor: int | None, *, ask: bool) -> str | None:
    """Return the password that was given, if one was; raises UsageError."""
    if descriptor is not None:
        return _first_line(descriptor)
    if not ask:
        return None
    if not sys.stdin.isatty():
        raise UsageError("--ask-password needs a terminal; programs use --password-fd")
    typed = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != typed:
        raise UsageError("the two are not the same")
    return typed


def _first_line(descriptor: int) -> str:
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as source:
            line = source.readline(PASSWORD_OCTETS_MAX + 2)
        return line.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise UsageError(f"--password-fd {descriptor}: {os.strerror(error.errno or 0)}") from error
    except UnicodeDecodeError:
        raise UsageError(f"--password-fd {descriptor}: not UTF-8") from None


def _every(people: People) -> list[PersonView]:
    found: list[PersonView] = []
    after: str | None = ""
    while after is not None:
        page = people.desk.every(after=after, count=ACCOUNTS_PAGE_MAX)
        found.extend(page.people)
        after = page.next_after
    return found


def _added_lines(added: AddedView) -> list[str]:
    return [_line(added.person), _secret_line(added.reset)]


def _line(view: PersonView) -> str:
    state = "" if view.locked_unix_us is None else f"locked {moment(view.locked_unix_us)}"
    secret = "password set" if view.has_password else "no password yet"
    post = post_name(view.role, view.level)
    return "  ".join(filter(None, (view.name, post, view.language, secret, state)))


def _secret_line(made: SecretView) -> str:
    return f"{made.secret}  good until {moment(made.link.expires_unix_us)}, {_uses(made.link)}"


def _link_line(view: LinkView) -> str:
    return "  ".join((view.link_id, view.subscriber_ref or "-", moment(view.revoked_unix_us)))


def _uses(view: LinkView) -> str:
    return "once" if view.uses_left == 1 else f"{view.uses_left} times"
