"""`omega-server ticket own`, `eta`, `close` and the others: what people do to a ticket.

Each command writes one entry, by the same way as the API: parsed by the same schema, stopped by the
same guards. `omega_server.cli.cases` has `open`, `show` and `list`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_core.files import write_durably
from omega_server.cli.cases import tickets
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    moment_typed,
    name,
    show,
    store_of,
)
from omega_server.cli.ticket_lines import life_lines
from omega_server.envelopes import content
from omega_server.identity import load_keys
from omega_server.ticket_desk import TicketDesk, step_model
from omega_server.ticket_life.entries import Channel, ZoneCode
from omega_server.ticket_package import package_of
from omega_server.ticket_views import life_view

_By: TypeAlias = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it.")]
_Level: TypeAlias = Annotated[
    int, typer.Option("--level", min=1, max=4, help="At which level of the operator.")
]
_Reason: TypeAlias = Annotated[str, typer.Option("--reason", help="Why, in words.")]
_Channel: TypeAlias = Annotated[Channel, typer.Option("--channel", help="By which way.")]


__all__ = ["tickets"]


class About(StrEnum):
    """What a note is about."""

    WORK = "work"
    TEST = "test"
    DIALOGUE = "dialogue"
    MEASURE = "measure"
    NOTICE = "notice"


@tickets.command("own")
def own(
    ticket_id: str,
    *,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who answers for it.")],
    by: _By,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Name who answers for a ticket."""
    _act(ticket_id, "owned", {"owner": owner}, (by, level), (data, database), as_json=as_json)


@tickets.command("eta")
def eta(
    ticket_id: str,
    *,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Such as 2026-11-24T18:00Z.")],
    reason: _Reason,
    by: _By,
    told_by: Annotated[
        Channel | None, typer.Option("--told-by", help="How the customer was told it just now.")
    ] = None,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Estimate when it will be mended, or extend the estimate."""
    entry = {"eta_unix_us": moment_typed(at, "--at"), "reason": reason, "told_by": told_by}
    _act(ticket_id, "eta", entry, (by, level), (data, database), as_json=as_json)


@tickets.command("note")
def note(
    ticket_id: str,
    *,
    text: Annotated[str, typer.Option("--text", help="What was done, tested or said.")],
    by: _By,
    about: Annotated[About, typer.Option("--about", help="What it is about.")] = About.WORK,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    changes_line: Annotated[
        bool, typer.Option("--changes-line", help="Older records are of another line.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a note."""
    entry = {"about": about, "text": text, "changes_line": changes_line}
    _act(ticket_id, "note", entry, (by, level), (data, database), as_json=as_json)


@tickets.command("zone")
def zone(
    ticket_id: str,
    *,
    code: Annotated[ZoneCode, typer.Option("--zone", help="Where the fault is.")],
    by: _By,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; what was not observed, where unknown.")
    ] = None,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Record the zone of the fault by hand, or that it is unknown."""
    entry = {"zone": code, "reason": reason}
    _act(ticket_id, "zone", entry, (by, level), (data, database), as_json=as_json)


@tickets.command("start")
def start(
    ticket_id: str,
    *,
    by: _By,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Begin to localise the fault."""
    _act(ticket_id, "started", {}, (by, level), (data, database), as_json=as_json)


@tickets.command("resolve")
def resolve(
    ticket_id: str,
    *,
    remedy: Annotated[str, typer.Option("--remedy", help="What mended it.")],
    by: _By,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Record the remedy; what is measured from now on may prove it."""
    _act(ticket_id, "resolved", {"remedy": remedy}, (by, level), (data, database), as_json=as_json)


@tickets.command("consent")
def consent(
    ticket_id: str,
    *,
    person: Annotated[str, typer.Option("--person", help="Who said it.")],
    channel: _Channel,
    by: _By,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it was said; else now.")
    ] = None,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    refused: Annotated[bool, typer.Option("--refused", help="The customer says no.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record what the customer says of closing the ticket."""
    said = SystemClock().unix_us() if at is None else moment_typed(at, "--at")
    entry = {"person": person, "channel": channel, "agrees": not refused, "said_unix_us": said}
    _act(ticket_id, "consent", entry, (by, level), (data, database), as_json=as_json)


@tickets.command("waive")
def waive(
    ticket_id: str,
    *,
    reason: _Reason,
    by: _By,
    level: _Level,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Close without a measurement after the remedy: level 3 answers for it."""
    _act(ticket_id, "waiver", {"reason": reason}, (by, level), (data, database), as_json=as_json)


@tickets.command("close")
def close(
    ticket_id: str,
    *,
    by: _By,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Close a ticket that is measured or waived, and agreed."""
    _act(ticket_id, "closed", {}, (by, level), (data, database), as_json=as_json)


@tickets.command("escalate")
def escalate(
    ticket_id: str,
    *,
    to: Annotated[int, typer.Option("--to", min=2, max=4, help="The level that takes over.")],
    reason: _Reason,
    by: _By,
    question: Annotated[
        str | None, typer.Option("--question", help="What that level is asked.")
    ] = None,
    level: _Level = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Raise a ticket to a higher level."""
    entry = {"level": to, "reason": reason, "question": question}
    _act(ticket_id, "escalated", entry, (by, level), (data, database), as_json=as_json)


@tickets.command("package")
def package(
    ticket_id: str,
    *,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where it goes.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", envvar="OMEGA_DATA", help="The data folder.")
    ],
    database: DatabaseUrl = None,
    level: Annotated[
        int | None, typer.Option("--level", min=1, max=4, help="For which level; else its own.")
    ] = None,
) -> None:
    """Write the escalation package: one archive, signed with the server's key."""
    with store_of(data, database) as store:
        packed = package_of(store, name(ticket_id), load_keys(data)[0], level=level)
    if output.exists():
        raise UsageError(f"{output} is there already")
    write_durably(output, packed)
    typer.echo(str(output))


def _act(
    ticket_id: str,
    kind: str,
    entry: dict[str, Any],
    actor: tuple[str, int],
    where: tuple[Path | None, str | None],
    *,
    as_json: bool,
) -> None:
    by, level = actor
    asked = {"actor": {"name": by, "level": level}, "entry": entry}
    step: Any = content(step_model(kind), json.dumps(asked).encode())
    clock = SystemClock()
    with store_of(*where) as store:
        ticket = TicketDesk(store, clock).act(name(ticket_id), step)
        view = life_view(store, ticket, clock.unix_us())
    show(view.model_dump(mode="json"), lambda: life_lines(view), as_json=as_json)
