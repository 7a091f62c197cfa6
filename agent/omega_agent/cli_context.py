"""What the command line came to: its options, and what to do with them.

A command is left behind in a `Run`; `omega_agent.cli` does it at the one edge where errors are
told. What a run needs is imported when it is done, so that parsing and help stay light.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, cast

import typer

from omega_agent.settings import home_directory, language

if TYPE_CHECKING:
    from omega_agent.home import Home as AgentHome
    from omega_agent.surroundings import Surroundings
    from omega_agent.texts import Speaker

P = ParamSpec("P")


@dataclass(slots=True)
class Run:
    """What the command line came to: options of all commands, and what to do."""

    lang: str | None = None
    home: Path | None = None
    do: Callable[[], int] | None = None


def at_the_edge(command: Callable[P, int]) -> Callable[P, None]:
    """Return what typer calls in the place of a command: it leaves it in the `Run`, undone.

    The command has a `context`; it returns the exit code.
    """

    @wraps(command)
    def leave(*args: P.args, **kwargs: P.kwargs) -> None:
        context = cast("typer.Context", kwargs["context"])  # typer hands over all of them by name
        run: Run = context.obj
        run.do = partial(command, *args, **kwargs)

    return leave


def keep_options(context: typer.Context, lang: str | None, home: Path | None) -> Run:
    """Return the run, with what a command's own options say over what stood before it."""
    run: Run = context.obj
    run.lang = lang or run.lang
    run.home = home or run.home
    return run


def around(
    context: typer.Context,
    lang: str | None,
    home: Path | None,
    *,
    as_json: bool = False,
    progress: str = "auto",
) -> Surroundings:
    """Return what a command finds around it."""
    from omega_agent.surroundings import Surroundings

    place, speaker = place_and_speaker(context, lang, home)
    return Surroundings(home=place, speaker=speaker, as_json=as_json, progress=progress)


def place_and_speaker(
    context: typer.Context, lang: str | None, home: Path | None
) -> tuple[AgentHome, Speaker]:
    """Return where the agent's things are, and who speaks: all that a daemon needs."""
    from omega_agent.home import Home as AgentHome
    from omega_agent.texts import Speaker

    run = keep_options(context, lang, home)
    place = AgentHome(home_directory(run.home, os.environ, uid=os.getuid()))
    return place, Speaker(language(run.lang, os.environ))
