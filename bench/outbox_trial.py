"""Kill the process that delivers diagnostics, a hundred times, and count what the tickets show.

    PYTHONPATH=tests python bench/outbox_trial.py --cycles 100 --engine own
    PYTHONPATH=tests python bench/outbox_trial.py --cycles 100 --engine dbos    # pip install dbos

Each cycle posts five records to five tickets, starts the process, and kills it with SIGKILL after
0 to 250 ms. The ticket system beside it breaks, refuses, or drops the answer at one post of five.
At the end one process is left to finish. With --blind nobody looks before posting: the control.
docs/adr/0013 has the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from support.courier_trial import CourierTrial, own_command

_DBOS_CHILD = Path(__file__).with_name("outbox_dbos_child.py")


def dbos_command(database: str, peer_url: str) -> Sequence[str]:
    """Return how the engine on DBOS is started."""
    return (sys.executable, str(_DBOS_CHILD), database, peer_url)


def main() -> None:
    """Run one trial; print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=["own", "dbos"], default="own")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    engine = own_command if asked.engine == "own" else dbos_command

    def command(database: str, peer_url: str) -> Sequence[str]:
        return (*engine(database, peer_url), *(["blind"] if asked.blind else []))

    with tempfile.TemporaryDirectory() as folder:
        trial = CourierTrial(Path(folder), seed=asked.seed, command=command)
        began = time.perf_counter()
        trial.run(cycles=asked.cycles)
        took_s = time.perf_counter() - began
    posts = sum(request.method == "POST" for request in trial.peer.requests)
    found = {
        "engine": asked.engine,
        "blind": asked.blind,
        "kills": trial.kills,
        "records": trial.records,
        "missing": trial.missing,
        "doubled": trial.doubled,
        "in_order": trial.is_in_order,
        "posts": posts,
        "start_s": round(statistics.median(trial.starts_s), 3),
        "resident_mib": trial.resident_kib // 1024,
        "last_run_s": round(trial.drain_s, 2),
        "took_s": round(took_s, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
