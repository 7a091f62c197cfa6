"""What test folders need to use the lab: skipping with the reason, and missing tools.

A conftest takes the hook over by importing it:

    from lab.pytest_support import pytest_runtest_setup
"""

from __future__ import annotations

import shutil
from functools import cache

import pytest

from lab import privilege

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


def need_tool(name: str) -> str:
    """Return the path of a program that is not ours, or skip the test."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"`{name}` is missing (Debian: apt-get install {_PACKAGES[name]})")
    return path
