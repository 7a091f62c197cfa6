"""`omega-server log`: the transparency log, and whether the records still give it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omega_core import keyfile
from omega_core.errors import ExitCode, UsageError, storage_error
from omega_core.keys import PublicKey
from omega_core.limits import LOG_NOTE_BYTES_MAX
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint
from omega_core.log.errors import FormError
from omega_core.log.note import to_base64
from omega_server.cli.common import AsJson, Data, DatabaseUrl, show, store_of
from omega_server.identity import SERVER_KEY_FILE
from omega_server.log_check import Difference, LogReport, check_log

logs = typer.Typer(help="The transparency log.", no_args_is_help=True)


@logs.command("status")
def status(data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False) -> None:
    """Show the newest checkpoint: name, size and root of the log, signed."""
    with store_of(data, database) as store:
        note = store.log.checkpoint()
    tree = parse_checkpoint(note).checkpoint
    content = {
        "origin": tree.origin,
        "entries": tree.size,
        "root": to_base64(tree.root),
        "checkpoint": note,
    }
    show(content, lambda: [note.removesuffix("\n")], as_json=as_json)


@logs.command("check")
def check(
    data: Data = None,
    database: DatabaseUrl = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A checkpoint that was kept elsewhere, to compare too (repeatable).",
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Build the log again from the stored records, and compare it with what was signed."""
    kept = [_kept(path) for path in checkpoint or ()]
    keys = _keys(data)
    with store_of(data, database) as store:
        report = check_log(store, keys=keys, kept=kept)
    show(_content(report, keys), lambda: _lines(report, keys), as_json=as_json)
    if report.differences:
        raise typer.Exit(ExitCode.NOT_VALID)


def _kept(path: Path) -> SignedCheckpoint:
    try:
        with path.open("rb") as file:
            text = file.read(LOG_NOTE_BYTES_MAX + 1).decode("utf-8", "replace")
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        return parse_checkpoint(text)
    except FormError as error:
        raise UsageError(f"{path}: no checkpoint: {error}") from error


def _keys(data: Path | None) -> list[PublicKey]:
    """Return the server's key, where its folder is at hand."""
    path = None if data is None else data / SERVER_KEY_FILE
    return [] if path is None or not path.exists() else [keyfile.load(path).public]


def _content(report: LogReport, keys: list[PublicKey]) -> dict[str, object]:
    return {
        "origin": report.origin,
        "entries": report.entries,
        "signed_entries": report.signed_size,
        "root": to_base64(report.root),
        "signatures_checked": bool(keys),
        "differences": [
            {"log_index": each.log_index, "what": each.what} for each in report.differences
        ],
    }


def _lines(report: LogReport, keys: list[PublicKey]) -> list[str]:
    unchecked = [] if keys else ["signatures were not checked: that needs --data DIR"]
    if report.differences:
        return [*map(_line, report.differences), *unchecked]
    good = f"{report.origin}: {report.entries} entries, as they were signed"
    return [good, f"  root {to_base64(report.root)}", *unchecked]


def _line(difference: Difference) -> str:
    if difference.log_index is None:
        return difference.what
    return f"entry {difference.log_index}: {difference.what}"
