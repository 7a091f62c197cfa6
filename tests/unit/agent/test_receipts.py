"""Receipts: which end a record's wait, and by which key of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.errors import BusyError, NoAnswerError, NotTrustedError
from omega_agent.log_findings import NOT_PROVED
from omega_agent.records import Records
from omega_agent.reporter import open_receipt
from omega_core.bundle import parse_bundle
from omega_core.canonical import digest_hex
from omega_core.envelope import PayloadType
from omega_core.keys import SigningKey
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, key_of, receipt, sealed
from support.collector_peer import Meeting, answer, body, silence, waiting
from support.key_lines import rotated
from support.log_trees import MemoryLog
from support.sending_desk import Desk, digests, observation_taken

NEXT, THIRD = key_of("next server"), key_of("third server")


class TestReceipts:
    @pytest.mark.parametrize(
        "receipt_of",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"{}", id="not sealed"),
            pytest.param(
                sealed(
                    receipt(waiting(1).bundle.record.encode()), PayloadType.RECEIPT, STRANGER_KEY
                ),
                id="signed by somebody else",
            ),
            pytest.param(
                sealed(receipt(waiting(1).bundle.record.encode()), PayloadType.GRANT, SERVER_KEY),
                id="sealed as something else",
            ),
            pytest.param(
                sealed(receipt(waiting(2).bundle.record.encode()), PayloadType.RECEIPT, SERVER_KEY),
                id="for another record",
            ),
            pytest.param(
                sealed(
                    receipt(waiting(1).bundle.record.encode(), record_digest="0" * 64),
                    PayloadType.RECEIPT,
                    SERVER_KEY,
                ),
                id="for another record in the same envelope",
            ),
            pytest.param(
                sealed(
                    receipt(waiting(1).bundle.record.encode(), envelope_digest="0" * 64),
                    PayloadType.RECEIPT,
                    SERVER_KEY,
                ),
                id="for another envelope",
            ),
        ],
    )
    def test_one_that_does_not_hold_forgets_nothing(
        self, tmp_path: Path, receipt_of: bytes
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.will(observation_taken, body(receipt_of, 201))
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], NotTrustedError)
        assert desk.pending == digests(desk.items)

    def test_one_that_holds_is_read(self) -> None:
        item = waiting(1)
        envelope = item.bundle.record.encode()
        signed = sealed(receipt(envelope), PayloadType.RECEIPT, SERVER_KEY)
        opened = open_receipt(signed, item, SERVER_KEY.public)
        assert opened.envelope_digest == digest_hex(envelope)

    def test_the_pinned_key_decides_and_no_other(self) -> None:
        item = waiting(1)
        signed = sealed(receipt(item.bundle.record.encode()), PayloadType.RECEIPT, SERVER_KEY)
        with pytest.raises(NotTrustedError, match="key_missing"):
            open_receipt(signed, item, AGENT_KEY.public)

    def test_one_of_the_key_that_followed_the_pinned_one_ends_the_wait(
        self, tmp_path: Path
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.server_key = NEXT
        desk.peer.rotations = (rotated(SERVER_KEY, NEXT),)
        assert list(desk.reporter.send_pending().posted) == digests(desk.items)
        kept = parse_bundle(Records(tmp_path / "records").path(desk.items[0].digest).read_bytes())
        assert kept.key_events == desk.peer.rotations

    @pytest.mark.parametrize(
        ("pinned", "receipts", "log", "now"),
        [
            pytest.param(SERVER_KEY, SERVER_KEY, NEXT, NEXT, id="rotated since the receipt"),
            pytest.param(SERVER_KEY, NEXT, THIRD, THIRD, id="rotated before it and after it"),
            pytest.param(NEXT, SERVER_KEY, NEXT, NEXT, id="by the key before the pinned one"),
            pytest.param(NEXT, NEXT, SERVER_KEY, NEXT, id="the log by a process of before"),
        ],
    )
    def test_a_receipt_and_a_log_of_any_of_the_servers_keys_are_kept_with_what_leads_there(
        self,
        tmp_path: Path,
        pinned: SigningKey,
        receipts: SigningKey,
        log: SigningKey,
        now: SigningKey,
    ) -> None:
        desk = Desk(tmp_path)
        item = waiting(1).model_copy(update={"server_key": pinned.public.text})
        desk.outbox.put(item.digest, item.to_bytes())
        desk.peer.log, desk.peer.log_key = MemoryLog(), log
        desk.peer.receipt_key, desk.peer.server_key = receipts, now
        desk.peer.rotations = (
            rotated(SERVER_KEY, NEXT),
            *([rotated(NEXT, THIRD)] * (now is THIRD)),
        )
        posted = desk.reporter.send_pending().posted[item.digest]
        kept = parse_bundle(desk.records.path(item.digest).read_bytes())
        assert kept.proof == posted.proved.text is not None
        assert kept.key_events == desk.peer.rotations

    def test_a_log_of_nobodys_key_proves_nothing_and_the_receipt_counts(
        self, tmp_path: Path
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.log, desk.peer.log_key = MemoryLog(), STRANGER_KEY
        posted = desk.reporter.send_pending().posted[desk.items[0].digest]
        assert posted.proved == NOT_PROVED
        assert list((tmp_path / "log").glob("*")) == []

    @pytest.mark.parametrize(
        "rotations",
        [
            pytest.param((), id="nothing leads to it"),
            pytest.param((rotated(STRANGER_KEY, NEXT),), id="it followed another key"),
            pytest.param(("{}",), id="what leads there is no rotation"),
            pytest.param((rotated(SERVER_KEY, NEXT, of="agent"),), id="it is a device's rotation"),
            pytest.param(
                (rotated(SERVER_KEY, NEXT), rotated(SERVER_KEY, STRANGER_KEY)), id="there is a fork"
            ),
        ],
    )
    def test_one_of_a_key_that_the_pinned_one_does_not_lead_to_is_not_believed(
        self, tmp_path: Path, rotations: tuple[str, ...]
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.server_key, desk.peer.rotations = NEXT, rotations
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], NotTrustedError)
        assert desk.pending == digests(desk.items)

    @pytest.mark.parametrize(
        ("meeting", "error"),
        [
            pytest.param(answer(404, "not_found"), NotTrustedError, id="a server of before"),
            pytest.param(answer(503, "busy"), BusyError, id="a busy one"),
            pytest.param(silence, NoAnswerError, id="a line that fell silent"),
        ],
    )
    def test_a_server_that_does_not_tell_its_keys_keeps_the_record_waiting(
        self, tmp_path: Path, meeting: Meeting, error: type[Exception]
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.server_key = NEXT
        receipt_of = sealed(
            receipt(desk.items[0].bundle.record.encode()), PayloadType.RECEIPT, NEXT
        )
        desk.peer.will(observation_taken, body(receipt_of, 201), meeting)
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], error)
        assert desk.pending == digests(desk.items)

    def test_a_disk_too_full_for_the_proof_forgets_the_item_all_the_same(
        self, tmp_path: Path
    ) -> None:
        desk = Desk(tmp_path, 1)
        (tmp_path / "records").write_text("in the way")
        passed = desk.reporter.send_pending()
        assert passed.bundles_not_kept == 1
        assert desk.pending == []
