"""The server's counters for Prometheus; those of its test point are fetched from there.

Names and meanings stand in docs/operations.md, and a test compares.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

_TASKS = {
    "/v1/agents": "enrolment",
    "/v1/agents/keys": "rotation",
    "/v1/sessions": "session",
    "/v1/observations": "observation",
    "/v1/records": "record",
    "/v1/standing-grants": "standing_grant",
    "/v1/availability": "availability",
    "/v1/check-ins": "check_in",
    "/v1/instruction-reports": "instruction_report",
}
"""What a post to a path is about; everything else is `other`, so that nobody can make labels up."""


class ServerMetrics:
    """Counts what the API has taken and refused. `test_point` fetches what its child counts."""

    def __init__(self, test_point: Callable[[], bytes | None] | None = None) -> None:
        self._registry = CollectorRegistry()
        self._test_point = test_point
        self._accepted = Counter(
            "omega_server_accepted",
            "Enrolments, rotations, sessions, observations and records taken.",
            ["task"],
            registry=self._registry,
        )
        self._refused = Counter(
            "omega_server_refused",
            "Requests refused, by code.",
            ["task", "code"],
            registry=self._registry,
        )
        self._test_point_up = Gauge(
            "omega_server_test_point_up",
            "Whether the server's own test point tells its counters.",
            registry=self._registry,
        )
        for task in _TASKS.values():
            self._accepted.labels(task=task)

    def accepted(self, path: str) -> None:
        """Count a request to a path that was answered with what it asked for."""
        task = _TASKS.get(path)
        if task is not None:
            self._accepted.labels(task=task).inc()

    def refused(self, path: str, code: str) -> None:
        """Count a refusal."""
        self._refused.labels(task=_TASKS.get(path, "other"), code=code).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format; it waits for the test point."""
        of_test_point = self._test_point() if self._test_point is not None else None
        self._test_point_up.set(of_test_point is not None)
        return generate_latest(self._registry) + (of_test_point or b"")
