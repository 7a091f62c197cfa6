"""Who is woken when, and that a server without waiting agents asks its store nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from omega_server.instructing.hub import Hub
from omega_server.store.instruction_port import InstructionStore, Signals
from omega_server.workers import Workers
from support.instructions import diagnosed_ticket, wish
from support.server_rig import Rig

SOON_S = 3
MEANWHILE_S = 0.6  # three looks


class Counted:
    """The store's instructions, and how often signals were asked for."""

    def __init__(self, store: InstructionStore) -> None:
        self._store = store
        self.looks = 0

    def signals(self, after: int) -> Signals:
        self.looks += 1
        return self._store.signals(after)


async def _watched(hub: Hub, counted: Counted, rig: Rig) -> tuple[int, int]:
    """Return how often was looked while nobody waits, and while somebody does."""
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(MEANWHILE_S)
    alone = counted.looks
    ticket_id, device = diagnosed_ticket(rig)
    rig.services.desk.issue(wish(ticket_id=ticket_id))
    with hub.waiting(device.agent_id or "") as something:
        await asyncio.wait_for(something.wait(), SOON_S)
        await asyncio.sleep(MEANWHILE_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return alone, counted.looks


def test_nobody_waits_and_nothing_is_asked(rig: Rig) -> None:
    """What was written meanwhile wakes the first who comes."""
    counted = Counted(rig.store.instructions)
    store = replace(rig.store, instructions=counted)
    workers = Workers(threads=1)
    try:
        hub = Hub(store, workers, rig.clock)
        alone, in_all = asyncio.run(_watched(hub, counted, rig))
    finally:
        workers.close()
    assert alone == 1
    assert in_all >= 3


def test_a_defect_is_not_kept_quiet(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("omega_core.limits.PRESENCE_EVERY_S", 0)
    monkeypatch.setattr(type(rig.store.presence), "seen", broken)
    workers = Workers(threads=1)
    try:
        hub = Hub(rig.store, workers, rig.clock)
        with pytest.raises(ExceptionGroup) as raised:
            asyncio.run(asyncio.wait_for(hub.run(), SOON_S))
    finally:
        workers.close()
    assert raised.group_contains(ZeroDivisionError)
