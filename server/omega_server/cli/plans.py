"""`omega-server plan`: what plans promise, and whether a profile can be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from omega_acceptance.catalogue import Catalogue
from omega_acceptance.errors import PlanUnknownError
from omega_acceptance.profile import AcceptanceProfile
from omega_acceptance.schema import parse_profile
from omega_core.errors import UsageError
from omega_core.limits import PROFILE_BYTES_MAX
from omega_server.cli.common import AsJson, Data, Plans, known_plans, name, now_unix_us, show
from omega_server.ids import day_of

plans = typer.Typer(help="Plans and their acceptance profiles.", no_args_is_help=True)


@plans.command("list")
def list_plans(plans_folder: Plans = None, data: Data = None, *, as_json: AsJson = False) -> None:
    """List every plan, and the profile that says what it promises today."""
    found = _in_force(known_plans(plans_folder, data), day_of(now_unix_us()))
    content = [{"plan_id": plan_id, **_reference(profile)} for plan_id, profile in found]
    lines = [f"{plan_id:24} {_line(profile)}" for plan_id, profile in found]
    show(content, lambda: lines, as_json=as_json)


@plans.command("show")
def show_plan(
    plan_id: Annotated[str, typer.Argument(metavar="ID")],
    plans_folder: Plans = None,
    data: Data = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a plan promises today."""
    profile = known_plans(plans_folder, data).for_plan(name(plan_id), day_of(now_unix_us()))
    content = {**_reference(profile), "content": profile.content()}
    show(content, lambda: _lines(profile), as_json=as_json)


@plans.command("check")
def check_plan(
    file: Annotated[Path, typer.Argument(metavar="FILE")], *, as_json: AsJson = False
) -> None:
    """Check a profile; an error names file, line and figure, and what to do."""
    try:
        with file.open("rb") as stream:
            data = stream.read(PROFILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    profile = parse_profile(data, str(file))
    show(_reference(profile), lambda: [f"{file}: good; {_line(profile)}"], as_json=as_json)


def _in_force(catalogue: Catalogue, today: date) -> list[tuple[str, AcceptanceProfile]]:
    """Return the plans that may be sold today; a profile may take effect later, or have ended."""
    found = []
    for plan_id in catalogue.plan_ids:
        with suppress(PlanUnknownError):
            found.append((plan_id, catalogue.for_plan(plan_id, today)))
    return found


def _reference(profile: AcceptanceProfile) -> dict[str, object]:
    return {"profile_id": profile.id, "version": profile.version, "digest": profile.digest}


def _line(profile: AcceptanceProfile) -> str:
    return f"{profile.id} version {profile.version}, digest {profile.digest[:12]}"


def _lines(profile: AcceptanceProfile) -> Iterator[str]:
    yield _line(profile)
    yield f"  effective from {profile.effective_from}, rates at the layer {profile.rate_layer}"
    for criterion in profile.content()["criteria"]:
        modes = ", ".join(criterion["mandatory_in"]) or "advisory"
        limit = criterion["limit"]
        shown = limit if isinstance(limit, int) else json.dumps(limit)
        yield (
            f"  {criterion['id']:10} {criterion['metric']:26} {criterion['op']:8} {shown}"
            f" {criterion['unit']}  ({modes})"
        )
