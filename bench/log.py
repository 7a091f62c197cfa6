"""What the transparency log costs as it grows, and whether its records give it again.

    python bench/log.py [--entries N] [--samples N]

For sizes up to N, each ten times the one before: a SQLite database (on the disk of the working
directory) is filled with small records as an older server left them, and brought up to date, which
enters them into the log. Then records are appended one by one, as the Collector does it: the entry,
its hashes, the checkpoint signed anew, the receipt and the record in one transaction, durable when
it is over. Proofs are made from the stored hashes; the hashes that are read for them are counted.
Last, the log is built again from the bytes of the stored records and must have the root that was
signed. Each time is a median over random entries, in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("core", "acceptance_profiles", "server", "tests")
]

import sqlalchemy as sa  # noqa: E402 - the path is set above

from omega_core.canonical import digest_hex  # noqa: E402
from omega_core.control import LogPosition, Receipt  # noqa: E402
from omega_core.envelope import PayloadType, seal  # noqa: E402
from omega_core.keys import SigningKey  # noqa: E402
from omega_core.log.checkpoint import parse_checkpoint  # noqa: E402
from omega_core.log.tree import Node, consistency_path, inclusion_path, root_of  # noqa: E402
from omega_core.models import model_bytes  # noqa: E402
from omega_server.log_check import check_log  # noqa: E402
from omega_server.store import open_store  # noqa: E402
from omega_server.store.database import Database  # noqa: E402
from omega_server.store.migrate import migrate  # noqa: E402
from omega_server.store.port import LogStore, Store  # noqa: E402
from omega_server.store.rows import RecordDraft  # noqa: E402
from omega_server.store.tables import records  # noqa: E402
from omega_server.transparency import LogAuthor  # noqa: E402
from support_bench import Table  # noqa: E402

KEY = SigningKey.from_octets(bytes(32))
AUTHOR = LogAuthor("omega.example/bench", KEY)
_AT_ONCE = 5_000
_SEED = 20_261_122


class Counting:
    """A reader that counts the hashes it was asked for."""

    def __init__(self, log: LogStore) -> None:
        self._log = log
        self.read_count = 0

    def read(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """See `HashReader.read`."""
        self.read_count += len(nodes)
        return self._log.read(nodes)


@dataclass(frozen=True)
class Figures:
    """What a log of one size costs; times in milliseconds, hashes at most."""

    entries: int
    enter_s: float
    append_ms: float
    checkpoint_ms: float
    root_ms: float
    inclusion_ms: float
    inclusion_hashes: int
    consistency_ms: float
    consistency_hashes: int
    rebuild_s: float


def draft(number: int) -> RecordDraft:
    """Return a small record, another one for each number."""
    envelope = b'{"payload":"%064d","payloadType":"x","signatures":[]}' % number
    return RecordDraft(
        digest=digest_hex(b"%d" % number),
        envelope_digest=digest_hex(envelope),
        envelope=envelope,
        grant_digest=None,
        session_id=None,
        agent_id=None,
        agent_kid="k",
        mode="measure",
        sheet_id=None,
        ticket_id=None,
        observers="not_granted",
        verdict=None,
        judgement=None,
        received_unix_us=number,
        seq=None,
        clock_offset_us=None,
    )


def receipt(of: RecordDraft, place: LogPosition | None) -> bytes:
    """Return the sealed receipt of a record, with its place in the log where it has one."""
    stated = Receipt(
        record_digest=of.digest,
        envelope_digest=of.envelope_digest,
        session_id=None,
        received_unix_us=of.received_unix_us,
        posted_to="nobody",
        posted_id=None,
        verdict=None,
        log=place,
    )
    return seal(model_bytes(stated), PayloadType.RECEIPT, KEY)


_LATER = {"record_no", "seq", "clock_offset_us"}
_COLUMNS: list[sa.ColumnClause[Any]] = [
    sa.column(each.name) for each in records.c if each.name not in _LATER
]
"""What a database of before the log has of a record."""


def filled(url: str, count: int) -> float:
    """Fill a database with records without a log; return the seconds it takes to enter them."""
    database = Database(url)
    migrate(database, to="0001")  # as a server without a log has it
    with database.write() as connection:
        for first in range(0, count, _AT_ONCE):
            rows = map(_row, range(first, min(first + _AT_ONCE, count)))
            connection.execute(sa.insert(sa.table("records", *_COLUMNS)), list(rows))
    database.close()
    started = time.perf_counter()
    with open_store(url, may_migrate=True) as store:
        store.log.begin(AUTHOR)
    return time.perf_counter() - started


def _row(number: int) -> dict[str, object]:
    made = draft(number)
    content = {**asdict(made), "receipt": receipt(made, None)}
    return {column.name: content[column.name] for column in _COLUMNS}


def measured(store: Store, count: int, samples: int, enter_s: float) -> Figures:
    """Append, prove and rebuild; raises RuntimeError where the roots differ."""
    rng = random.Random(_SEED)  # noqa: S311 - which entries are looked at is no secret
    drafts = [draft(number) for number in range(count, count + samples)]
    append_ms = statistics.median(_timed(partial(_append, store, each)) for each in drafts)
    size = parse_checkpoint(store.log.checkpoint()).checkpoint.size
    numbers = [rng.randrange(size) for _ in range(samples)]
    inclusion = _proofs(store, numbers, lambda log, number: inclusion_path(log, number, size))
    consistency = _proofs(store, numbers, lambda log, number: consistency_path(log, number, size))
    started = time.perf_counter()
    report = check_log(store, keys=[KEY.public])
    rebuild_s = time.perf_counter() - started
    if report.differences or report.entries != size:
        raise RuntimeError(f"the records do not give the log that was signed: {report.differences}")
    return Figures(
        entries=size,
        enter_s=enter_s,
        append_ms=append_ms,
        checkpoint_ms=statistics.median(_timed(store.log.checkpoint) for _ in numbers),
        root_ms=statistics.median(_timed(lambda: root_of(store.log, size)) for _ in numbers),
        inclusion_ms=inclusion[0],
        inclusion_hashes=inclusion[1],
        consistency_ms=consistency[0],
        consistency_hashes=consistency[1],
        rebuild_s=rebuild_s,
    )


def _append(store: Store, each: RecordDraft) -> None:
    store.sessions.add_record(each, (), log=AUTHOR, receipt=lambda place: receipt(each, place))


def _proofs(
    store: Store, numbers: Sequence[int], prove: Callable[[Counting, int], list[bytes]]
) -> tuple[float, int]:
    """Return the median time of a proof, and the most hashes that one has read."""
    times_ms, most = [], 0
    for number in numbers:
        log = Counting(store.log)
        times_ms.append(_timed(partial(prove, log, number)))
        most = max(most, log.read_count)
    return statistics.median(times_ms), most


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1_000 * (time.perf_counter() - started)


@contextmanager
def scratch() -> Iterator[Path]:
    """Hand out a folder on the disk of the working directory, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="omega-bench-", dir=Path.cwd()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sizes_up_to(entries: int) -> list[int]:
    """Return the sizes that are measured, each ten times the one before."""
    sizes = [entries]
    while sizes[0] >= 10_000:
        sizes.insert(0, sizes[0] // 10)
    return sizes


def one_size(count: int, samples: int) -> Figures:
    """Fill a database of its own, and measure."""
    with scratch() as folder:
        url = f"sqlite:///{folder}/omega.sqlite"
        enter_s = filled(url, count)
        with open_store(url, may_migrate=False) as store:
            return measured(store, count, samples, enter_s)


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=200)
    arguments = parser.parse_args()
    table = Table(
        "Transparency log: times in ms (median), hashes read (at most); rebuilt to the same root",
        (
            *("entries", "append", "checkpoint", "root", "inclusion", "hashes"),
            *("consistency", "hashes", "enter all, s", "rebuild, s"),
        ),
    )
    for count in sizes_up_to(arguments.entries):
        got = one_size(count, arguments.samples)
        table.row(
            f"{got.entries}",
            f"{got.append_ms:.2f}",
            f"{got.checkpoint_ms:.2f}",
            f"{got.root_ms:.2f}",
            f"{got.inclusion_ms:.2f}",
            f"{got.inclusion_hashes}",
            f"{got.consistency_ms:.2f}",
            f"{got.consistency_hashes}",
            f"{got.enter_s:.1f}",
            f"{got.rebuild_s:.1f}",
        )
    table.print()


if __name__ == "__main__":
    main()
