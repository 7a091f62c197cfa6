"""What the server keeps: the port (`port`), its tables, and the one implementation over SQL.

`open_store` is what others call; only this package imports sqlalchemy and alembic.
"""

from omega_server.store.sql import open_store

__all__ = ["open_store"]
