"""`omega-server connector`: the operator's ticket systems, and what is delivered to them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from omega_core.clock import SystemClock
from omega_core.errors import ExitCode, UsageError
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    moment,
    now_unix_us,
    show,
    store_of,
)
from omega_server.connectors.config import (
    CONNECTORS_FILE,
    SystemSettings,
    read_settings,
    system_of,
)
from omega_server.connectors.desk import link_ticket
from omega_server.connectors.errors import NotDeliveredError
from omega_server.store.delivery_port import DeliveryRow

connectors = typer.Typer(
    help="Ticket systems of the operator that diagnostics are posted to.", no_args_is_help=True
)
_Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help=f"The systems; by default {CONNECTORS_FILE} in --data."
    ),
]
_System: TypeAlias = Annotated[str, typer.Argument(metavar="SYSTEM", help="Name of the system.")]
_Ticket: TypeAlias = Annotated[
    str | None, typer.Option("--ticket", metavar="TICKET", help="Only of this ticket of ours.")
]


@connectors.command("check")
def check(
    data: Data = None,
    config: _Config = None,
    *,
    as_json: AsJson = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Check the file and the secrets; ask nobody.")
    ] = False,
) -> None:
    """Check the configuration, and ask each system whether it accepts our secret."""
    settings = _settings(data, config)
    found = [(each, _state(each, offline=offline)) for each in settings]
    content = [
        {"name": each.name, "kind": each.kind, "url": each.url, "wrong": wrong}
        for each, wrong in found
    ]
    good = "the file is in order" if offline else "answers, and accepts the secret"
    lines = [f"{each.name} ({each.kind}, {each.url}): {wrong or good}" for each, wrong in found]
    show(content, lambda: lines or ["no ticket system is configured"], as_json=as_json)
    if any(wrong for _, wrong in found):
        raise typer.Exit(ExitCode.UNAVAILABLE)


@connectors.command("link")
def link(
    *,
    ticket_id: Annotated[str, typer.Argument(metavar="TICKET", help="Our number.")],
    system: _System,
    external_id: Annotated[str, typer.Argument(metavar="NUMBER", help="Its number there.")],
    data: Data = None,
    database: DatabaseUrl = None,
    config: _Config = None,
) -> None:
    """Say what a ticket is called in a system: its diagnostics are posted there from now on."""
    settings = _named(_settings(data, config), system)
    with store_of(data, database) as store:
        is_new = link_ticket(store, settings, ticket_id, external_id, now_unix_us())
    typer.echo(f"{ticket_id} is {external_id} in {system}" + ("" if is_new else ", as before"))


@connectors.command("list")
def list_deliveries(
    data: Data = None,
    database: DatabaseUrl = None,
    ticket: _Ticket = None,
    *,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only what is not posted yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List deliveries, and how the last attempt of each ended."""
    with store_of(data, database) as store:
        rows = store.deliveries.deliveries(ticket_id=ticket, undelivered=undelivered)
    lines = [_line(each) for each in rows]
    show([asdict(each) for each in rows], lambda: lines or ["no deliveries"], as_json=as_json)


@connectors.command("retry")
def retry(
    system: _System, data: Data = None, database: DatabaseUrl = None, ticket: _Ticket = None
) -> None:
    """Try again now what was stopped, or waits for its next attempt."""
    with store_of(data, database) as store:
        count = store.deliveries.retry(system, now_unix_us(), ticket_id=ticket)
    typer.echo(f"{count} deliveries are due now")


def _settings(data: Path | None, config: Path | None) -> tuple[SystemSettings, ...]:
    if config is not None:
        if not config.exists():
            raise UsageError(f"there is no file {config}")
        return read_settings(config)
    if data is None:
        raise UsageError("say which server is meant: --data DIR, or --config FILE")
    return read_settings(data / CONNECTORS_FILE)


def _named(settings: tuple[SystemSettings, ...], name: str) -> SystemSettings:
    for each in settings:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in settings) or "none"
    raise UsageError(f"no system {name!r} is configured; there is {known}")


def _state(settings: SystemSettings, *, offline: bool) -> str | None:
    """Return what is wrong, None where nothing is."""
    try:
        system = system_of(settings, SystemClock())
        if not offline:
            system.check()
    except (UsageError, NotDeliveredError) as error:
        return str(error)
    return None


def _line(row: DeliveryRow) -> str:
    line = f"{row.ticket_id} -> {row.system} {row.external_id}  {row.record_digest[:12]}"
    line += f"  {row.state}, {row.attempts} attempts, {moment(row.changed_unix_us)}"
    return f"{line}: {row.code}: {row.detail}" if row.code else line
