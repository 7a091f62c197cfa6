"""For all tests: hypothesis profiles, the link lab, repeats, and CI's rule that none is skipped."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

from lab.pytest_support import lab, pytest_runtest_setup
from support.repeats import pytest_runtest_protocol, pytest_terminal_summary

__all__ = [
    "lab",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
]

# The deadline of a single example is off in all of them: the machine may be busy with other things,
# and pytest-timeout bounds the whole test.
DEV_EXAMPLES = 50
settings.register_profile("dev", max_examples=DEV_EXAMPLES, deadline=None)
settings.register_profile("ci", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("night", max_examples=5_000, deadline=None)
# For thousands of runs that only ask whether anything fails: the same few examples each time, and
# one that fails is not made smaller.
settings.register_profile(
    "mutation",
    max_examples=20,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_skipped: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give a property test as much more time as its profile has more examples.

    Without that, one that takes 5 s of its 30 here runs out of them in CI: with six times the
    examples, under coverage, on a slower machine.
    """
    timeout_s = float(config.getini("timeout")) * max(1, settings().max_examples // DEV_EXAMPLES)
    for item in items:
        test = item.function if isinstance(item, pytest.Function) else None
        if is_hypothesis_test(test) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(timeout_s))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was left out."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where all that a test can need has been installed, and one was skipped all the same."""
    if os.environ.get("OMEGA_NO_SKIPS") and _skipped:
        sys.stderr.write(f"\nOMEGA_NO_SKIPS is set, and skipped: {', '.join(_skipped)}\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
