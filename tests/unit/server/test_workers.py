"""Threads for what blocks: bounded, and left by those who stop waiting."""

from __future__ import annotations

import asyncio
import threading

import pytest

from omega_server.refusals import Code, RefusalError
from omega_server.workers import Workers

GIVE_UP_S = 5  # a test that fails must not leave a thread waiting for ever


def test_a_call_gives_its_result_or_its_error() -> None:
    async def story() -> None:
        workers = Workers(threads=1, waiting_max=0)
        assert await workers.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        workers.close()

    asyncio.run(story())


def test_one_too_many_is_told_to_come_back_and_the_others_are_served() -> None:
    async def story() -> None:
        workers = Workers(threads=1, waiting_max=1)
        gate = threading.Event()
        first = asyncio.ensure_future(workers.run(lambda: gate.wait(GIVE_UP_S)))
        second = asyncio.ensure_future(workers.run(lambda: gate.wait(GIVE_UP_S)))
        await asyncio.sleep(0)
        with pytest.raises(RefusalError) as refused:
            await workers.run(lambda: gate.wait(GIVE_UP_S))
        assert refused.value.code is Code.BUSY
        assert refused.value.retry_after_s is not None
        gate.set()
        assert [await first, await second] == [True, True]
        assert await workers.run(lambda: 1) == 1, "there is room again"
        workers.close()

    asyncio.run(story())


def test_who_stops_waiting_makes_room_once_its_call_is_over() -> None:
    async def story() -> None:
        workers = Workers(threads=1, waiting_max=0)
        gate = threading.Event()
        waiting = asyncio.ensure_future(workers.run(lambda: gate.wait(GIVE_UP_S)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(RefusalError):
            await workers.run(lambda: 1)
        gate.set()
        await asyncio.to_thread(workers.close)

    asyncio.run(story())
