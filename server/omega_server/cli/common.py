"""What the commands share: the store they work on, the names they take, how they print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from omega_acceptance.catalogue import Catalogue
from omega_core.clock import SystemClock
from omega_core.errors import UsageError
from omega_core.units import US_PER_S
from omega_server.installation import catalogue_of, remembered_plans
from omega_server.settings import DATABASE_FILE, database_url
from omega_server.store import open_store
from omega_server.store.port import Store

Data: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", envvar="OMEGA_DATA", help="The server's data folder."),
]
DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="OMEGA_DATABASE",
        help="The store's URL (sqlite or postgresql), instead of the one in the data folder.",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Plans: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--plans", metavar="DIR", help="A folder of further profiles (*.toml); else the server's."
    ),
]

InvalidSince: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--invalid-since",
        metavar="TIME",
        help="Since when somebody else may have had the key, such as 2026-11-03T14:00Z; "
        "records that came in from then on are shown as of a compromised key.",
    ),
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@contextmanager
def store_of(data: Path | None, database: str | None) -> Iterator[Store]:
    """Open the store that `omega-server run` has made; raises UsageError when there is none."""
    if data is None and database is None:
        raise UsageError("say which server is meant: --data DIR, or --database URL")
    if database is None and data is not None and not (data / DATABASE_FILE).exists():
        raise UsageError(
            f"{data} holds no database: start `omega-server run --data {data}` there once,"
            f" or `omega-server migrate --data {data}`"
        )
    with open_store(database_url(data or Path(), database), may_migrate=False) as store:
        yield store


def known_plans(plans: Path | None, data: Path | None) -> Catalogue:
    """Return the plans with those of a folder, else with those the server was started with."""
    return catalogue_of(plans or remembered_plans(data))


def now_unix_us() -> int:
    """Return the time of the command."""
    return SystemClock().unix_us()


def name(text: str) -> str:
    """Return a name that may stand in a URL and a log; raises UsageError for any other."""
    if _NAME.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} can't be a name: 1 to 64 letters, digits, and . _ : - inside of them"
        )
    return text


def show(
    content: Mapping[str, Any] | list[Any], lines: Callable[[], Iterable[str]], *, as_json: bool
) -> None:
    """Print one JSON value, or lines for people."""
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False, sort_keys=True))
        return
    for line in lines():
        typer.echo(line)


def moment(unix_us: int | None) -> str:
    """Return a time as people read it, UTC."""
    if unix_us is None:
        return "-"
    return datetime.fromtimestamp(unix_us // US_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def moment_typed(text: str | None, option: str = "--invalid-since") -> int | None:
    """Return the moment in microseconds since 1970; raises UsageError for one without a zone."""
    if text is None:
        return None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        typed = None
    if typed is None or typed.tzinfo is None or typed.year < 1970:
        raise UsageError(f"{option}: a moment with its zone, such as 2026-11-03T14:00Z")
    since = typed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * US_PER_S + since.microseconds
