"""Run a function in a thread of its own, so that what it does to the thread ends with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class _Outcome(Generic[ResultT]):
    def __init__(self, work: Callable[[], ResultT]) -> None:
        self._work = work
        self.results: list[ResultT] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that asked
            self.error = error


def in_own_thread(work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns, or raise what it raises, having run it in a new thread."""
    outcome = _Outcome(work)
    thread = threading.Thread(target=outcome.run, name="lab", daemon=True)
    thread.start()
    thread.join()
    if outcome.error is not None:
        raise outcome.error
    return outcome.results[0]
