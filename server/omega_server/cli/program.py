"""All commands put together, and the way out: every end has a documented exit code."""

from __future__ import annotations

from typing import NoReturn

import typer

from omega_core.edge import code_of_parser, leave_with
from omega_core.errors import ExitCode
from omega_server.cli import (
    cases,
    connectors,
    devices,
    fleet,
    instructing,
    keys,
    lines,
    log,
    old_files,
    people,
    plans,
    schedules,
    serve,
    ticket_steps,
)

app = typer.Typer(
    name="omega-server",
    help="The Omega server: test points, sessions, records, sheets and tickets.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run")(serve.run)
app.command("testpoint")(serve.run_test_point)
app.command("migrate")(serve.migrate)
app.add_typer(devices.tokens, name="token")
app.add_typer(devices.agents, name="agent")
app.add_typer(keys.keys, name="key")
app.add_typer(cases.subscribers, name="subscriber")
app.add_typer(cases.sheets, name="sheet")
app.add_typer(ticket_steps.tickets, name="ticket")
app.add_typer(lines.lines, name="line")
app.add_typer(instructing.instructions, name="instruction")
app.add_typer(instructing.suppressions, name="suppression")
app.add_typer(schedules.schedules, name="schedule")
app.add_typer(fleet.fleet, name="fleet")
app.add_typer(old_files.imports, name="import")
app.command("export")(old_files.export)
app.add_typer(plans.plans, name="plan")
app.add_typer(log.logs, name="log")
app.add_typer(people.users, name="user")
app.add_typer(connectors.connectors, name="connector")


def main() -> NoReturn:
    """Run the program. This is the only place that ends the process."""
    leave_with("omega-server", _run_app)


def _run_app() -> int:
    """Run typer, and put our codes in the place of its own."""
    try:
        app()
    except SystemExit as leaving:
        return code_of_parser(leaving)
    return ExitCode.ACCEPTED
