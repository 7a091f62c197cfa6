"""Bring a database to this program's version, or say that it is not: alembic, without its CLI.

A migration runs in one transaction, on both kinds of database, so a process that dies in the middle
leaves the tables as they were. Two servers that start at once are put in a line. A database that a
newer program has migrated is refused: guessing at tables nobody here knows loses data.
"""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from omega_server.store.database import Database
from omega_server.store.errors import StoreVersionError
from omega_server.store.schema import metadata

_CONNECTION = "connection"


def migrate(database: Database, to: str = "head") -> str:
    """Make or update the tables; return the version they have now. Repeating changes nothing.

    An older version than the newest is only asked for to try a later one's way from there.
    """
    config = _config()
    with database.write() as connection:
        database.alone(connection, "migrate")
        _refuse_newer(connection, config)
        config.attributes[_CONNECTION] = connection
        command.upgrade(config, to)
        return _version(connection) or ""


def check_version(database: Database) -> None:
    """Raise StoreVersionError unless the tables are exactly this program's."""
    config = _config()
    with database.read() as connection:
        _refuse_newer(connection, config)
        found, wanted = _version(connection), ScriptDirectory.from_config(config).get_current_head()
    if found != wanted:
        raise StoreVersionError(f"the database is at version {found or 'none'}, not {wanted}")


def differences(database: Database) -> list[str]:
    """Return how the tables differ from `tables.metadata`: for the test of the migrations."""
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        return [str(each) for each in compare_metadata(context, metadata)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "omega_server.store:migrations")
    return config


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection, config: Config) -> None:
    found = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreVersionError(f"the database is at version {found}, which this program is not")
