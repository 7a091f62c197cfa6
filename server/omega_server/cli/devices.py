"""`omega-server token` and `agent`: which devices may speak for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated

import typer

from omega_core.errors import UsageError
from omega_core.limits import AGENT_TAGS_MAX, ENROLMENT_TOKEN_LIFE_S
from omega_core.models import content_of
from omega_server import enrolment
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    InvalidSince,
    moment,
    moment_typed,
    name,
    now_unix_us,
    show,
    store_of,
)
from omega_server.instructing import roll
from omega_server.instructing.wishes import AgentView
from omega_server.lines import placing
from omega_server.store.key_port import KeyRow
from omega_server.store.rows import AgentRow, TokenRow

tokens = typer.Typer(help="One-time enrolment tokens.", no_args_is_help=True)
agents = typer.Typer(help="Enrolled devices.", no_args_is_help=True)


@tokens.command("new")
def new_token(
    serial: Annotated[
        str | None,
        typer.Option(metavar="SERIAL", help="Only for the device with this serial number."),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="ID", help="Only for the work on this sheet.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a token: it enrols one device, and is shown only now."""
    bound_to = None if serial is None else name(serial)
    sheet_id = None if sheet is None else name(sheet)
    with store_of(data, database) as store:
        token = enrolment.make_token(store, now_unix_us(), serial=bound_to, sheet_id=sheet_id)
    content = {
        "token": token,
        "life_s": ENROLMENT_TOKEN_LIFE_S,
        "serial": bound_to,
        "sheet_id": sheet_id,
    }
    show(content, lambda: [token], as_json=as_json)


@tokens.command("list")
def list_tokens(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every token: when it was made, and whether it was used."""
    with store_of(data, database) as store:
        rows = store.enrolment.tokens()
    show([asdict(row) for row in rows], lambda: map(_token_line, rows), as_json=as_json)


@agents.command("list")
def list_agents(
    data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False
) -> None:
    """List every device: its key, and whether it waits for instructions."""
    with store_of(data, database) as store:
        present = {key.owner_id: key for key in store.keys.all() if key.role == "agent"}
        rows = [_with_present_key(row, present) for row in store.enrolment.agents()]
        seen = {view.agent_id: view for view in roll.call(store, now_unix_us()).agents}
    content = [{**content_of(seen[row.agent_id]), **_agent_content(row)} for row in rows]
    lines = [f"{_agent_line(row)}  {_seen(seen[row.agent_id])}" for row in rows]
    show(content, lambda: lines, as_json=as_json)


@agents.command("tag")
def tag_agent(
    agent_id: str,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="TAG...", help="Its tags from now on; none.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a device the tags that it is called together with others by."""
    wanted = [name(each) for each in tags or ()]
    if len(wanted) > AGENT_TAGS_MAX:
        raise UsageError(f"a device has {AGENT_TAGS_MAX} tags at most")
    with store_of(data, database) as store:
        view = roll.tag(store, name(agent_id), wanted, now_unix_us())
    line = f"{view.agent_id}  {', '.join(view.tags) or 'no tags'}"
    show(content_of(view), lambda: [line], as_json=as_json)


@agents.command("place")
def place_agent(
    agent_id: str,
    subscriber_ref: Annotated[
        str | None,
        typer.Option("--subscriber", metavar="REF", help="On whose line it stands from now on."),
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    nowhere: Annotated[
        bool, typer.Option("--nowhere", help="It stands on no line any more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say on whose line a device stands: its watch counts for that line from now on."""
    if (subscriber_ref is None) != nowhere:
        raise UsageError("say one of the two: --subscriber REF, or --nowhere")
    wanted = None if subscriber_ref is None else name(subscriber_ref)
    now = now_unix_us()
    with store_of(data, database) as store:
        placing.place(store, name(agent_id), wanted, now)
        view = roll.one(store, agent_id, now)
    line = f"{view.agent_id}  {_place(view)}"
    show(content_of(view), lambda: [line], as_json=as_json)


@agents.command("revoke")
def revoke_agent(
    agent_id: str,
    reason: Annotated[str, typer.Option(help="Why; kept in the log.")],
    invalid_since: InvalidSince = None,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take a device and its keys out of use: its records are refused from now on."""
    since = moment_typed(invalid_since)
    with store_of(data, database) as store:
        row = enrolment.revoke(
            store, name(agent_id), reason, now_unix_us(), invalid_since_unix_us=since
        )
        present = {key.owner_id: key for key in store.keys.keys_of("agent", row.agent_id)}
        row = _with_present_key(row, present)
    show(_agent_content(row), lambda: [_agent_line(row)], as_json=as_json)


def _with_present_key(row: AgentRow, present: Mapping[str, KeyRow]) -> AgentRow:
    """Return the device with the key it has now, and since when that was revoked."""
    key = present[row.agent_id]
    return replace(row, kid=key.kid, revoked_unix_us=key.life.revoked_unix_us)


def _token_line(row: TokenRow) -> str:
    used = f"used {moment(row.used_unix_us)}" if row.used_unix_us is not None else "unused"
    bound = [f"  for {what}" for what in (row.serial, row.sheet_id) if what is not None]
    return f"{row.digest[:12]}  made {moment(row.created_unix_us)}  {used}{''.join(bound)}"


def _agent_line(row: AgentRow) -> str:
    revoked = row.revoked_unix_us
    state = "active" if revoked is None else f"revoked {moment(revoked)}"
    return f"{row.agent_id}  {row.kid}  enrolled {moment(row.enrolled_unix_us)}  {state}"


def _seen(view: AgentView) -> str:
    if view.seen_unix_us is None:
        state = "never connected"
    elif view.is_connected:
        state = f"connected with {view.software}"
    else:
        state = f"last seen {moment(view.seen_unix_us)}"
    twice = "  SEEN TWICE" if view.seen_twice_unix_us is not None else ""
    line = "" if view.subscriber_ref is None else f"  {_place(view)}"
    return f"{state}{twice}{line}{''.join(f'  #{tag}' for tag in view.tags)}"


def _place(view: AgentView) -> str:
    if view.subscriber_ref is None:
        return "on no line"
    return f"on the line of {view.subscriber_ref} since {moment(view.line_since_unix_us)}"


def _agent_content(row: AgentRow) -> dict[str, object]:
    return {
        "agent_id": row.agent_id,
        "kid": row.kid,
        "enrolled_unix_us": row.enrolled_unix_us,
        "revoked_unix_us": row.revoked_unix_us,
    }
