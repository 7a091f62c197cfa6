"""A log that was changed behind the server's back is found, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from omega_core.canonical import digest_hex
from omega_core.control import LogPosition, Receipt
from omega_core.envelope import PayloadType
from omega_core.keys import PublicKey
from omega_core.log.checkpoint import parse_checkpoint
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.tree import Frontier, position_of
from omega_server.log_check import LogReport, check_log
from omega_server.store.database import Database
from omega_server.transparency import LogAuthor
from support.builders import STRANGER_KEY, sealed
from support.server_rig import Rig, make_rig
from support.store_rows import NOW, draft_of, record

RECORDS = 6
_NUMBERS = count(1)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A server with six records in its log."""
    with make_rig(tmp_path) as rig:
        for _ in range(RECORDS):
            post(rig)
        yield rig


def post(rig: Rig) -> None:
    """Store a record as the Collector does; only the log looks at it."""
    number = next(_NUMBERS)
    envelope = b'{"number":%d}' % number
    row = replace(record(number), envelope=envelope, envelope_digest=digest_hex(envelope))

    def receipt(place: LogPosition) -> bytes:
        stated = Receipt(
            record_digest=row.digest,
            envelope_digest=row.envelope_digest,
            session_id=None,
            received_unix_us=NOW,
            posted_to="nobody",
            posted_id=None,
            verdict=None,
            log=place,
        )
        return sealed(stated, PayloadType.RECEIPT, rig.installation.key)

    rig.store.sessions.add_record(draft_of(row), (), log=rig.installation.log, receipt=receipt)


def checked(rig: Rig, **changes: Any) -> LogReport:  # noqa: ANN401 - arguments of `check_log`
    arguments: dict[str, Any] = {"keys": [PublicKey.from_text(rig.services.server_key)]}
    return check_log(rig.store, **{**arguments, **changes})


def found(report: LogReport) -> list[tuple[int | None, str]]:
    return [(each.log_index, each.what) for each in report.differences]


def change(rig: Rig, statement: str, **values: object) -> None:
    """Do to the database what only its administrator could."""
    database = Database(rig.installation.settings.database_url)
    with database.write() as connection:
        connection.execute(sa.text(statement), values)
    database.close()


def test_an_untouched_log_is_rebuilt_to_the_root_that_was_signed(rig: Rig) -> None:
    report = checked(rig)
    signed = parse_checkpoint(rig.store.log.checkpoint()).checkpoint
    assert found(report) == []
    assert (report.entries, report.root) == (signed.size, signed.root) == (RECORDS, report.root)


@pytest.mark.parametrize(
    ("statement", "index", "what"),
    [
        pytest.param(
            "UPDATE records SET envelope = x'7b7d' WHERE record_no = 3",
            2,
            "its record is not the one that was logged",
            id="a record was changed",
        ),
        pytest.param(
            "DELETE FROM records WHERE record_no = 3",
            2,
            "its record is missing",
            id="a record was removed",
        ),
        pytest.param(
            "DELETE FROM log_entries WHERE log_index = 1",
            1,
            "the entry is missing",
            id="an entry was removed",
        ),
        pytest.param(
            "UPDATE log_hashes SET hash = zeroblob(32) WHERE position = 2",
            1,
            "a hash of the tree is another than its records give",
            id="a node was changed",
        ),
        pytest.param(
            "DELETE FROM log_hashes WHERE position = 6",
            3,
            "a hash of the tree is missing",
            id="a node was removed",
        ),
        pytest.param(
            "UPDATE records SET receipt = (SELECT receipt FROM records WHERE record_no = 1)"
            " WHERE record_no = 2",
            1,
            "its receipt is of another record",
            id="a receipt was exchanged",
        ),
        pytest.param(
            "UPDATE records SET receipt = x'7b7d' WHERE record_no = 2",
            1,
            "its receipt can't be read",
            id="a receipt was overwritten",
        ),
    ],
)
def test_the_first_entry_that_differs_is_named(
    rig: Rig, statement: str, index: int, what: str
) -> None:
    change(rig, statement)
    assert found(checked(rig)) == [(index, what)]


def test_entries_in_another_order_are_found_by_their_receipts(rig: Rig) -> None:
    rewrite(rig, [0, 2, 1, 3, 4, 5])
    assert found(checked(rig))[0] == (1, "its receipt names another place")


