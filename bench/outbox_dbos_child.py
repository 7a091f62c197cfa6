"""The trial's delivery on DBOS instead of our own tables: a workflow for each delivery.

Started by `outbox_trial.py --engine dbos`; needs `pip install dbos`, which nothing else does. The
step looks and posts with the product's own connector, so that only the engine differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from omega_server.connectors.errors import LaterError
from omega_server.store import open_store
from omega_server.store.delivery_port import DeliveryRow, DeliveryState
from omega_server.store.port import Store
from support.courier_child import SYSTEM, diagnose, zammad

_POLL_S = 0.01
_PAUSE_S = 0.01


def main(database: str, peer_url: str, blind: str = "") -> None:
    """Deliver until all is posted."""
    folder = Path(database.removeprefix("sqlite:///")).parent
    config: DBOSConfig = {
        "name": "omega-outbox-trial",
        "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
        "run_admin_server": False,
        "log_level": "CRITICAL",
    }
    DBOS(config=config)
    system = zammad(peer_url, blind)

    @DBOS.step()
    def look_and_post(external_id: str, row: DeliveryRow) -> bool:
        diagnostic = diagnose(row)
        try:
            system.post(external_id, diagnostic, system.find(external_id, diagnostic))
        except LaterError:
            return False
        return True

    @DBOS.workflow()
    def deliver(external_id: str, row: DeliveryRow) -> None:
        while not look_and_post(external_id, row):
            DBOS.sleep(_PAUSE_S)

    with open_store(database, may_migrate=False) as store:
        DBOS.launch()
        queue = DBOS.register_queue("deliveries", concurrency=1, polling_interval_sec=_POLL_S)
        print("ready", flush=True)
        handles = []
        for row in _rows(store):
            with SetWorkflowID(f"{SYSTEM}-{row.record_digest}"):
                handles.append(queue.enqueue(deliver, row.external_id, row))
        for handle in handles:
            handle.get_result(polling_interval_sec=_POLL_S)
        DBOS.destroy()


def _rows(store: Store) -> list[DeliveryRow]:
    """Return every delivery: one that is known keeps its workflow, by its id."""
    store.deliveries.gather(SYSTEM, 0)
    rows = store.deliveries.deliveries(system=SYSTEM)
    return [row for row in rows if row.state is DeliveryState.WAITING]


if __name__ == "__main__":
    main(*sys.argv[1:])
