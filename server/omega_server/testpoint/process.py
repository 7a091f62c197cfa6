"""A test point as a child process, for whoever supervises it.

    parent                             child
    settings, one line   -- stdin -->
                         <- stdout --  ports, one line
    (stdin stays open)   -- stdin -->  end of file: the parent is gone or wants the end

The child is a fresh interpreter, whatever threads the parent has. Its stderr is the parent's.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict

from omega_server.testpoint.errors import TestPointStartError
from omega_server.testpoint.settings import Ports, TestPointSettings

_MODULE = "omega_server.testpoint.child"
START_TIMEOUT_S = 20.0  # a second on an idle machine; ten times that on a busy one
STOP_TIMEOUT_S = 5.0


class TestPointProcess:
    """One child; after its end a new object is made for the next."""

    __test__ = False  # not a pytest class

    def __init__(self, settings: TestPointSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Ports:
        """Start the child and return its ports once it serves; raises TestPointStartError."""
        self._process = process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
        )
        try:
            return _ports_of(process, self._settings, timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the child: by the end of its input, then by signals; nothing happens without one."""
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            _close(process)
        for insist in (process.terminate, process.kill):
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                insist()
        process.wait()

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The child's process id, None before its start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What the child left with; None while it runs."""
        return None if self._process is None else self._process.poll()


def _ports_of(
    process: subprocess.Popen[bytes], settings: TestPointSettings, timeout_s: float
) -> Ports:
    if process.stdin is None or process.stdout is None:  # asked for above; for the type checker
        raise TestPointStartError("the test point has no pipes")
    with suppress(BrokenPipeError):  # it died at once: its output says so below
        process.stdin.write(settings.to_json().encode() + b"\n")
        process.stdin.flush()
    readable, _, _ = select.select([process.stdout], [], [], timeout_s)
    if not readable:
        raise TestPointStartError(f"the test point did not come up within {timeout_s:.0f} s")
    line = process.stdout.readline()
    if not line:
        process.wait()
        raise TestPointStartError(f"the test point left with code {process.returncode}")
    return Ports(**json.loads(line))


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def write_ports(ports: Ports) -> None:
    """Tell the parent the ports: the child's side of `start`."""
    sys.stdout.write(json.dumps(asdict(ports)) + "\n")
    sys.stdout.flush()
