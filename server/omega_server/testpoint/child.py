"""The child of `TestPointProcess`: settings from stdin, ports to stdout, and serve."""

from __future__ import annotations

import sys

from omega_core.edge import leave_with
from omega_core.errors import ExitCode
from omega_server.testpoint.process import write_ports
from omega_server.testpoint.serving import serve
from omega_server.testpoint.settings import TestPointSettings


def main() -> int:
    """Run as a child of whoever supervises the test point."""
    settings = TestPointSettings.from_json(sys.stdin.buffer.readline().decode())
    serve(settings, report=write_ports, parent=sys.stdin.fileno())
    return ExitCode.ACCEPTED


if __name__ == "__main__":
    leave_with("omega-server testpoint", main)
