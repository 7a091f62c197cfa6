"""Takes deliveries out of the store and hands them over, one at a time: at least once, shown once.

    gather --> take --> look --> post what is missing --> end
                 |                                         |
                 +---- whoever died here: its lease ends, and somebody looks again

What always holds:

- A row is made of what is stored already, a record and a link, so nothing has to be remembered at
  the moment a record is posted, and a crash there loses nothing.
- A delivery is `posted` only after the system has said so, or has shown the mark.
- Nobody posts without having looked. What may have been accepted is looked for after a pause.
- Of one ticket the deliveries go in order: one that is stopped holds back those behind it.
- What came of it stands on the ticket, in the transaction that ends the delivery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog

from omega_core.clock import Clock
from omega_core.errors import OmegaError
from omega_core.limits import CONNECTOR_LEASE_S, REASON_CHARS_MAX
from omega_core.units import US_PER_S
from omega_server.connectors.diagnostic import Diagnostic
from omega_server.connectors.errors import LaterError, StoppedError
from omega_server.connectors.pace import pause_us
from omega_server.connectors.port import TicketSystem
from omega_server.store.delivery_port import DeliveryRow, DeliveryState, DeliveryStore, Ended
from omega_server.ticket_life.entries import Delivered, DeliveryStopped
from omega_server.ticket_life.entry import Entry, row_of

_PPM = 1_000_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Courier:
    """Serves one system. `diagnose` makes what is told of a record out of the store."""

    name: str
    system: TicketSystem
    store: DeliveryStore
    clock: Clock
    random: Random
    diagnose: Callable[[DeliveryRow], Diagnostic]
    lease_us: int = CONNECTOR_LEASE_S * US_PER_S
    pause: Callable[[LaterError, int, int], int] = pause_us

    def deliver_one(self, *, everything: bool = True) -> bool:
        """Deliver what has been due longest; False when nothing is due. See `gather`."""
        now = self.clock.unix_us()
        self.store.gather(self.name, now, everything=everything)
        taken = self.store.take(self.name, now_unix_us=now, until_unix_us=now + self.lease_us)
        if taken is None:
            return False
        try:
            self._hand_over(taken)
        except LaterError as error:
            self._later(taken, error)
        except StoppedError as error:
            self._stopped(taken, error)
        except OmegaError as error:  # the record could not be told: the store is away, say
            self._later(taken, LaterError("not_told", str(error)))
        except Exception as error:  # noqa: BLE001 - a defect must not stop all other deliveries
            _log.exception("delivery_defect", system=self.name, record=taken.record_digest)
            self._later(taken, LaterError("defect", type(error).__name__))
        else:
            self._posted(taken)
        return True

    def _hand_over(self, taken: DeliveryRow) -> None:
        diagnostic = self.diagnose(taken)
        found = self.system.find(taken.external_id, diagnostic)
        self.system.post(taken.external_id, diagnostic, found)

    def _posted(self, taken: DeliveryRow) -> None:
        now = self.clock.unix_us()
        ended = Ended(state=DeliveryState.POSTED, at_unix_us=now, due_unix_us=now)
        told = Delivered(
            system=taken.system, external_id=taken.external_id, digest=taken.record_digest
        )
        event = row_of(taken.ticket_id, Entry(at_unix_us=now, actor=None, body=told))
        if self.store.end(taken, ended, event):
            _log.info("delivered", system=self.name, ticket=taken.ticket_id)

    def _later(self, taken: DeliveryRow, error: LaterError) -> None:
        now = self.clock.unix_us()
        pause = self.pause(error, taken.attempts, self.random.randint(0, _PPM))
        ended = Ended(
            state=DeliveryState.WAITING,
            at_unix_us=now,
            due_unix_us=now + pause,
            code=error.code,
            detail=str(error),
        )
        self.store.end(taken, ended, None)
        _log.warning(
            "delivery_later",
            system=self.name,
            ticket=taken.ticket_id,
            code=error.code,
            detail=str(error),
            pause_s=pause // US_PER_S,
        )

    def _stopped(self, taken: DeliveryRow, error: StoppedError) -> None:
        now = self.clock.unix_us()
        ended = Ended(
            state=DeliveryState.STOPPED,
            at_unix_us=now,
            due_unix_us=now,
            code=error.code,
            detail=str(error),
        )
        told = DeliveryStopped(
            system=taken.system,
            external_id=taken.external_id,
            digest=taken.record_digest,
            code=error.code,
            detail=str(error)[:REASON_CHARS_MAX],
        )
        event = row_of(taken.ticket_id, Entry(at_unix_us=now, actor=None, body=told))
        self.store.end(taken, ended, event, whole_system=error.whole_system)
        _log.error(
            "delivery_stopped",
            system=self.name,
            ticket=taken.ticket_id,
            code=error.code,
            detail=str(error),
            who_acts=error.who_acts,
        )
