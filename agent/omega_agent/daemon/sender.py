"""Posts what waits in the outboxes, in a process of its own: `omega outbox send`.

It is started when the daemon has nothing else to do, and only where something waits. What it says
goes where the daemon's errors go. Another program that sends at the same time is no harm: the
outbox lets one do it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from omega_agent.home import Home
from omega_agent.settings import HOME_VARIABLE

_COMMAND = (sys.executable, "-m", "omega_agent.cli", "outbox", "send")


class Sender:
    """At most one such process at a time."""

    def __init__(self, home: Home, *, command: Sequence[str] = _COMMAND) -> None:
        self._home = home
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_sending(self) -> bool:
        """Whether it is at work."""
        return self._child is not None and self._child.poll() is None

    def begin(self) -> None:
        """Start, unless nothing waits, or one is at work."""
        if self.is_sending or not self._something_waits():
            return
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, HOME_VARIABLE: str(self._home.path)},
        )

    def _something_waits(self) -> bool:
        outboxes = self._home.outbox, self._home.watch_outbox
        return any(any(outbox.glob("[0-9]*.*")) for outbox in outboxes)

    def stop(self) -> None:
        """End it: what it has not posted waits on."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()
