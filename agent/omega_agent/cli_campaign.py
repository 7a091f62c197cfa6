"""The commands of `omega campaign`: parsed here, done in `omega_agent.commands_campaign`."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_agent.cli_context import around, run_of
from omega_agent.cli_options import Home, Json, Lang, Progress, Save

campaign_app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@campaign_app.callback()
def campaign() -> None:
    """Take the runs that a regulator's rule asks for, over days."""


@campaign_app.command()
def rules(
    context: typer.Context,
    *,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="ID", help="Only this one, with its demands.")
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
    home: Home = None,
) -> None:
    """List the rules that are known, or say what one asks for."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        return commands_campaign.rules(around(run, as_json=as_json), rule_id=rule)

    run.do = do


@campaign_app.command()
def start(
    context: typer.Context,
    *,
    rule: Annotated[
        str, typer.Option("--rule", metavar="ID", help="The rule that the runs keep to.")
    ],
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="ID", help="The line's plan; else that of its last record."),
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
    home: Home = None,
) -> None:
    """Begin a campaign, and say when its runs may be taken."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        return commands_campaign.start(around(run, as_json=as_json), rule_id=rule, plan_id=plan)

    run.do = do


@campaign_app.command()
def status(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> None:
    """Say how the campaign stands, and when its next runs may be taken."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        return commands_campaign.status(around(run, as_json=as_json))

    run.do = do


@campaign_app.command("run")
def take(
    context: typer.Context,
    *,
    as_json: Json = False,
    save: Save = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> None:
    """Take the run that is due; too early is refused and says when."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        surroundings = around(run, as_json=as_json, progress=progress)
        return commands_campaign.take(surroundings, save_to=save)

    run.do = do


@campaign_app.command()
def report(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> None:
    """Tell the rule's result and the statistical verdict, side by side."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        return commands_campaign.report(around(run, as_json=as_json))

    run.do = do


@campaign_app.command()
def stop(context: typer.Context, *, lang: Lang = None, home: Home = None) -> None:
    """End the campaign, and keep what it has."""
    run = run_of(context, lang, home)

    def do() -> int:
        from omega_agent import commands_campaign  # noqa: PLC0415 - see omega_agent.cli

        return commands_campaign.stop(around(run))

    run.do = do
