"""What the log of an installation signs and gives out."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.control import Receipt
from omega_core.envelope import parse_envelope
from omega_core.errors import StorageError
from omega_core.keys import PublicKey
from omega_core.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_hash
from omega_core.log.hashing import EntryKind, entry_hash
from omega_core.log.proof_file import parse_proof
from omega_core.log.proofs import check_consistency
from omega_server import records
from omega_server.envelopes import stored
from omega_server.refusals import Code, RefusalError
from omega_server.store.database import Database
from omega_server.store.errors import LogBrokenError
from omega_server.transparency import LogSetBackError, consistency_of, new_origin, proof_of
from support.server_rig import Rig, digest_of, make_rig


def posted(rig: Rig) -> bytes:
    """Post a record; return its envelope."""
    envelope = rig.record(rig.granted(rig.enrolled()))
    rig.post(envelope)
    return envelope


def newest(rig: Rig) -> SignedCheckpoint:
    signed = parse_checkpoint(rig.store.log.checkpoint())
    assert signed.is_signed_by_log([PublicKey.from_text(rig.services.server_key)])
    return signed


def test_the_log_of_a_new_server_is_empty_and_signed(rig: Rig) -> None:
    key = PublicKey.from_text(rig.services.server_key)
    assert newest(rig).checkpoint.size == 0
    assert newest(rig).checkpoint.origin.startswith(f"omega-log/{key.kid}/")
    assert new_origin(key) != new_origin(key), "another database is another log"


def test_a_receipt_names_the_place_in_the_log(rig: Rig) -> None:
    for index in range(3):
        row = rig.store.sessions.record(digest_of(posted(rig)))
        place = stored(Receipt, row.receipt).log
        assert place is not None
        assert (place.origin, place.index, place.tree_size) == (
            newest(rig).checkpoint.origin,
            index,
            index + 1,
        )


def test_every_record_has_its_proof(rig: Rig) -> None:
    envelopes = [posted(rig) for _ in range(5)]
    for index, envelope in enumerate(envelopes):
        proof = parse_proof(proof_of(rig.store, digest_of(envelope)).to_text())
        leaf = entry_hash(EntryKind.RECORD, parse_envelope(envelope).envelope_digest)
        assert proof.index == index
        assert proof.opened().checkpoint == newest(rig).checkpoint
        proof.check(leaf, proof.opened())


def test_there_is_no_proof_of_an_unknown_record(rig: Rig) -> None:
    with pytest.raises(RefusalError) as refused:
        proof_of(rig.store, "0" * 64)
    assert refused.value.code is Code.RECORD_UNKNOWN


def test_the_log_shows_that_it_only_grew(rig: Rig) -> None:
    trees = [newest(rig).checkpoint]
    for _ in range(5):
        posted(rig)
        trees.append(newest(rig).checkpoint)
    for old in trees:
        for new in trees[old.size :]:
            proof = consistency_of(rig.store, old.size, new.size)
            hashes = [parse_hash(each) for each in proof.hashes]
            check_consistency(old.size, old.root, new.size, new.root, hashes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(0, 2, id="larger than it is"),
        pytest.param(1, 0, id="falling"),
    ],
)
def test_sizes_that_never_were_are_refused(rig: Rig, old: int, new: int) -> None:
    posted(rig)
    with pytest.raises(RefusalError) as refused:
        consistency_of(rig.store, old, new)
    assert refused.value.code is Code.LOG_SIZE_UNKNOWN


def test_a_restarted_server_goes_on_with_the_same_log(tmp_path: Path) -> None:
    with make_rig(tmp_path) as rig:
        posted(rig)
        before = rig.store.log.checkpoint()
    with make_rig(tmp_path) as rig:
        assert rig.store.log.checkpoint() == before
        for _ in range(9):
            rig.new_key()  # those of the first run have made their requests
        posted(rig)
        assert newest(rig).checkpoint.size == 2


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM log_hashes", id="hashes are gone"),
        pytest.param("UPDATE log_checkpoints SET note = 'x'", id="no checkpoint"),
    ],
)
def test_a_broken_log_is_said_and_keeps_no_record_back(rig: Rig, statement: str) -> None:
    digests = [digest_of(posted(rig)) for _ in range(3)]
    change(rig, statement)
    with pytest.raises(LogBrokenError):
        proof_of(rig.store, digests[0])
    with pytest.raises(LogBrokenError):
        consistency_of(rig.store, 1, 3)
    row = records.known(rig.store, digests[0])
    bundle = records.bundle_of(rig.store, row, rig.services.key)
    assert (bundle.receipt is not None, bundle.proof) == (True, None)


def change(rig: Rig, statement: str) -> None:
    """Do to the database what only its administrator could."""
    database = Database(rig.installation.settings.database_url)
    with database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()


class TestSetBack:
    """A database that is older than what was signed."""

    def folder(self, tmp_path: Path) -> Path:
        """Return a data folder whose database is of before its last record."""
        with make_rig(tmp_path) as rig:
            posted(rig)
        older = (tmp_path / "omega.sqlite").read_bytes()
        with make_rig(tmp_path) as rig:
            for _ in range(9):
                rig.new_key()  # those of the first run have made their requests
            posted(rig)
        (tmp_path / "omega.sqlite").write_bytes(older)
        return tmp_path

    def started(self, folder: Path) -> None:
        with make_rig(folder):
            pass

    def test_is_not_signed_for(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        with pytest.raises(LogSetBackError, match="not the one") as refused:
            self.started(folder)
        assert "remove that file" in refused.value.who_acts

    def test_is_served_when_the_operator_says_so(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        (kept,) = folder.glob("log-*.checkpoint")
        kept.unlink()
        self.started(folder)
        assert kept.exists()

    def test_a_new_database_begins_a_new_log(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        (folder / "omega.sqlite").unlink()
        self.started(folder)
        assert len(list(folder.glob("log-*.checkpoint"))) == 2

    @pytest.mark.parametrize("damage", [b"", b"\xff"])
    def test_a_memory_that_can_not_be_read_is_said(self, tmp_path: Path, damage: bytes) -> None:
        folder = self.folder(tmp_path)
        (kept,) = folder.glob("log-*.checkpoint")
        kept.write_bytes(damage)
        with pytest.raises(LogBrokenError, match="can't be read"):
            self.started(folder)

    def test_a_memory_in_the_wrong_place_is_said(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        (kept,) = folder.glob("log-*.checkpoint")
        kept.unlink()
        kept.mkdir()
        with pytest.raises(StorageError):
            self.started(folder)
