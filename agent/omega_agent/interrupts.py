"""Ctrl-C: the first one stops in good order, the second at once.

Theory of operation. While something is being measured, the first SIGINT (or SIGTERM) only sets
`stop`: the probe ends its task, and what was measured is sealed and kept. Where there is nothing to
lose (before a grant is used; while a record that is safe in the outbox is posted) it interrupts at
once. The second one always does. Handlers are put back on leaving, so the shell's own Ctrl-C works
again, and what shows progress closes in its `finally`, which restores the terminal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns signals into `stop` or KeyboardInterrupt.

    Made and entered in the main thread: only there Python handles signals.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        """Set once somebody wants to stop."""
        self._gently = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Handle the signals until left."""
        before = {each: signal.signal(each, self._received) for each in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def gently(self) -> Iterator[threading.Event]:
        """Give `stop`; inside, the first signal sets it and nothing else happens."""
        self._gently = True
        try:
            yield self.stop
        finally:
            self._gently = False

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        if self._gently and not self.stop.is_set():
            self.stop.set()
            return
        self.stop.set()
        raise KeyboardInterrupt
