"""A thread for each ticket system, from the server's start to its stop.

One each, because a system that does not answer takes twenty seconds to say so, and the others have
nothing to do with that. A store that is away for a minute is asked again: nothing is lost by it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import structlog

from omega_core.limits import CONNECTOR_ANSWER_S, CONNECTOR_POLL_S, CONNECTOR_ROUNDS
from omega_server.connectors.courier import Courier
from omega_server.store.errors import StoreError

_log = structlog.get_logger(__name__)


class Postmen:
    """Runs couriers inside a `with`; leaving it waits for what is in hand, up to a time."""

    def __init__(self, couriers: Iterable[Courier], *, poll_s: float = CONNECTOR_POLL_S) -> None:
        self._stop = threading.Event()
        self._poll_s = poll_s
        self._threads = [
            threading.Thread(
                target=self._walk,
                args=(each,),
                name=f"postman-{each.name}",
                daemon=True,
            )
            for each in couriers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            # One that is still waiting for an answer is left behind: its lease ends, and the next
            # start looks what came of it.
            thread.join(CONNECTOR_ANSWER_S)

    def _walk(self, courier: Courier) -> None:
        rounds = itertools.count()
        while not self._stop.is_set():
            try:
                had_one = courier.deliver_one(everything=next(rounds) % CONNECTOR_ROUNDS == 0)
            except StoreError as error:
                _log.warning("deliveries_wait", detail=str(error))
                had_one = False
            except Exception:  # noqa: BLE001 - a defect of ours: it stands in the log, and the thread goes on
                _log.exception("postman_defect")
                had_one = False
            if not had_one:
                self._stop.wait(self._poll_s)
