"""A test that failed while a hypervisor lent the processors to somebody else is repeated.

What a test times, or has a probe measure, is late then, and says nothing of what is tested. It is
repeated once the machine has its processors back, with new fixtures, and the summary names it and
what failed. A fault of ours fails every time; and where nothing was stolen, nothing is repeated.

A conftest takes the hooks over by importing them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from omega_probe.proc import CpuTimes, cpu_times
from support import processors

_TIMED = ("tests/integration/", "tests/lab/")
_TRIES = 5
_SAID_CHARS = 300
_STEAL = 7  # the eighth field of a line of /proc/stat, see proc(5)


@dataclass
class _Repeated:
    lines: list[str] = field(default_factory=list)


_repeated = _Repeated()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that is timed, again where it failed and processors were stolen meanwhile."""
    if not item.nodeid.startswith(_TIMED):
        return None
    hooks = item.ihook
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports, excused = _try(item, nextitem)
    tries = 1
    while excused and tries < _TRIES:
        _repeated.lines.append(f"REPEATED {item.nodeid} - {_why(reports)}")
        item.session._setupstate.teardown_exact(None)  # pytest has no public way
        processors.await_them()
        reports, excused = _try(item, nextitem)
        tries += 1
    for report in reports:
        hooks.pytest_runtest_logreport(report=report)
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was repeated."""
    if _repeated.lines:
        terminalreporter.write_line("A hypervisor took processors while these failed:")
    for line in _repeated.lines:
        terminalreporter.write_line(line)


def _try(item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], bool]:
    """Run a test once; say as well whether it failed and may have been robbed."""
    before = cpu_times(Path("/"))
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failed = any(report.failed for report in reports)
    return reports, failed and _stolen_ticks(before) > 0


def _why(reports: list[pytest.TestReport]) -> str:
    """Return what a failure said first, on one line."""
    failed = next(report for report in reports if report.failed)
    crash = getattr(failed.longrepr, "reprcrash", None)
    said = str(failed.longrepr) if crash is None else f"{crash.lineno}: {crash.message}"
    return " ".join(said.split())[:_SAID_CHARS]


def _stolen_ticks(before: CpuTimes) -> int:
    after = cpu_times(Path("/"))
    return sum(
        ticks[_STEAL] - before.cores[name][_STEAL]
        for name, ticks in after.cores.items()
        if name in before.cores
    )
