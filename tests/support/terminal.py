"""A terminal with a program in it, as a person at a keyboard has one.

with Terminal(place, argv, env) as terminal:
    terminal.await_text("Delay")
    terminal.press_ctrl_c()
    code = terminal.await_end()

A small shell leads the terminal's session and outlives the program, so that what the program leaves
behind can be looked at. Ctrl-C is the key: the terminal turns it into the signal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.main_job import Place

HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
_SHELL = 'trap : INT; "$@"; echo "left with $?."; read _'
_ENDED = re.compile(rb"left with (\d+)\.")
_ROWS, _COLUMNS = 50, 200


class Terminal:
    """One program on one pseudo terminal."""

    def __init__(self, place: Place, argv: Sequence[str | Path], env: Mapping[str, str]) -> None:
        self._place = place
        self._argv = argv
        self._env = {**env, "TERM": "xterm-256color"}
        self.shown = b""

    def __enter__(self) -> Self:
        self._master, self._slave = pty.openpty()
        size = struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self._before = self.attributes()
        self.child = self._place.popen(
            ["setsid", "--ctty", "sh", "-c", _SHELL, "sh", *map(str, self._argv)],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=self._env,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._slave)
        os.close(self._master)  # hangs up: whatever still runs there gets SIGHUP
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def attributes(self) -> list[Any]:
        """Return the settings of the terminal."""
        return termios.tcgetattr(self._slave)

    @property
    def is_restored(self) -> bool:
        """Say whether settings and cursor are as they were before the program."""
        is_visible = self.shown.rfind(SHOW_CURSOR) >= self.shown.rfind(HIDE_CURSOR)
        return self.attributes() == self._before and is_visible

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def await_text(self, text: str) -> None:
        """Wait until a text is shown; raises TimeoutError with all that was."""
        self.watch_until(lambda: text.encode() in self.shown)

    def await_end(self) -> int:
        """Wait until the program has ended; return its exit code."""
        self.watch_until(lambda: _ENDED.search(self.shown) is not None)
        found = _ENDED.search(self.shown)
        assert found is not None
        return int(found[1])

    def watch_until(self, condition: Callable[[], object], within_s: float = 60) -> None:
        """Take what is shown until something has come about, so that the program never waits."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"all there was is {self.shown.decode(errors='replace')!r}")
            ready, _, _ = select.select([self._master], (), (), 0.02)
            if ready:
                self.shown += os.read(self._master, 65_536)
