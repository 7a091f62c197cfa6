"""On which databases a contract of the store is held: a SQLite file and a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest


class OnSqlite:
    """Gives the URL of a new file."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/omega.sqlite"


@pytest.mark.postgres
class OnPostgres:
    """Gives the URL of a new database in the cluster of these tests."""

    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url
