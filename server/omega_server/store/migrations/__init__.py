"""Migrations: one module a version, run by alembic through `omega_server.store.migrate`."""
