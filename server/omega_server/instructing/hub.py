"""Wakes the check-ins that wait in this process, and tells the store who is connected.

While anybody waits, one task for all of them asks the store for signals five times a second; what
this process issues itself wakes at once. Whoever waits is entered before he looks, so nothing falls
between the look and the wait. When the store can't be asked, everybody goes on waiting: that costs
time, and nothing else.

Used inside one event loop; the calls that block are made by the workers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from omega_core import limits
from omega_core.clock import Clock
from omega_core.units import NS_PER_MS, NS_PER_S, US_PER_S
from omega_server.instructing.admission import Admission
from omega_server.instructing.presence import PresenceBook
from omega_server.refusals import Code, RefusalError
from omega_server.store.errors import StoreUnavailableError
from omega_server.store.instruction_port import EVERYONE
from omega_server.store.port import Store
from omega_server.workers import Workers

_FORGOTTEN_S = 600

_log = structlog.get_logger(__name__)


class Hub:
    """The waiting check-ins of one process."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        clock: Clock,
        *,
        per_s: int = limits.CHECK_INS_PER_S,
        held_max: int = limits.CHECK_INS_HELD_MAX,
    ) -> None:
        self.admission = Admission(per_s)
        self.book = PresenceBook()
        self.return_spread_s = self.admission.return_spread_s(0)
        self._store = store
        self._workers = workers
        self._clock = clock
        self._held_max = held_max
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._held = 0
        self._is_closing = False
        self._somebody = asyncio.Event()

    @property
    def held(self) -> int:
        """How many check-ins wait here."""
        return self._held

    def admit(self) -> None:
        """Let a check-in in; raises RefusalError `busy` with the time to come back."""
        wait_s = self.admission.wait_s(self._clock.monotonic_ns())
        if wait_s:
            raise RefusalError(Code.BUSY, "many agents come at once", retry_after_s=wait_s)
        if self._held >= self._held_max:
            raise RefusalError(Code.BUSY, "as many agents wait here as there is room for")

    @contextmanager
    def waiting(self, agent_id: str) -> Iterator[asyncio.Event]:
        """Enter one who waits; the event is set whenever there may be something for him."""
        event = asyncio.Event()
        if self._is_closing:
            event.set()
        self._waiting[agent_id].add(event)
        self._held += 1
        self._somebody.set()
        try:
            yield event
        finally:
            self._held -= 1
            if not self._held:
                self._somebody.clear()
            self._waiting[agent_id].discard(event)
            if not self._waiting[agent_id]:
                del self._waiting[agent_id]

    def wake(self, agent_id: str) -> None:
        """Let everybody who waits for this agent, or everybody at all, look again."""
        names = list(self._waiting) if agent_id == EVERYONE else [agent_id]
        for name in names:
            for event in self._waiting.get(name, ()):
                event.set()

    def close(self) -> None:
        """Let everybody go, and whoever comes from now on: the server is about to end."""
        self._is_closing = True
        self.wake(EVERYONE)

    async def run(self) -> None:
        """Pass on what is written, until cancelled; what is known then is written.

        A defect in either task ends both, and is raised.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._tell_presence())
            both.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        up_to, is_first = 0, True
        while True:
            try:
                new = await self._workers.run(partial(self._store.instructions.signals, up_to))
                if not is_first:  # what was written before is found by everybody who looks
                    for agent_id in new.agent_ids:
                        self.wake(agent_id)
                up_to, is_first = new.up_to, False
            except (StoreUnavailableError, RefusalError) as error:
                _log.warning("signals_not_read", detail=str(error))
            await asyncio.sleep(limits.SIGNALS_EVERY_MS * NS_PER_MS / NS_PER_S)
            # What is written while nobody waits is found by whoever comes, before he waits; what
            # is written between his look and the next question is asked for from where this was.
            await self._somebody.wait()

    async def _tell_presence(self) -> None:
        while True:
            try:
                await asyncio.sleep(limits.PRESENCE_EVERY_S)
            finally:
                await self._write_presence()

    async def _write_presence(self) -> None:
        now = self._clock.unix_us()
        changed = self.book.take_changed()
        try:
            await self._workers.run(partial(self._store.presence.seen, changed))
            connected = await self._workers.run(partial(self._store.presence.connected, now))
        except (StoreUnavailableError, RefusalError) as error:
            self.book.give_back(changed)
            _log.warning("presence_not_written", detail=str(error))
            return
        self.return_spread_s = self.admission.return_spread_s(connected)
        self.book.forget(lambda row: row.seen_unix_us < now - _FORGOTTEN_S * US_PER_S)
