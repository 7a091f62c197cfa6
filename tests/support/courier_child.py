"""A process that delivers until nothing is left, to be killed at any moment.

    python -m support.courier_child DATABASE_URL PEER_URL [blind]

It says `ready` once it has begun and leaves with 0 when all is posted. Pauses are short, because
the peer of these trials keeps what it keeps before it answers. A blind one posts without looking:
the control that must fail.
"""

from __future__ import annotations

import sys
import time
from random import SystemRandom

from omega_core.clock import SystemClock
from omega_server.connectors.courier import Courier
from omega_server.connectors.diagnostic import JSON_TYPE, Diagnostic, File, record_file_name
from omega_server.connectors.http_door import Door
from omega_server.connectors.port import Found
from omega_server.connectors.zammad import Zammad
from omega_server.store import open_store
from omega_server.store.delivery_port import DeliveryRow
from support.ticket_peers import SECRET

SYSTEM = "helpdesk"
_LEASE_US = 200_000
_PAUSE_US = 10_000


def diagnose(row: DeliveryRow) -> Diagnostic:
    """Return a diagnostic with a file, of a record that is nothing but a digest."""
    name = record_file_name(row.record_digest)
    return Diagnostic(
        ticket_id=row.ticket_id,
        record_digest=row.record_digest,
        verdict="fail",
        mode="quick",
        agent_id="MA-000001",
        received_unix_us=row.changed_unix_us,
        files=(File(name=name, media_type=JSON_TYPE, content=b"{}"),),
    )


class _BlindZammad(Zammad):
    """Never finds anything."""

    def find(self, external_id: str, diagnostic: Diagnostic) -> Found:
        del external_id, diagnostic
        return Found(note=False)


def zammad(url: str, blind: str = "") -> Zammad:
    """Return the system of the trial."""
    kind = _BlindZammad if blind else Zammad
    headers = {"Authorization": f"Token token={SECRET}"}
    return kind(door=Door(base=url, headers=headers, clock=SystemClock()), language="en")


def main(database: str, peer_url: str, blind: str = "") -> None:
    """Deliver until all is posted."""
    with open_store(database, may_migrate=False) as store:
        courier = Courier(
            name=SYSTEM,
            system=zammad(peer_url, blind),
            store=store.deliveries,
            clock=SystemClock(),
            random=SystemRandom(),
            diagnose=diagnose,
            lease_us=_LEASE_US,
            pause=lambda _error, _attempts, _draw: _PAUSE_US,
        )
        print("ready", flush=True)  # noqa: T201 - for whoever started it
        while courier.deliver_one() or store.deliveries.deliveries(undelivered=True):
            time.sleep(0.001)


if __name__ == "__main__":
    main(*sys.argv[1:])
