"""The commands of `omega campaign`: parsed here, done in `omega_agent.commands_campaign`."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_agent.cli_context import around, at_the_edge
from omega_agent.cli_options import Home, Json, Lang, Progress, Save

campaign_app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@campaign_app.callback()
def campaign() -> None:
    """Take the runs that a regulator's rule asks for, over days."""


@campaign_app.command()
@at_the_edge
def rules(
    context: typer.Context,
    *,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="ID", help="Only this one, with its demands.")
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
    home: Home = None,
) -> int:
    """List the rules that are known, or say what one asks for."""
    from omega_agent import commands_campaign

    return commands_campaign.rules(around(context, lang, home, as_json=as_json), rule_id=rule)


@campaign_app.command()
@at_the_edge
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
) -> int:
    """Begin a campaign, and say when its runs may be taken."""
    from omega_agent import commands_campaign

    return commands_campaign.start(
        around(context, lang, home, as_json=as_json), rule_id=rule, plan_id=plan
    )


@campaign_app.command()
@at_the_edge
def status(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> int:
    """Say how the campaign stands, and when its next runs may be taken."""
    from omega_agent import commands_campaign

    return commands_campaign.status(around(context, lang, home, as_json=as_json))


@campaign_app.command("run")
@at_the_edge
def take(
    context: typer.Context,
    *,
    as_json: Json = False,
    save: Save = None,
    progress: Progress = "auto",
    lang: Lang = None,
    home: Home = None,
) -> int:
    """Take the run that is due; too early is refused and says when."""
    from omega_agent import commands_campaign

    found = around(context, lang, home, as_json=as_json, progress=progress)
    return commands_campaign.take(found, save_to=save)


@campaign_app.command()
@at_the_edge
def report(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> int:
    """Tell the rule's result and the statistical verdict, side by side."""
    from omega_agent import commands_campaign

    return commands_campaign.report(around(context, lang, home, as_json=as_json))


@campaign_app.command()
@at_the_edge
def stop(context: typer.Context, *, lang: Lang = None, home: Home = None) -> int:
    """End the campaign, and keep what it has."""
    from omega_agent import commands_campaign

    return commands_campaign.stop(around(context, lang, home))
