"""Kills whoever delivers, at random points, and counts what the ticket system shows afterwards.

trial = CourierTrial(tmp_path, seed=1); trial.run(cycles=100); trial.missing, trial.doubled
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from omega_server.connectors.diagnostic import Diagnostic, mark_of
from omega_server.store import open_store
from omega_server.store.delivery_port import DeliveryRow, DeliveryState, LinkRow
from omega_server.store.port import Store
from omega_server.store.rows import EventRow, TicketRow
from support.children import python_path
from support.courier_child import SYSTEM, diagnose
from support.store_rows import NOW, add_record, record, subscriber
from support.ticket_peers import Request, Trouble, ZammadPeer, peer

_TROUBLE_SHARE = 0.2
_TROUBLES = (Trouble.DROP, Trouble.BREAK, Trouble.BREAK_AFTER, Trouble.AWAY)
_LONGEST_LIFE_S = 0.25
_END_S = 120
TICKETS = 5

Command = Callable[[str, str], Sequence[str]]


def digest_of(number: int) -> str:
    """Return a digest whose first digits differ, as real ones do."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def ticket(number: int) -> TicketRow:
    """Return a ticket of the subscriber `S-1`."""
    return TicketRow(
        ticket_id=f"TT-2026-{number:06d}",
        subscriber_ref="S-1",
        description="slow",
        created_unix_us=NOW,
    )


def diagnostic(number: int = 1) -> Diagnostic:
    """Return what is told of the record of this number."""
    return diagnose(
        DeliveryRow(
            delivery_no=number,
            system=SYSTEM,
            ticket_id=ticket(1).ticket_id,
            external_id="7",
            record_digest=digest_of(number),
            state=DeliveryState.WAITING,
            attempts=1,
            due_unix_us=NOW,
            changed_unix_us=NOW,
        )
    )


def own_command(database: str, peer_url: str) -> Sequence[str]:
    """Return how the engine of the product is started."""
    return (sys.executable, "-m", "support.courier_child", database, peer_url)


@dataclass
class LossyZammad(ZammadPeer):
    """Has a trouble at one post of five, drawn."""

    random: Random = field(default_factory=Random)

    def trouble(self, request: Request) -> Trouble | None:
        if request.method == "GET" or self.random.random() >= _TROUBLE_SHARE:
            return None
        return self.random.choice(_TROUBLES)


@dataclass
class CourierTrial:
    """One engine, killed again and again while records keep coming."""

    folder: Path
    seed: int
    command: Command = own_command
    records_a_cycle: int = 5
    records: int = 0
    kills: int = 0
    starts_s: list[float] = field(default_factory=list)
    resident_kib: int = 0
    drain_s: float = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - draws moments, no secrets
        self.peer = LossyZammad(random=Random(self.seed + 1))  # noqa: S311 - as above
        self.database = f"sqlite:///{self.folder}/trial.sqlite"

    def run(self, cycles: int) -> None:
        """Kill `cycles` times, then let the last one finish."""
        with peer(self.peer) as url, open_store(self.database, may_migrate=True) as store:
            self._begin(store)
            for _ in range(cycles):
                self._add(store)
                child = self._start(url)
                time.sleep(self.random.uniform(0, _LONGEST_LIFE_S))
                self.kills += child.poll() is None
                child.kill()
                child.communicate()
            self._add(store)
            began = time.perf_counter()
            child = self._start(url)
            child.communicate(timeout=_END_S)
            self.drain_s = time.perf_counter() - began
            assert child.returncode == 0

    @property
    def missing(self) -> int:
        """How many records nobody sees."""
        return sum(not self._seen[mark_of(digest_of(at + 1))] for at in range(self.records))

    @property
    def doubled(self) -> int:
        """How many notes are there once more."""
        return sum(count - 1 for count in self._seen.values())

    @property
    def is_in_order(self) -> bool:
        """Whether each ticket shows its records as they came."""
        wanted = [mark_of(digest_of(at + 1)) for at in range(self.records)]
        return all(
            self.peer.marks(str(number)) == wanted[number - 1 :: TICKETS]
            for number in range(1, TICKETS + 1)
        )

    @property
    def _seen(self) -> Counter[str]:
        return Counter(
            mark for number in range(1, TICKETS + 1) for mark in self.peer.marks(str(number))
        )

    def _begin(self, store: Store) -> None:
        store.cases.add_subscriber(subscriber(), _event("created", "S-1"))
        for number in range(1, TICKETS + 1):
            row = ticket(number)
            store.cases.add_ticket(row, _event("opened", row.ticket_id))
            link = LinkRow(
                system=SYSTEM,
                ticket_id=row.ticket_id,
                external_id=str(number),
                linked_unix_us=NOW,
            )
            store.deliveries.link(link, _event("linked", row.ticket_id))

    def _add(self, store: Store) -> None:
        for _ in range(self.records_a_cycle):
            number = self.records + 1
            ticket_id = ticket(self.records % TICKETS + 1).ticket_id
            row = record(
                number,
                digest=digest_of(number),
                grant_digest=None,
                ticket_id=ticket_id,
                sheet_id=None,
            )
            add_record(store, row)
            self.records += 1

    def _start(self, url: str) -> subprocess.Popen[str]:
        began = time.perf_counter()
        child = subprocess.Popen(
            self.command(self.database, url),
            stdout=subprocess.PIPE,
            text=True,
            env=python_path(),
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        self.starts_s.append(time.perf_counter() - began)
        self.resident_kib = max(self.resident_kib, _resident_kib(child.pid))
        return child


def _resident_kib(pid: int) -> int:
    """Return what a process has in memory; 0 when it has ended already."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(lines[0].split()[1]) if lines else 0


def _event(kind: str, subject_id: str) -> EventRow:
    return EventRow(subject="ticket", subject_id=subject_id, kind=kind, at_unix_us=NOW, content={})
