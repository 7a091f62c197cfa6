"""`omega-server user`: accounts of those who use the pages."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_server.cli.common import AsJson, Data, DatabaseUrl, moment, show, store_of
from omega_server.people.desk import INVITATION_S, PeopleDesk
from omega_server.people.roles import Role
from omega_server.store.people_port import AccountRow

users = typer.Typer(help="Accounts of those who use the pages.", no_args_is_help=True)

_BY = "operator"
_ROLES = ", ".join(Role)
_HOURS = INVITATION_S // 3_600
_Level = Annotated[int, typer.Option("--level", min=0, max=4, help="Of the helpdesk: 1 to 4.")]
_RoleName = Annotated[str, typer.Option("--role", metavar="ROLE", help=f"One of: {_ROLES}.")]


@users.command("add")
def add_user(
    user: str,
    role: _RoleName,
    *,
    level: _Level = 0,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; the link that is printed lets its owner set a password, once."""
    with store_of(data, database) as store:
        desk = PeopleDesk(store, SystemClock())
        token = desk.add(user, _role(role), level=level, by=_BY)
    _show_link(user, token, as_json=as_json)


@users.command("reset")
def reset_user(
    user: str, *, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Print a new link for a password; sessions of the account end."""
    with store_of(data, database) as store:
        token = PeopleDesk(store, SystemClock()).invite_again(user, by=_BY)
    _show_link(user, token, as_json=as_json)


@users.command("role")
def set_role(
    user: str,
    role: _RoleName,
    *,
    level: _Level = 0,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give an account another role."""
    with store_of(data, database) as store:
        account = PeopleDesk(store, SystemClock()).set_role(user, _role(role), level=level, by=_BY)
    show(_content(account), lambda: [_line(account)], as_json=as_json)


@users.command("lock")
def lock_user(
    user: str, *, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Let nobody in with an account any more."""
    with store_of(data, database) as store:
        account = PeopleDesk(store, SystemClock()).lock(user, by=_BY)
    show(_content(account), lambda: [_line(account)], as_json=as_json)


@users.command("unlock")
def unlock_user(
    user: str, *, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Let the owner of an account in again."""
    with store_of(data, database) as store:
        account = PeopleDesk(store, SystemClock()).unlock(user, by=_BY)
    show(_content(account), lambda: [_line(account)], as_json=as_json)


@users.command("list")
def list_users(
    *, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """List every account, by name."""
    with store_of(data, database) as store:
        accounts = store.people.accounts()
    content = {"accounts": [_content(each) for each in accounts]}
    show(content, lambda: [_line(each) for each in accounts], as_json=as_json)


def _role(text: str) -> Role:
    if text not in set(Role):
        raise UsageError(f"--role is one of: {_ROLES}")
    return Role(text)


def _show_link(user: str, token: str, *, as_json: bool) -> None:
    path = f"/invited/{token}"
    told = [f"{user}: the server's address and {path}", f"good once, for {_HOURS} hours"]
    show({"name": user, "path": path}, lambda: told, as_json=as_json)


def _content(account: AccountRow) -> dict[str, object]:
    """Return an account without its hashes."""
    return {
        "name": account.name,
        "role": account.role,
        "level": account.level,
        "created_unix_us": account.created_unix_us,
        "locked_unix_us": account.locked_unix_us,
        "has_password": account.password_hash is not None,
    }


def _line(account: AccountRow) -> str:
    level = f" level {account.level}" if account.level else ""
    state = "" if account.password_hash else ", invited"
    if account.locked_unix_us is not None:
        state = f", locked {moment(account.locked_unix_us)}"
    return f"{account.name}  {account.role}{level}{state}"
