"""Waiting in slices, so that whoever says stop is heard within a tenth of a second."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from omega_core.clock import Clock
from omega_core.units import NS_PER_MS, NS_PER_S

SLICE_NS: Final = 100 * NS_PER_MS

ResultT = TypeVar("ResultT")


class StoppedError(Exception):
    """The stop event was set while something waited; never leaves the probe."""


class Waiter:
    """The clock and the stop event, which every wait needs together."""

    __slots__ = ("clock", "stop")

    def __init__(self, clock: Clock, stop: threading.Event | None = None) -> None:
        self.clock = clock
        self.stop = threading.Event() if stop is None else stop

    def check(self) -> None:
        """Raise StoppedError if stop has been said."""
        if self.stop.is_set():
            raise StoppedError

    def deadline_ns(self, after_ns: int) -> int:
        """Return the monotonic time `after_ns` from now."""
        return self.clock.monotonic_ns() + after_ns

    def pause(self, duration_ns: int) -> None:
        """Do nothing for a while; raises StoppedError."""
        if self.stop.wait(duration_ns / NS_PER_S):
            raise StoppedError

    def ready(self, endpoint: socket.socket, events: int, deadline_ns: int) -> bool:
        """Wait until a socket is ready; False when the deadline came first. Raises StoppedError."""
        poller = select.poll()
        poller.register(endpoint, events)
        while True:
            self.check()
            left_ns = deadline_ns - self.clock.monotonic_ns()
            if left_ns <= 0:
                return False
            if poller.poll(min(left_ns, SLICE_NS) / NS_PER_MS):
                return True


def staggered(
    tasks: Sequence[Callable[[], ResultT]], apart_ns: int, waiter: Waiter
) -> list[ResultT]:
    """Begin a task each `apart_ns`, whether or not those before have ended; see `side_by_side`."""

    def later(number: int, task: Callable[[], ResultT]) -> ResultT:
        if number:
            waiter.pause(number * apart_ns)
        return task()

    return side_by_side([partial(later, number, task) for number, task in enumerate(tasks)])


def side_by_side(tasks: Sequence[Callable[[], ResultT]]) -> list[ResultT]:
    """Run the tasks at the same time and return what each returned, in their order.

    When one raises, its exception is raised after all have ended.
    """
    results: dict[int, ResultT] = {}
    errors: list[BaseException] = []

    def run(index: int, task: Callable[[], ResultT]) -> None:
        try:
            results[index] = task()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(index, task), daemon=True)
        for index, task in enumerate(tasks[1:], start=1)
    ]
    for thread in threads:
        thread.start()
    for index, task in enumerate(tasks[:1]):
        run(index, task)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(tasks))]
