"""What a session leaves behind: facts only, for the agent to judge, seal and post."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.derive import metrics_of
from omega_core.environment import Environment
from omega_core.evidence import Evidence
from omega_core.limit_cause import with_limit_causes
from omega_core.metrics import MetricValue
from omega_core.verdict import Fault
from omega_probe.session_clock import ClockFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResult:
    """The facts of one session.

    Bytes are IP octets of the probe itself. `test_point_offset_us` is the test point's clock less
    this host's, to within the round trip; `address` the one this host had towards the test point.
    `observation` is the test point's sealed word, None when it never came. `busy_s` is after how
    many seconds a test point that had no room wants to be asked again; then nothing was measured.
    """

    environment: Environment
    faults: tuple[Fault, ...]
    bytes_down: int
    bytes_up: int
    duration_us: int
    started_unix_us: int
    ended_unix_us: int
    monotonic_started_us: int
    monotonic_ended_us: int
    clock_step_us: int
    suspended_us: int
    test_point_offset_us: int | None
    address: str | None
    evidence: Evidence
    metrics: dict[str, MetricValue]
    observation: str | None
    busy_s: int | None = None


def result_of(
    *,
    evidence: Evidence,
    environment: Environment,
    faults: tuple[Fault, ...],
    clocks: ClockFacts,
    bytes_down: int = 0,
    bytes_up: int = 0,
    test_point_offset_us: int | None = None,
    address: str | None = None,
    observation: str | None = None,
    busy_s: int | None = None,
) -> SessionResult:
    """Return the result with its metrics, which follow from the facts alone."""
    return SessionResult(
        environment=environment,
        faults=faults,
        bytes_down=bytes_down,
        bytes_up=bytes_up,
        duration_us=clocks.duration_us,
        started_unix_us=clocks.started_unix_us,
        ended_unix_us=clocks.ended_unix_us,
        monotonic_started_us=clocks.monotonic_started_us,
        monotonic_ended_us=clocks.monotonic_ended_us,
        clock_step_us=clocks.step_us,
        suspended_us=clocks.suspended_us,
        test_point_offset_us=test_point_offset_us,
        address=address,
        evidence=evidence,
        metrics=with_limit_causes(metrics_of(evidence), evidence, environment.interface),
        observation=observation,
        busy_s=busy_s,
    )
