"""The main job over a link of the lab: one server and one enrolled device for a whole module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.topology import Lab
from support.main_job import LINK, Omega, Site, restore, site_over


@pytest.fixture(scope="module")
def line() -> Iterator[Lab]:
    with Lab(LINK) as made:
        yield made


@pytest.fixture(scope="module")
def site(line: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_over(line, tmp_path_factory.mktemp("site")) as started:
        yield started


@pytest.fixture(scope="module")
def enrolled(site: Site) -> Omega:
    return site.enrolled("laptop")


@pytest.fixture
def omega(enrolled: Omega, line: Lab) -> Omega:
    """The device, on a line as it should be."""
    restore(line)
    return enrolled
