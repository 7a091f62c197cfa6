"""The databases that the contracts are tried on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omega_server.store import open_store
from omega_server.store.port import Store
from support.postgres import Cluster, NoPostgresError, running_cluster


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A private PostgreSQL; skipped with a reason where none is installed."""
    try:
        with running_cluster() as cluster:
            yield cluster
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> str:
    """A new, empty database."""
    return postgres_cluster.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store on the database of the class."""
    with open_store(url, may_migrate=True) as store:
        yield store
