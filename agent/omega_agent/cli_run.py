"""What a command of `omega` is while its options are parsed, and what it finds when it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from omega_agent.settings import home_directory, language

if TYPE_CHECKING:
    from omega_agent.surroundings import Surroundings


@dataclass(slots=True)
class Run:
    """What the command line came to: options of all commands, and what to do."""

    lang: str | None = None
    home: Path | None = None
    do: Callable[[], int] | None = None


def run_of(context: typer.Context, lang: str | None, home: Path | None) -> Run:
    """Return the run, with what a command's own options say over what stood before it."""
    run: Run = context.obj
    run.lang = lang or run.lang
    run.home = home or run.home
    return run


def around(run: Run, *, as_json: bool = False, progress: str = "auto") -> Surroundings:
    """Return what the command works with; only now is anything of it loaded."""
    from omega_agent.home import Home as AgentHome  # noqa: PLC0415 - see `cli`
    from omega_agent.surroundings import Surroundings  # noqa: PLC0415 - see `cli`
    from omega_agent.texts import Speaker  # noqa: PLC0415 - see `cli`

    return Surroundings(
        home=AgentHome(home_directory(run.home, os.environ, uid=os.getuid())),
        speaker=Speaker(language(run.lang, os.environ)),
        as_json=as_json,
        progress=progress,
    )
