"""`omega key`: the key of this device."""

from __future__ import annotations

import typer

from omega_agent.cli_context import around, at_the_edge
from omega_agent.cli_options import Home, Json, Lang

key_app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@key_app.callback()
def key() -> None:
    """Look after the key of this device."""


@key_app.command("rotate")
@at_the_edge
def rotate(
    context: typer.Context, *, as_json: Json = False, lang: Lang = None, home: Home = None
) -> int:
    """Make a new key, have the old one vouch for it, and use it from now on."""
    from omega_agent import commands_keep

    return commands_keep.rotate_key(around(context, lang, home, as_json=as_json))
