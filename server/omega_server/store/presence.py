"""Who is there, by which tags, and who must be quiet, in SQL: see `instruction_port`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from omega_server.store import signals
from omega_server.store.database import Database
from omega_server.store.errors import AlreadyThereError, NotThereError
from omega_server.store.instruction_port import EVERYONE, PresenceRow, SuppressionRow
from omega_server.store.instruction_tables import agent_presence, agent_tags, suppressions
from omega_server.store.tables import agents

_SUPPRESSION = [column for column in suppressions.c if column.name != "suppression_no"]


class SqlPresence:
    """Implements `PresenceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, rows: Collection[PresenceRow]) -> None:
        """See `PresenceStore.seen`."""
        if not rows:
            return
        insert = self._database.insert(agent_presence)
        given = insert.excluded
        newer = given.seen_unix_us >= agent_presence.c.seen_unix_us
        told = {
            column.name: given[column.name]
            for column in agent_presence.c
            if column.name not in {"agent_id", "seen_twice_unix_us"}
        }
        twice = sa.func.coalesce(given.seen_twice_unix_us, agent_presence.c.seen_twice_unix_us)
        upsert = insert.on_conflict_do_update(
            index_elements=["agent_id"], set_={**told, "seen_twice_unix_us": twice}, where=newer
        )
        with self._database.write() as connection:
            # In the order of their names: two processes that write the same agents do not wait
            # for each other in a circle.
            connection.execute(upsert, [_packed(row) for row in sorted(rows, key=_name)])

    def presence(self, agent_id: str) -> PresenceRow | None:
        """See `PresenceStore.presence`."""
        select = sa.select(agent_presence).where(agent_presence.c.agent_id == agent_id)
        with self._database.read() as connection:
            row = connection.execute(select).mappings().first()
            return None if row is None else _unpacked(row)

    def all_seen(self) -> Sequence[PresenceRow]:
        """See `PresenceStore.all_seen`."""
        select = sa.select(agent_presence).order_by(agent_presence.c.agent_id)
        with self._database.read() as connection:
            return [_unpacked(row) for row in connection.execute(select).mappings()]

    def connected(self, now_unix_us: int) -> int:
        """See `PresenceStore.connected`."""
        there = agent_presence.c.connected_until_unix_us >= now_unix_us
        select = sa.select(sa.func.count()).select_from(agent_presence).where(there)
        with self._database.read() as connection:
            return int(connection.execute(select).scalar_one())

    def tag(self, agent_id: str, tags: Collection[str]) -> None:
        """See `PresenceStore.tag`."""
        with self._database.write() as connection:
            known = sa.select(agents.c.agent_id).where(agents.c.agent_id == agent_id)
            if connection.execute(known).first() is None:
                raise NotThereError(f"agent {agent_id} is not known")
            self._database.alone(connection, f"tags of {agent_id}")
            connection.execute(sa.delete(agent_tags).where(agent_tags.c.agent_id == agent_id))
            if tags:
                rows = [{"agent_id": agent_id, "tag": tag} for tag in sorted(set(tags))]
                connection.execute(sa.insert(agent_tags), rows)
            signals.give(self._database, connection, agent_id)

    def tags_of(self, agent_id: str) -> frozenset[str]:
        """See `PresenceStore.tags_of`."""
        select = sa.select(agent_tags.c.tag).where(agent_tags.c.agent_id == agent_id)
        with self._database.read() as connection:
            return frozenset(connection.execute(select).scalars())

    def tags(self) -> dict[str, frozenset[str]]:
        """See `PresenceStore.tags`."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        with self._database.read() as connection:
            for row in connection.execute(sa.select(agent_tags)):
                found[row.agent_id].add(row.tag)
        return {agent_id: frozenset(tags) for agent_id, tags in found.items()}

    def suppress(self, suppression: SuppressionRow) -> None:
        """See `PresenceStore.suppress`."""
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(suppressions), _numbered(asdict(suppression)))
                signals.give(self._database, connection, EVERYONE)
        except IntegrityError as error:
            name = suppression.suppression_id
            raise AlreadyThereError(f"suppression {name} is there already") from error

    def lift(self, suppression_id: str, *, by: str, at_unix_us: int) -> SuppressionRow:
        """See `PresenceStore.lift`."""
        mine = suppressions.c.suppression_id == suppression_id
        with self._database.write() as connection:
            connection.execute(
                sa.update(suppressions)
                .where(mine & suppressions.c.lifted_unix_us.is_(None))
                .values(lifted_unix_us=at_unix_us, lifted_by=by)
            )
            found = _suppressions(connection, mine)
            if not found:
                raise NotThereError(f"suppression {suppression_id} is not known")
            signals.give(self._database, connection, EVERYONE)
            return found[0]

    def suppressions(self) -> Sequence[SuppressionRow]:
        """See `PresenceStore.suppressions`."""
        with self._database.read() as connection:
            return _suppressions(connection, sa.true())


def _suppressions(connection: Connection, where: sa.ColumnElement[bool]) -> list[SuppressionRow]:
    select = sa.select(*_SUPPRESSION).where(where).order_by(suppressions.c.suppression_no)
    return [
        SuppressionRow(**{**row, "stop_running": bool(row["stop_running"])})
        for row in connection.execute(select).mappings()
    ]


def _name(row: PresenceRow) -> str:
    return row.agent_id


def _packed(row: PresenceRow) -> dict[str, Any]:
    return _numbered({**asdict(row), "kinds": json.dumps(row.kinds)})


def _numbered(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with yes and no as 1 and 0: the columns are the same on both databases."""
    return {key: int(value) if isinstance(value, bool) else value for key, value in values.items()}


def _unpacked(row: Mapping[Any, Any]) -> PresenceRow:
    kinds = tuple(json.loads(row["kinds"]))
    return PresenceRow(**{**row, "kinds": kinds, "raw_sockets": bool(row["raw_sockets"])})
