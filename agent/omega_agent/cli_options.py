"""Options that several commands of `omega` have, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from omega_agent.settings import HOME_VARIABLE

Lang: TypeAlias = Annotated[
    str | None, typer.Option("--lang", metavar="en|fr", help="Language; else the locale's.")
]
Home: TypeAlias = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help=f"The agent's folder; else ${HOME_VARIABLE}."),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Progress: TypeAlias = Annotated[
    str,
    typer.Option("--progress", metavar="STYLE", help="On stderr: auto, bar, lines, json or none."),
]
Save: TypeAlias = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help="Keep the record, for omega verify."),
]
Plot: TypeAlias = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw rate and delay over time, as an SVG."),
]
OptionalServer: TypeAlias = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The server; else the one enrolled with."),
]
Insecure: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Allow plain http to a public address, and https with any certificate.",
    ),
]
ModeName: TypeAlias = Annotated[
    str, typer.Option("--mode", metavar="MODE", help="quick (seconds) or standard (minutes).")
]
Quick: TypeAlias = Annotated[bool, typer.Option("--quick", help="Short for --mode quick.")]
Changed: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--changed",
        metavar="TEXT",
        help="What was changed on the line since the last attempt: new cable, antenna turned ...",
    ),
]
UntilDecided: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Measure on, within the plan's budget, while anything is open; mode standard.",
    ),
]
