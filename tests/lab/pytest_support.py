"""What test folders need to use the lab: a fixture, skipping with the reason, and missing tools.

A conftest takes them over by importing them:

    from lab.pytest_support import lab, pytest_runtest_setup

A test marked `lab` chooses its link, by name or as a `LinkSpec`, with
`@pytest.mark.parametrize("lab", ["adsl"], indirect=True)`; else the link has no limits. Or it
writes `with Lab(...) as lab:`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache

import pytest

from lab import links, privilege
from lab.spec import LinkSpec
from lab.topology import Lab

_PACKAGES = {"ping": "iputils-ping", "iperf3": "iperf3", "tc": "iproute2"}


@cache
def _why_no_lab() -> str | None:
    return privilege.available()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `lab` where there can't be one."""
    if item.get_closest_marker("lab") is not None:
        reason = _why_no_lab()
        if reason is not None:
            pytest.skip(reason)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Two hosts and the link that the test asked for."""
    wanted: LinkSpec | str = getattr(request, "param", "unlimited")
    with Lab(links.named(wanted) if isinstance(wanted, str) else wanted) as made:
        yield made


def need_tool(name: str) -> str:
    """Return the path of a program that is not ours, or skip the test."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"`{name}` is missing (Debian: apt-get install {_PACKAGES[name]})")
    return path
