"""`omega-server fleet`: all lines together."""

from __future__ import annotations

import typer

from omega_core.clock import SystemClock
from omega_core.models import content_of
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    Plans,
    known_plans,
    name,
    show,
    store_of,
)
from omega_server.fleet.desk import FleetDesk, SectorView
from omega_server.fleet.keeper import FleetKeeper

fleet = typer.Typer(help="All lines together.", no_args_is_help=True)


@fleet.command("show")
def show_fleet(
    data: Data = None, database: DatabaseUrl = None, plans: Plans = None, *, as_json: AsJson = False
) -> None:
    """Show how many lines of each sector passed, failed, or were never judged."""
    with store_of(data, database) as store:
        desk = FleetDesk(store=store, catalogue=known_plans(plans, data), clock=SystemClock())
        view = desk.overview()
    show(content_of(view), lambda: [_line(each) for each in view.sectors], as_json=as_json)


@fleet.command("sector")
def place_line(
    subscriber_ref: str,
    sector: str,
    data: Data = None,
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say of which sector a line is."""
    line, place = name(subscriber_ref), name(sector)
    with store_of(data, database) as store:
        desk = FleetDesk(store=store, catalogue=known_plans(None, data), clock=SystemClock())
        desk.place(line, place)
    content = {"subscriber_ref": line, "sector": place}
    show(content, lambda: [f"{line} is of {place}"], as_json=as_json)


@fleet.command("rebuild")
def rebuild(data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False) -> None:
    """Make every figure again from the records."""
    with store_of(data, database) as store:
        count = FleetKeeper(store, SystemClock()).rebuild()
    show({"records": count}, lambda: [f"{count} records tallied"], as_json=as_json)


def _line(view: SectorView) -> str:
    sector = view.sector or "-"
    return (
        f"{sector}: {view.lines} lines, {view.passed} passed, {view.failed} failed,"
        f" {view.undecided} undecided, {view.never} never judged"
    )
