"""An outbox with records in it, and a Collector in memory to send them to."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx

from omega_agent.log_memory import LogMemory
from omega_agent.log_proof import prove
from omega_agent.outbox import MemoryOutbox
from omega_agent.records import Records
from omega_agent.reporter import Reporter
from omega_agent.waiting_record import WaitingRecord
from support.clock import HandClock
from support.collector_peer import CollectorPeer, waiting


class Desk:
    """An outbox with records in it, and a Collector to send them to."""

    def __init__(self, folder: Path, *seqs: int) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.peer = CollectorPeer(self.clock)
        self.outbox = MemoryOutbox()
        self.records = Records(folder / "records")
        look = partial(prove, memory=LogMemory(folder / "log"))
        self.reporter = Reporter(self.outbox, self.peer.connect, self.records, look)
        self.items = [waiting(seq) for seq in seqs]
        for item in self.items:
            self.outbox.put(item.digest, item.to_bytes())

    @property
    def pending(self) -> list[str]:
        return [each.record_id for each in self.outbox.pending()]

    def posted(self) -> list[str]:
        """The records that arrived, by digest, in order."""
        by_envelope = {item.bundle.record.encode(): item.digest for item in self.items}
        return [by_envelope[each] for each in self.peer.records]


def digests(items: list[WaitingRecord]) -> list[str]:
    return [each.digest for each in items]


def observation_taken(_request: httpx.Request) -> httpx.Response:
    """Answer as a Collector that takes an observation."""
    return httpx.Response(201, json={"digest": "0" * 64})
