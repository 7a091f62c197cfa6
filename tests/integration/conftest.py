"""A server on this machine, and a device that is enrolled with it, for a whole module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.main_job import Omega, Site, site_on_loopback


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_on_loopback(tmp_path_factory.mktemp("site")) as started:
        yield started


@pytest.fixture(scope="module")
def omega(site: Site) -> Omega:
    return site.enrolled("laptop")
