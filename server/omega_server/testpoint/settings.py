"""What a test point is told at its start, and what it answers: plain values that cross a pipe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from omega_core import limits
from omega_core.errors import UsageError

HOSTS_DEFAULT = ("::",)
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPointSettings:
    """How one test point runs.

    `hosts` are addresses to listen on; `::` takes IPv4 as well, and means `0.0.0.0` where the host
    has no IPv6. A port of 0 is any free one. `server_public_keys` are base64url texts of the keys
    whose grants are honoured: two of them while the server's key is rotated. Without `workers`
    there is one worker process for each core.
    `capacity_bps` is what sessions may commit together, each way; None is what the links of the
    host suggest, 0 no bound. `metrics` is the address and port of a listener for Prometheus.
    """

    __test__ = False  # not a pytest class

    id: str
    key_file: Path
    server_public_keys: tuple[str, ...]
    hosts: tuple[str, ...] = HOSTS_DEFAULT
    tcp_port: int = 0
    udp_port: int = 0
    workers: int | None = None
    sessions_max: int = limits.SESSIONS_AT_ONCE_MAX
    capacity_bps: int | None = None
    metrics: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for what no test point can do."""
        for name, port in (("TCP port", self.tcp_port), ("UDP port", self.udp_port)):
            if not 0 <= port <= _PORT_MAX:
                raise UsageError(f"the test point's {name} is 0 to {_PORT_MAX}, not {port}")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"a test point has at least one worker, not {self.workers}")
        if not 1 <= self.sessions_max <= limits.SESSIONS_AT_ONCE_MAX:
            raise UsageError(
                f"a test point holds 1 to {limits.SESSIONS_AT_ONCE_MAX} sessions at once,"
                f" not {self.sessions_max}"
            )
        if self.capacity_bps is not None and self.capacity_bps < 0:
            raise UsageError(f"a capacity is 0 or more, not {self.capacity_bps} bit/s")
        if not self.server_public_keys:
            raise UsageError("a test point needs its server's public key")
        if not self.hosts:
            raise UsageError("a test point needs an address to listen on")

    def to_json(self) -> str:
        """Return what `from_json` takes, on one line."""
        return json.dumps({**asdict(self), "key_file": str(self.key_file)})

    @classmethod
    def from_json(cls, text: str) -> TestPointSettings:
        """Return the settings that `to_json` wrote."""
        fields = json.loads(text)
        fields["key_file"] = Path(fields["key_file"])
        fields["hosts"] = tuple(fields["hosts"])
        fields["server_public_keys"] = tuple(fields["server_public_keys"])
        fields["metrics"] = fields["metrics"] and tuple(fields["metrics"])
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports a test point has got; `metrics_port` where it serves metrics."""

    tcp_port: int
    udp_port: int
    metrics_port: int | None = None