def test_a_log_that_was_cut_is_found(rig: Rig) -> None:
    change(rig, "DELETE FROM log_entries WHERE log_index >= 4")
    change(rig, "DELETE FROM records WHERE record_no > 4")
    assert found(checked(rig)) == [(None, "the log was cut: 4 entries, 6 were signed for")]


def test_a_record_that_was_slipped_in_is_found(rig: Rig) -> None:
    change(rig, "DELETE FROM log_entries WHERE log_index = 5")
    digest = digest_of_record(rig, 6)
    assert found(checked(rig)) == [
        (None, f"record {digest} is not in the log"),
        (None, "the log was cut: 5 entries, 6 were signed for"),
    ]


def test_a_log_rewritten_with_the_servers_own_key_does_not_fit_what_was_kept(rig: Rig) -> None:
    kept = parse_checkpoint(rig.store.log.checkpoint())
    change(rig, "DELETE FROM records WHERE record_no = 6")
    rewrite(rig, [0, 1, 2, 3, 4])
    post(rig)
    assert found(checked(rig)) == [], "by itself it is a good log"
    assert found(checked(rig, kept=[kept])) == [
        (None, "the log was rewritten: the checkpoint of 6 entries has another root")
    ]


def test_a_log_rewritten_without_the_key_does_not_fit_its_signature(rig: Rig) -> None:
    change(rig, "DELETE FROM records WHERE record_no = 6")
    rewrite(rig, [0, 1, 2, 3, 4], author=LogAuthor(rig.installation.log.origin, STRANGER_KEY))
    what = "the checkpoint of 5 entries is not signed by this server"
    assert found(checked(rig)) == [(None, what)]
    assert found(checked(rig, keys=[])) == []


def test_a_checkpoint_with_a_broken_signature_is_no_evidence(rig: Rig) -> None:
    note = rig.store.log.checkpoint()
    size_changed = note.replace(f"\n{RECORDS}\n", "\n5\n", 1)
    kept = parse_checkpoint(size_changed)
    what = "the checkpoint of 5 entries is not signed by this server"
    assert found(checked(rig, kept=[kept])) == [(None, what)]


def test_a_checkpoint_of_another_log_is_no_evidence(rig: Rig, tmp_path: Path) -> None:
    with make_rig(tmp_path / "other") as other:
        kept = parse_checkpoint(other.store.log.checkpoint())
    assert found(checked(rig, kept=[kept])) == [
        (None, "the checkpoint of 0 entries is of another log")
    ]


def test_checkpoints_of_earlier_sizes_fit(rig: Rig) -> None:
    kept = [parse_checkpoint(rig.store.log.checkpoint())]
    for _ in range(70):
        post(rig)
        kept.append(parse_checkpoint(rig.store.log.checkpoint()))
    report = checked(rig, kept=kept)
    assert (found(report), report.entries) == ([], RECORDS + 70)


def rewrite(rig: Rig, order: list[int], author: LogAuthor | None = None) -> None:
    """Make the stored log anew, of these of its entries; signed by whoever wants to."""
    digests = [row.envelope_digest for row in rig.store.log.entries(0, RECORDS)]
    names = {number: digest_of_record(rig, number + 1) for number in order}
    for table in ("log_entries", "log_hashes", "log_checkpoints"):
        change(rig, f"DELETE FROM {table}")  # noqa: S608 - names that stand here
    frontier = Frontier()
    for index, number in enumerate(order):
        values = {"index": index, "name": names[number], "digest": digests[number]}
        change(rig, "INSERT INTO log_entries VALUES (:index, 'record', :name, :digest)", **values)
        for node, octets in frontier.append(entry_hash(EntryKind.RECORD, digests[number])):
            values = {"position": position_of(node), "hash": octets}
            change(rig, "INSERT INTO log_hashes VALUES (:position, :hash)", **values)
    rig.store.log.begin(author or rig.installation.log)


def digest_of_record(rig: Rig, record_no: int) -> str:
    database = Database(rig.installation.settings.database_url)
    with database.read() as connection:
        select = sa.text("SELECT digest FROM records WHERE record_no = :number")
        digest = connection.execute(select, {"number": record_no}).scalar_one()
    database.close()
    return str(digest)
