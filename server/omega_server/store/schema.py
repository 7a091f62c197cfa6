"""Every table there is: a module that makes some is named here, or alembic would not see them."""

from __future__ import annotations

from omega_server.store import (
    delivery_tables,
    fleet_tables,
    instruction_tables,
    key_tables,
    line_tables,
    old_file_tables,
    people_tables,
    schedule_tables,
)
from omega_server.store.tables import metadata

TABLES = (
    key_tables,
    instruction_tables,
    delivery_tables,
    line_tables,
    schedule_tables,
    fleet_tables,
    old_file_tables,
    people_tables,
)

__all__ = ["TABLES", "metadata"]
