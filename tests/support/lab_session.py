"""A real session across the link lab: the test point on the server's host, the probe on the other.

with Lab(links.named("adsl")) as lab, LabTestPoint(lab, tmp_path) as test_point:
    result = measure(lab, test_point, plan)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.topology import Lab
from omega_probe.plan import MeasurementPlan, TestPointAccess
from omega_server.testpoint import Ports
from support import probe_child
from support.children import python_path
from support.real_test_point import RealTestPoint

_CHILD = "omega_server.testpoint.child"
_TIMEOUT_S = 120


class LabTestPoint(RealTestPoint):
    """A test point on the server's host, and grants for a probe on the customer's."""

    def __init__(self, lab: Lab, folder: Path, *, hosts: tuple[str, ...] = ()) -> None:
        super().__init__(folder, hosts=hosts or (lab.server.v4, lab.server.v6))
        self._lab = lab

    def __enter__(self) -> Self:
        self.child = self._lab.server.popen(
            [sys.executable, "-P", "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=python_path(),
        )
        if self.child.stdin is None or self.child.stdout is None:
            raise RuntimeError("the child was started with pipes")
        self.child.stdin.write(self.settings.to_json() + "\n")
        self.child.stdin.flush()
        self.ports = Ports(**json.loads(self.child.stdout.readline()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.child.stdin is not None:
            self.child.stdin.close()
        self.child.wait(10)

    def lab_access(self, **changes: Any) -> TestPointAccess:  # noqa: ANN401 - as RealTestPoint.access
        """Return a fresh grant for the customer's addresses, IPv4 first."""
        server, customer = self._lab.server, self._lab.customer
        return self.access(
            **{
                "addresses": (server.v4, server.v6),
                "sources": (customer.v4, customer.v6),
                **changes,
            }
        )


def start(lab: Lab, asked: str) -> subprocess.Popen[str]:
    """Start a probe on the customer's host; its events come line by line on stderr."""
    child = lab.customer.popen(
        [sys.executable, "-m", "support.probe_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=python_path(),
    )
    if child.stdin is None:
        raise RuntimeError("the child was started with pipes")
    child.stdin.write(asked)
    child.stdin.close()
    child.stdin = None  # or `communicate` would close it again
    return child


def await_event(child: subprocess.Popen[str], line: str) -> None:
    """Read the child's events up to one; raises EOFError when it never comes."""
    for said in child.stderr or ():
        if said.strip() == line:
            return
    raise EOFError(f"the probe ended before {line!r}")


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the child's result."""
    stdout, stderr = child.communicate(timeout=_TIMEOUT_S)
    if child.returncode != 0:
        raise RuntimeError(stderr)
    return probe_child.result_from(stdout)


def measure(
    lab: Lab,
    test_point: LabTestPoint,
    plan: MeasurementPlan,
    *,
    stop_after_s: float | None = None,
    **changes: Any,  # noqa: ANN401 - as RealTestPoint.access
) -> dict[str, Any]:
    """Hold one session and return its result as plain JSON values."""
    access = test_point.lab_access(**changes)
    done = lab.customer.run(
        [sys.executable, "-m", "support.probe_child"],
        stdin_text=probe_child.asked(plan, access, stop_after_s=stop_after_s),
        timeout_s=_TIMEOUT_S,
        env=python_path(),
    )
    return probe_child.result_from(done.stdout)
