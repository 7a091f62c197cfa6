"""What alembic runs: the versions beside it, on the connection it was handed.

`omega_server.store.migrate` has begun a transaction on that connection and commits it; SQLite keeps
table definitions inside a transaction as well, once BEGIN is ours to say.
"""

from __future__ import annotations

from alembic import context

from omega_server.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
