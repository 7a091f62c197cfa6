"""Threads for what blocks: a bounded number of them, and of requests that wait for one.

Verifying a record costs a few milliseconds of CPU, storing it waits for the disk; neither may stop
the event loop. Whoever comes when the queue is full is told to come back: an answer after the
deadline would be work for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from omega_core.limits import REQUESTS_WAITING_MAX, WORKERS_MAX
from omega_server.refusals import Code, RefusalError

ResultT = TypeVar("ResultT")


class Workers:
    """Runs calls in threads; made and used inside one event loop."""

    def __init__(
        self, *, threads: int = WORKERS_MAX, waiting_max: int = REQUESTS_WAITING_MAX
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="omega-worker")
        self._inside = 0
        self._inside_max = threads + waiting_max

    async def run(self, call: Callable[[], ResultT]) -> ResultT:
        """Return what the call returns; raises RefusalError `busy` when too many wait already.

        A caller that is cancelled leaves; a call that has begun is finished all the same.
        """
        if self._inside >= self._inside_max:
            raise RefusalError(Code.BUSY, "too many requests wait already")
        future = self._pool.submit(call)
        self._inside += 1
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._left))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for the calls that have begun; forget the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self) -> None:
        self._inside -= 1
