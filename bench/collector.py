"""How many signed records a second the Collector verifies, judges and stores durably.

    python bench/collector.py [--records N] [--repeats N] [--only sqlite|postgres]

Each run has a fresh database. Records are sealed, granted and observed beforehand; what is timed is
`Collector.post` from eight threads of one process: envelope, signature, schema, grant, metrics, two
observers, verdict, receipt, and a commit on the disk for each. HTTP is not in it: its cost is that
of uvicorn and is measured with the API. The same records go to SQLite (on the disk of the working
directory) and to a private PostgreSQL cluster with its defaults (fsync and synchronous_commit on).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "acceptance_profiles", "server", "tests")
]

from omega_core.limits import WORKERS_MAX  # noqa: E402 - the path is set above
from support.postgres import NoPostgresError, running_cluster  # noqa: E402
from support.server_rig import Rig, digest_of, make_rig  # noqa: E402
from support_bench import Table  # noqa: E402 - the path is set above


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    per_second: float
    cpu_ms_each: float
    octets_each: int


def prepared(rig: Rig, count: int) -> list[tuple[bytes, str]]:
    """Return records that are ready to be posted, each under a grant of its own."""
    device, sheet_id = rig.enrolled(), rig.sheet()
    found = []
    for _ in range(count):
        granted = rig.installed(device, sheet_id=sheet_id)
        seen, _ = rig.services.collector.observe(rig.observation(granted))
        envelope = rig.record(granted, observation_digest=seen)
        found.append((envelope, digest_of(envelope)))
    return found


def one_run(folder: Path, records: int, database: str | None = None) -> Figures:
    """Post the records into a fresh installation."""
    with make_rig(folder, database=database) as rig:
        posts = prepared(rig, records)
        collector = rig.services.collector
        started, cpu_started = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(WORKERS_MAX) as pool:
            kept = list(pool.map(lambda each: collector.post(*each), posts))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        if not all(posted.is_new for posted in kept):
            raise RuntimeError("a record was not stored")
        return Figures(
            per_second=records / seconds,
            cpu_ms_each=1_000 * cpu / records,
            octets_each=sum(len(envelope) for envelope, _ in posts) // records,
        )


@contextmanager
def scratch() -> Iterator[Path]:
    """Hand out a folder on the disk of the working directory, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="omega-bench-", dir=Path.cwd()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def on_sqlite(records: int, repeats: int) -> list[Figures]:
    """Return one figure a run, each with a database file of its own."""
    with scratch() as folder:
        return [one_run(folder / str(run), records) for run in range(repeats)]


def on_postgres(records: int, repeats: int) -> list[Figures]:
    """Return one figure a run, each with a database of its own."""
    with scratch() as folder, running_cluster() as cluster:
        return [
            one_run(folder / str(run), records, database=cluster.new_database())
            for run in range(repeats)
        ]


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    arguments = parser.parse_args()
    stores: dict[str, Callable[[int, int], list[Figures]]] = {
        "sqlite": on_sqlite,
        "postgres": on_postgres,
    }
    table = Table(
        f"Collector: records verified, judged and durably stored, median of {arguments.repeats}",
        ("store", "records/s", "lowest", "highest", "CPU ms each", "octets each"),
    )
    for name, run in stores.items():
        if arguments.only in {None, name}:
            try:
                table.row(name, *_cells(run(arguments.records, arguments.repeats)))
            except NoPostgresError as error:
                print(f"{name}: not run: {error}")
    table.print()


def _cells(figures: list[Figures]) -> tuple[str, ...]:
    rates = [each.per_second for each in figures]
    cpu_ms = statistics.median(each.cpu_ms_each for each in figures)
    return (
        f"{statistics.median(rates):.0f}",
        f"{min(rates):.0f}",
        f"{max(rates):.0f}",
        f"{cpu_ms:.1f}",
        f"{figures[0].octets_each}",
    )


if __name__ == "__main__":
    main()
