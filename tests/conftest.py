"""For all tests: hypothesis profiles, the link lab, and CI's rule that nothing is skipped."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

from lab.pytest_support import lab, pytest_runtest_setup

__all__ = ["lab", "pytest_runtest_setup"]

# The deadline of a single example is off in all of them: the machine may be busy with other things,
# and pytest-timeout bounds the whole test.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("night", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was left out."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where all that a test can need has been installed, and one was skipped all the same."""
    if os.environ.get("OMEGA_NO_SKIPS") and _skipped:
        sys.stderr.write(f"\nOMEGA_NO_SKIPS is set, and skipped: {', '.join(_skipped)}\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
