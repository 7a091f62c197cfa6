"""`omega-server key`: the keys that are known; the server's own rotated, any other revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from omega_core.errors import UsageError
from omega_core.key_history import KeyState, state_at
from omega_core.limits import KEY_OVERLAP_S
from omega_core.units import US_PER_S
from omega_server.cli.common import (
    AsJson,
    Data,
    DatabaseUrl,
    InvalidSince,
    moment,
    moment_typed,
    now_unix_us,
    show,
    store_of,
)
from omega_server.keys import revoke_key, rotate_server
from omega_server.store.key_port import KeyRow, RotationRow

keys = typer.Typer(help="Keys of the server, of test points and of devices.", no_args_is_help=True)

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")


@keys.command("list")
def list_keys(data: Data = None, database: DatabaseUrl = None, *, as_json: AsJson = False) -> None:
    """List every key, whose it is and what it is worth now; each owner's present key comes last."""
    now = now_unix_us()
    with store_of(data, database) as store:
        rows = store.keys.all()
    lines = [_line(row, now) for row in rows]
    show([_content(row, now) for row in rows], lambda: lines, as_json=as_json)


@keys.command("rotate")
def rotate_key(
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", envvar="OMEGA_DATA", help="The server's data folder."
        ),
    ],
    database: DatabaseUrl = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give the server a new key, signed by the old one; the old one is good for seven more days.

    Nothing stops: a running server goes on with the old key until it is started again.
    """
    with store_of(data, database) as store:
        rotation = rotate_server(store, data, now_unix_us())
    show(_rotated(rotation), lambda: _rotated_lines(rotation), as_json=as_json)


@keys.command("revoke")
def revoke(
    kid: Annotated[str, typer.Argument(metavar="KID", help="Id of the key; see `key list`.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; stands in the log and in statements.")],
    invalid_since: InvalidSince = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Take a key out of use; again with an earlier --invalid-since moves that moment back."""
    since = moment_typed(invalid_since)
    if _KEY_ID.fullmatch(kid) is None:
        raise UsageError("KID: the 43 characters that `omega-server key list` shows")
    now = now_unix_us()
    with store_of(data, database) as store:
        row = revoke_key(store, kid, reason, invalid_since_unix_us=since, now_unix_us=now)
    show(_content(row, now), lambda: [_line(row, now)], as_json=as_json)


def _content(row: KeyRow, now: int) -> dict[str, object]:
    return {
        "role": row.role,
        "id": row.owner_id,
        "kid": row.kid,
        "state": state_at(row.life, now),
        "issued_unix_us": row.life.issued_unix_us,
        "replaced_unix_us": row.life.replaced_unix_us,
        "revoked_unix_us": row.life.revoked_unix_us,
        "invalid_since_unix_us": row.life.invalid_since_unix_us,
    }


def _line(row: KeyRow, now: int) -> str:
    return f"{row.role:10}  {row.owner_id:15}  {row.kid}  {_state(row, now)}"


def _state(row: KeyRow, now: int) -> str:
    life, state = row.life, state_at(row.life, now)
    if state is KeyState.COMPROMISED:
        return f"compromised since {moment(life.invalid_since_unix_us)}"
    if state is KeyState.REVOKED:
        return f"revoked {moment(life.revoked_unix_us)}"
    if life.replaced_unix_us is None:
        return f"{state} since {moment(life.issued_unix_us)}"
    return f"{state}, replaced {moment(life.replaced_unix_us)}"


def _rotated(rotation: RotationRow) -> dict[str, object]:
    return {
        "server_key": rotation.key,
        "server_key_id": rotation.kid,
        "old_key_id": rotation.old_kid,
        "rotated_unix_us": rotation.rotated_unix_us,
        "overlap_s": KEY_OVERLAP_S,
    }


def _rotated_lines(rotation: RotationRow) -> Iterator[str]:
    until = rotation.rotated_unix_us + KEY_OVERLAP_S * US_PER_S
    yield f"server key       {rotation.key}"
    yield f"server key id    {rotation.kid}"
    yield f"The old key is good until {moment(until)}. Before then, in this order:"
    yield "  1. start test points that run elsewhere again, with the old and the new --server-key;"
    yield "  2. copy keys/server.pem to other servers on the same database;"
    yield "  3. start every server again: a running one keeps the old key."
    yield "Devices follow by themselves."
