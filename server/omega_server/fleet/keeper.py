"""Keeps the figures of all lines up to date: a thread that follows the records behind a cursor."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

import structlog

from omega_core.clock import Clock
from omega_core.errors import StorageError
from omega_core.metrics import METRICS
from omega_core.record import Record
from omega_server.envelopes import stored
from omega_server.fleet.tally import LineFacts, tallied
from omega_server.store.errors import StoreUnavailableError
from omega_server.store.fleet_port import NewRecord
from omega_server.store.port import Store

AT_ONCE: Final = 200  # records of some 20 kB each: a few megabytes, and a transaction of a second
_SETTLED_US: Final = 5_000_000
_LOOK_AGAIN_S: Final = 2.0
_log = structlog.get_logger(__name__)


class FleetKeeper:
    """Tallies records. Several processes may call `step` at once: each record counts once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def step(self) -> int:
        """Tally the next records; return how many there were. Raises what the store raises."""
        fleet = self._store.fleet
        after = fleet.cursor()
        settled = self._clock.unix_us() - _SETTLED_US
        found = fleet.new_records(after, AT_ONCE, settled_unix_us=settled)
        if not found:
            return 0
        facts = [each for each in map(self._facts, found) if each is not None]
        lines = frozenset(each.subscriber_ref for each in facts)
        fleet.add(after, found[-1].record_no, lines, lambda kept: tallied(kept, facts))
        return len(found)

    def rebuild(self) -> int:
        """Make everything again from the records; return how many there were."""
        self._store.fleet.clear()
        total = 0
        while count := self.step():
            total += count
        return total

    def _facts(self, row: NewRecord) -> LineFacts | None:
        """Return what a record says of a line; None where it belongs to none, or names no plan."""
        line = row.subscriber_ref or self._line_of(row.agent_id)
        subscriber = None if line is None else self._store.cases.subscriber(line)
        if subscriber is None:
            return None
        record = stored(Record, row.envelope)
        values = {name: found.value for name, found in record.metrics.items() if name in METRICS}
        counts = row.verdict != "invalid"  # an invalid run says nothing of the line
        return LineFacts(
            subscriber_ref=subscriber.subscriber_ref,
            plan_id=subscriber.plan_id,
            digest=row.digest,
            at_unix_us=row.received_unix_us,
            verdict=row.verdict,
            metrics={name: value for name, value in values.items() if counts and value is not None},
        )

    def _line_of(self, agent_id: str | None) -> str | None:
        """Return the line that an agent stands on now: a sweep's record names none."""
        place = None if agent_id is None else self._store.lines.place_of(agent_id)
        return None if place is None else place.subscriber_ref


class FleetThread:
    """Runs a keeper beside the server."""

    def __init__(self, keeper: FleetKeeper) -> None:
        self._keeper = keeper
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="omega-fleet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            began_s, pause_s = time.monotonic(), _LOOK_AGAIN_S
            try:
                if self._keeper.step():
                    # A million records wait at the first start: half of the time is the API's.
                    pause_s = time.monotonic() - began_s
            except (StoreUnavailableError, StorageError) as error:
                _log.warning("fleet_waits", why=str(error))
            self._is_over.wait(pause_s)
