"""`omega-server line`: what is known of a line, and what was watched of it."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_core.clock import SystemClock
from omega_core.limits import LINE_PAGE_MAX
from omega_core.models import content_of
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    moment_typed,
    name,
    show,
    store_of,
)
from omega_server.cli.line_lines import line_lines
from omega_server.lines.desk import Asked, LineDesk

lines = typer.Typer(help="Customers' lines, and what was watched of them.", no_args_is_help=True)


@lines.command("show")
def show_line(
    subscriber_ref: Annotated[str, typer.Argument(metavar="REF")],
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From when; by default the plan's window."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Until when; by default now.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LINE_PAGE_MAX, help="How many outages and gaps to list.")
    ] = 20,
    lost_packets: Annotated[
        bool,
        typer.Option("--lost-packets", help="List also outages that may be a lost packet or two."),
    ] = False,
    plans: Plans = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show a line: what is known of this moment, its availability judged, its last outages."""
    asked = Asked(
        from_unix_us=moment_typed(since, "--from"),
        to_unix_us=moment_typed(until, "--to"),
        sure_only=not lost_packets,
        limit=limit,
    )
    catalogue = known_plans(plans, data)
    with store_of(data, database) as store:
        desk = LineDesk(store=store, catalogue=catalogue, clock=SystemClock())
        line = desk.page(name(subscriber_ref))
        seen = desk.availability(line.subscriber_ref, asked)
    content = {"line": content_of(line), "availability": content_of(seen)}
    show(content, lambda: line_lines(line, seen), as_json=as_json)
