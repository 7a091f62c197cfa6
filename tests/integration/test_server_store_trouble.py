"""A store that does not take anything: said as 503, nothing half-written, and it recovers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from omega_core.control import Refusal
from omega_core.models import parse_model
from support.disturbances import fill, small_disk
from support.live_server import listening
from support.postgres import Cluster, NoPostgresError, running_cluster
from support.server_rig import Rig, digest_of, make_rig

DISK_OCTETS = 16 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_OCTETS) as mounted:
        yield mounted


def post(url: str, envelope: bytes) -> httpx.Response:
    return httpx.post(
        f"{url}/v1/records",
        content=envelope,
        headers={"Idempotency-Key": digest_of(envelope)},
        trust_env=False,
        timeout=30,
    )


def check_unavailable(answer: httpx.Response) -> None:
    refusal = parse_model(Refusal, answer.content)
    assert (answer.status_code, refusal.code) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "omega.sqlite" not in refusal.detail, "where the store is, is nobody's business"


@pytest.mark.timeout(60)
def test_a_full_disk_loses_nothing_and_halves_nothing(disk: Path) -> None:
    with make_rig(disk / "data") as rig, listening(rig) as url:
        granted = [rig.installed(rig.enrolled()) for _ in range(120)]
        receipts = {}
        before = rig.record(granted.pop())
        receipts[digest_of(before)] = post(url, before).content
        ballast = fill(disk)
        refused = None
        while refused is None:
            envelope = rig.record(granted.pop())
            answer = post(url, envelope)
            if answer.status_code == 201:  # there was room left in the log of the database
                receipts[digest_of(envelope)] = answer.content
            else:
                refused = envelope
                check_unavailable(answer)
        check_unavailable(post(url, refused))
        assert rig.store.sessions.record(digest_of(refused)) is None
        for digest, receipt in receipts.items():
            assert rig.store.sessions.record(digest).receipt == receipt
        ballast.unlink()
        assert post(url, refused).status_code == 201
        assert rig.store.sessions.record(digest_of(refused)).envelope == refused
        assert httpx.get(f"{url}/healthz", trust_env=False).text == "ok"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    try:
        with running_cluster() as cluster:
            yield cluster
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.mark.postgres
@pytest.mark.timeout(60)
def test_a_database_that_is_away_is_found_again(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.new_database()
    with make_rig(tmp_path, database=url) as rig, listening(rig) as server:
        first, second = (rig.record(rig.installed(rig.enrolled())) for _ in range(2))
        assert post(server, first).status_code == 201
        with away(url):
            check_unavailable(post(server, second))
            assert httpx.get(f"{server}/healthz", trust_env=False).status_code == 503
        assert post(server, second).status_code == 201
        assert post(server, first).status_code == 200
        check_one_each(rig, [first, second])


def check_one_each(rig: Rig, envelopes: list[bytes]) -> None:
    for envelope in envelopes:
        assert rig.store.sessions.record(digest_of(envelope)).envelope == envelope


class away:  # noqa: N801 - reads as a phrase in `with away(url)`
    """A database that nobody can connect to, and nobody is connected to any more."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._name = parts.path.strip("/")
        self._admin = f"host={parse_qs(parts.query)['host'][0]} user=omega dbname=postgres"

    def __enter__(self) -> None:
        self._say(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
        self._say(f"{cut} '{self._name}'")

    def __exit__(self, *_: object) -> None:
        self._say(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement)
