"""`port.StateStore` over SQL."""

from __future__ import annotations

import sqlalchemy as sa

from omega_server.store.database import Database
from omega_server.store.tables import server_state


class SqlState:
    """Single values about the installation itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pin(self, name: str, value: str) -> str:
        """See `StateStore.pin`."""
        insert = self._database.insert(server_state).values(name=name, value=value)
        select = sa.select(server_state.c.value).where(server_state.c.name == name)
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_nothing())
            return str(connection.execute(select).scalar_one())

    def value(self, name: str) -> str | None:
        """See `StateStore.value`."""
        select = sa.select(server_state.c.value).where(server_state.c.name == name)
        with self._database.read() as connection:
            return connection.execute(select).scalar()

    def check(self) -> None:
        """See `StateStore.check`."""
        with self._database.read() as connection:
            connection.execute(sa.select(sa.literal(1)))
