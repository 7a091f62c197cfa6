"""`key_port.KeyStore` over SQL.

First keys stand with their owners, later ones in `key_rotations`; `_owned` is both as one list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_core.key_events import SERVER_ID
from omega_core.key_history import KeyLife
from omega_core.limits import KEY_REVOCATIONS_MAX
from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, KeyReplacedError
from omega_server.store.events import append
from omega_server.store.key_port import KeyRole, KeyRow, RevocationRow, RotationRow
from omega_server.store.key_tables import key_revocations, key_rotations
from omega_server.store.rows import EventRow
from omega_server.store.tables import agents, server_state, test_points

SERVER_KID = "server_kid"
"""Under which name `server_state` has the id of the server's first key."""

_ROTATION = [column for column in key_rotations.c if column.name != "rotation_no"]
_REVOCATION = [column for column in key_revocations.c if column.name != "revocation_no"]


class SqlKeys:
    """Keys, and what happened to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rotate(self, rotation: RotationRow, event: EventRow) -> RotationRow:
        """See `KeyStore.rotate`."""
        try:
            with self._database.write() as connection:
                self._database.alone(connection, f"key {rotation.old_kid}")
                known = _rotation(connection, key_rotations.c.old_kid == rotation.old_kid)
                if known is not None:
                    if known.kid != rotation.kid:
                        raise KeyReplacedError("another key follows this one already")
                    return known
                if find(connection, rotation.kid) is not None:
                    raise AlreadyThereError("the new key is known as somebody's")
                connection.execute(sa.insert(key_rotations), asdict(rotation))
                append(connection, [event])
        except IntegrityError as error:  # the same new key after two old ones, in one moment
            raise AlreadyThereError("the new key is known as somebody's") from error
        return rotation

    def rotations(self, role: KeyRole, owner_id: str) -> Sequence[RotationRow]:
        """See `KeyStore.rotations`."""
        mine = (key_rotations.c.role == role) & (key_rotations.c.owner_id == owner_id)
        with self._database.read() as connection:
            return _rotations(connection, mine)

    def revoke(self, revocation: RevocationRow, event: EventRow) -> bool:
        """See `KeyStore.revoke`."""
        with self._database.write() as connection:
            self._database.alone(connection, f"key {revocation.kid}")
            before = _revocations(connection, key_revocations.c.kid == revocation.kid)
            if len(before) >= KEY_REVOCATIONS_MAX or not _says_more(revocation, before):
                return False
            connection.execute(sa.insert(key_revocations), asdict(revocation))
            append(connection, [event])
            return True

    def revocations(self, kid: str) -> Sequence[RevocationRow]:
        """See `KeyStore.revocations`."""
        with self._database.read() as connection:
            return _revocations(connection, key_revocations.c.kid == kid)

    def key(self, kid: str) -> KeyRow | None:
        """See `KeyStore.key`."""
        with self._database.read() as connection:
            return find(connection, kid)

    def keys_of(self, role: KeyRole, owner_id: str) -> Sequence[KeyRow]:
        """See `KeyStore.keys_of`."""
        with self._database.read() as connection:
            return list(_owned(connection, role, owner_id=owner_id))

    def all(self) -> Sequence[KeyRow]:
        """See `KeyStore.all`."""
        roles: tuple[KeyRole, ...] = ("server", "test_point", "agent")
        with self._database.read() as connection:
            return [row for role in roles for row in _owned(connection, role)]


def find(connection: Connection, kid: str) -> KeyRow | None:
    """Return the key with this id, whoever's it is: one query for a device's first key."""
    for role, select in _BY_KID:
        found = connection.execute(select, {"kid": kid}).mappings().first()
        if found is not None:
            return KeyRow(
                role=found["role"] if role is None else role,
                owner_id=found["owner_id"],
                kid=kid,
                key=found["key"],
                statement=found["statement"],
                life=KeyLife(
                    issued_unix_us=found["issued_unix_us"],
                    replaced_unix_us=found["replaced_unix_us"],
                    revoked_unix_us=_earlier(found["revoked_unix_us"], found["said_unix_us"]),
                    invalid_since_unix_us=found["invalid_since_unix_us"],
                ),
            )
    return None


def _owned(
    connection: Connection, role: KeyRole, *, owner_id: str | None = None
) -> Iterator[KeyRow]:
    """Yield the keys of one owner, or of all of a role, each owner's from first to last."""
    of_role = key_rotations.c.role == role
    mine = of_role if owner_id is None else of_role & (key_rotations.c.owner_id == owner_id)
    later: defaultdict[str, list[RotationRow]] = defaultdict(list)
    for rotation in _rotations(connection, mine):
        later[rotation.owner_id].append(rotation)
    said: defaultdict[str, list[RevocationRow]] = defaultdict(list)
    against = key_revocations.c.role == role
    if owner_id is not None:
        against &= key_revocations.c.owner_id == owner_id
    for revocation in _revocations(connection, against):
        said[revocation.kid].append(revocation)
    for owner in connection.execute(_first_keys(role, owner_id=owner_id)).mappings().all():
        for row in _line(role, owner, later[owner["owner_id"]]):
            yield _with_revocations(row, said[row.kid], owner["revoked_unix_us"])


def _line(
    role: KeyRole, owner: Mapping[Any, Any], rotations: Sequence[RotationRow]
) -> Iterator[KeyRow]:
    """Yield the owner's keys without their revocations."""
    row = KeyRow(
        role=role,
        owner_id=owner["owner_id"],
        kid=owner["kid"],
        key=owner["key"],
        statement=owner["statement"],
        life=KeyLife(issued_unix_us=owner["issued_unix_us"]),
    )
    for rotation in rotations:
        at = rotation.rotated_unix_us
        yield replace(row, life=replace(row.life, replaced_unix_us=at))
        row = replace(
            row,
            kid=rotation.kid,
            key=rotation.key,
            statement=rotation.statement,
            life=KeyLife(issued_unix_us=at),
        )
    yield row


