"""The test point: answers delay streams and moves bulk for sessions the server has granted.

    settings    what it is told, what it answers           plain values
    process     a test point as a supervised child         for `omega-server run`
    serving     put together and serve                     for `omega-server testpoint`
    host        accepts connections, runs the sessions     the only process that sees probes' words
      connection, grants, session, purse, commands, codes  what it is made of; machines, no sockets
      watch, admission, load, links, metrics             who has room, how busy it is, who is told
    children    the host's other processes
      reflector_process, reflector                         STAMP over UDP; driver and machine
      worker, bulk                                         TCP flows; driver and runs

docs/protocol.md is its protocol. Importing this package costs little: a supervisor needs no more
than `TestPointSettings` and `TestPointProcess`.
"""

from __future__ import annotations

from collections.abc import Callable

from omega_server.testpoint.process import TestPointProcess
from omega_server.testpoint.settings import Ports, TestPointSettings


def run(settings: TestPointSettings, report: Callable[[Ports], None]) -> None:
    """Serve in this process until SIGTERM or Ctrl-C; see `serving.serve` for what it raises."""
    from omega_server.testpoint.serving import serve  # noqa: PLC0415 - keeps the package light

    serve(settings, report=report)


__all__ = ["Ports", "TestPointProcess", "TestPointSettings", "run"]