def _with_revocations(
    row: KeyRow, given: Sequence[RevocationRow], owner_revoked_unix_us: int | None
) -> KeyRow:
    revoked = [each.revoked_unix_us for each in given]
    if owner_revoked_unix_us is not None:
        revoked.append(owner_revoked_unix_us)
    since = [each.invalid_since_unix_us for each in given if each.invalid_since_unix_us is not None]
    life = replace(
        row.life,
        revoked_unix_us=min(revoked, default=None),
        invalid_since_unix_us=min(since, default=None),
    )
    return replace(row, life=life)


def _first_keys(role: KeyRole, *, owner_id: str | None = None) -> sa.Select[Any]:
    """Return the SELECT of the first keys of a role, all of them or one owner's."""
    columns = _FIRST_KEYS[role]
    select = sa.select(*(column.label(name) for name, column in columns.items()))
    if role == "server":  # there is one
        select = select.where(server_state.c.name == SERVER_KID)
    else:
        select = select.order_by(columns["issued_unix_us"], columns["owner_id"])
    if owner_id is not None:
        select = select.where(columns["owner_id"] == owner_id)
    return select


_FIRST_KEYS: Mapping[KeyRole, Mapping[str, sa.ColumnElement[Any]]] = {
    "agent": {
        "owner_id": agents.c.agent_id,
        "kid": agents.c.kid,
        "key": agents.c.key,
        "statement": agents.c.statement,
        "issued_unix_us": agents.c.enrolled_unix_us,
        "revoked_unix_us": agents.c.revoked_unix_us,
    },
    "test_point": {
        "owner_id": test_points.c.test_point_id,
        "kid": test_points.c.kid,
        "key": test_points.c.key,
        "statement": test_points.c.statement,
        "issued_unix_us": test_points.c.added_unix_us,
        "revoked_unix_us": sa.null(),
    },
    "server": {
        "owner_id": sa.literal(SERVER_ID),
        "kid": server_state.c.value,
        "key": sa.null(),
        "statement": sa.null(),
        "issued_unix_us": sa.null(),
        "revoked_unix_us": sa.null(),
    },
}


def _by_kid(columns: Mapping[str, sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """Return the SELECT of the key `kid` among such columns, with what happened to it."""
    kid = sa.bindparam("kid", type_=sa.String)
    followed, said = key_rotations.alias("followed"), key_revocations.alias("said")
    replaced = sa.select(followed.c.rotated_unix_us).where(followed.c.old_kid == kid)
    revoked = sa.select(sa.func.min(said.c.revoked_unix_us)).where(said.c.kid == kid)
    invalid = sa.select(sa.func.min(said.c.invalid_since_unix_us)).where(said.c.kid == kid)
    return sa.select(
        *(column.label(name) for name, column in columns.items()),
        replaced.scalar_subquery().label("replaced_unix_us"),
        revoked.scalar_subquery().label("said_unix_us"),
        invalid.scalar_subquery().label("invalid_since_unix_us"),
    ).where(columns["kid"] == kid)


_LATER_KEYS: Mapping[str, sa.ColumnElement[Any]] = {
    "role": key_rotations.c.role,
    "owner_id": key_rotations.c.owner_id,
    "kid": key_rotations.c.kid,
    "key": key_rotations.c.key,
    "statement": key_rotations.c.statement,
    "issued_unix_us": key_rotations.c.rotated_unix_us,
    "revoked_unix_us": agents.c.revoked_unix_us,
}
_OWNER = (agents.c.agent_id == key_rotations.c.owner_id) & (key_rotations.c.role == "agent")
_BY_KID: Sequence[tuple[KeyRole | None, sa.Select[Any]]] = (
    ("agent", _by_kid(_FIRST_KEYS["agent"])),
    (None, _by_kid(_LATER_KEYS).select_from(key_rotations.outerjoin(agents, _OWNER))),
    ("test_point", _by_kid(_FIRST_KEYS["test_point"])),
    ("server", _by_kid(_FIRST_KEYS["server"]).where(server_state.c.name == SERVER_KID)),
)


def _earlier(one_unix_us: int | None, other_unix_us: int | None) -> int | None:
    """Return the earlier of two moments, of which each may never have come."""
    come = [each for each in (one_unix_us, other_unix_us) if each is not None]
    return min(come, default=None)


def _says_more(revocation: RevocationRow, before: Sequence[RevocationRow]) -> bool:
    if not before:
        return True
    since = revocation.invalid_since_unix_us
    known = [
        each.invalid_since_unix_us for each in before if each.invalid_since_unix_us is not None
    ]
    return since is not None and (not known or since < min(known))


def _rotation(connection: Connection, where: sa.ColumnElement[bool]) -> RotationRow | None:
    return next(iter(_rotations(connection, where)), None)


def _rotations(connection: Connection, where: sa.ColumnElement[bool]) -> list[RotationRow]:
    select = sa.select(*_ROTATION).where(where).order_by(key_rotations.c.rotation_no)
    return [RotationRow(**row) for row in connection.execute(select).mappings()]


def _revocations(connection: Connection, where: sa.ColumnElement[bool]) -> list[RevocationRow]:
    select = sa.select(*_REVOCATION).where(where).order_by(key_revocations.c.revocation_no)
    return [RevocationRow(**row) for row in connection.execute(select).mappings()]
