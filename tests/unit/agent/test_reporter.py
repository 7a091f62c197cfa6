"""From the outbox to the Collector: what becomes of a record, whatever the other end does."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_agent.errors import BusyError, NoAnswerError, NotTrustedError, WrongAnswerError
from omega_agent.log_memory import LogMemory
from omega_agent.log_proof import prove
from omega_agent.outbox import MemoryOutbox
from omega_agent.records import Records
from omega_agent.reporter import Backoff, Reporter, open_receipt
from omega_agent.waiting_record import WaitingRecord
from omega_core.bundle import parse_bundle
from omega_core.canonical import digest_hex
from omega_core.envelope import PayloadType
from omega_core.limits import OUTBOX_RETRY_S_MAX, OUTBOX_RETRY_S_MIN
from omega_core.units import NS_PER_S
from support.builders import AGENT_KEY, SERVER_KEY, STRANGER_KEY, key_of, receipt, sealed
from support.clock import HandClock
from support.collector_peer import (
    CollectorPeer,
    Meeting,
    answer,
    body,
    page,
    portal,
    silence,
    waiting,
)
from support.key_lines import rotated
from support.log_trees import LOG_ORIGIN, MemoryLog

NEXT = key_of("next server")


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - pauses are no secret


class Desk:
    """An outbox with records in it, and a Collector to send them to."""

    def __init__(self, folder: Path, *seqs: int) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.peer = CollectorPeer(self.clock)
        self.outbox = MemoryOutbox()
        self.records = Records(folder / "records")
        look = partial(prove, memory=LogMemory(folder / "log"))
        self.reporter = Reporter(self.outbox, self.peer.connect, self.records, look)
        self.items = [waiting(seq) for seq in seqs]
        for item in self.items:
            self.outbox.put(item.digest, item.to_bytes())

    @property
    def pending(self) -> list[str]:
        return [each.record_id for each in self.outbox.pending()]

    def posted(self) -> list[str]:
        """The records that arrived, by digest, in order."""
        by_envelope = {item.bundle.record.encode(): item.digest for item in self.items}
        return [by_envelope[each] for each in self.peer.records]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, 1, 2, 3)


def digests(items: list[WaitingRecord]) -> list[str]:
    return [each.digest for each in items]


class TestOnePass:
    def test_posts_the_oldest_first_and_forgets_with_the_receipt(self, desk: Desk) -> None:
        passed = desk.reporter.send_pending()
        assert desk.posted() == digests(desk.items)
        assert list(passed.posted) == digests(desk.items)
        assert desk.pending == []

    def test_posts_the_observation_before_its_record(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1)
        desk.reporter.send_pending()
        assert [each.url.path for each in desk.peer.requests] == [
            "/v1/observations",
            "/v1/records",
        ]

    def test_names_the_digest_so_that_the_same_post_is_the_same(self, desk: Desk) -> None:
        desk.reporter.send_pending()
        keys = [each.headers.get("idempotency-key") for each in desk.peer.requests]
        assert [each for each in keys if each] == digests(desk.items)

    def test_a_run_that_has_just_ended_goes_first(self, desk: Desk) -> None:
        last = desk.items[2].digest
        desk.reporter.send_pending(first=last)
        assert desk.posted() == [last, *digests(desk.items[:2])]

    def test_ends_when_it_is_enough_but_not_before_ours(self, desk: Desk) -> None:
        desk.reporter.send_pending(first=desk.items[1].digest, enough=lambda: True)
        assert desk.posted() == [desk.items[1].digest]
        assert desk.pending == [desk.items[0].digest, desk.items[2].digest]

    def test_keeps_the_proof_with_its_receipt(self, desk: Desk) -> None:
        desk.reporter.send_pending()
        item = desk.items[0]
        bundle = parse_bundle(desk.records.path(item.digest).read_bytes())
        assert bundle.record == item.bundle.record
        assert bundle.receipt is not None

    def test_keeps_the_logs_proof_where_there_is_one(self, desk: Desk) -> None:
        desk.peer.log = MemoryLog.of([b"an older record"])
        desk.reporter.send_pending()
        for item in desk.items:
            bundle = parse_bundle(desk.records.path(item.digest).read_bytes())
            assert bundle.proof is not None
        assert len(list((desk.folder / "log").glob("*.checkpoint"))) == 1

    @pytest.mark.parametrize("meeting", [silence, portal, page, answer(404, "record_unknown")])
    def test_no_failure_to_get_the_logs_proof_changes_anything(
        self, tmp_path: Path, meeting: Meeting
    ) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.log = MemoryLog()
        desk.peer.will(_observation_taken, desk.peer.as_collector, meeting)
        passed = desk.reporter.send_pending()
        assert list(passed.posted) == digests(desk.items)
        assert desk.pending == []
        bundle = parse_bundle(desk.records.path(desk.items[0].digest).read_bytes())
        assert (bundle.receipt is not None, bundle.proof) == (True, None)

    def test_a_log_that_was_rewritten_between_two_records_is_told(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.log = MemoryLog.of([b"a", b"b", b"c"])
        assert desk.reporter.send_pending().rewritten == {}
        other = waiting(2)
        desk.outbox.put(other.digest, other.to_bytes())
        desk.peer.log = MemoryLog.of([b"a", b"changed", b"c", b"d", b"e"])
        passed = desk.reporter.send_pending()
        found = passed.rewritten[LOG_ORIGIN]
        assert (found.seen_size, found.size) == (4, 6)
        assert found.evidence is not None
        assert list(passed.posted) == [other.digest], "the record is posted all the same"

    def test_does_nothing_while_another_process_sends(self, desk: Desk) -> None:
        with desk.outbox.sending():
            passed = desk.reporter.send_pending()
        assert passed.elsewhere
        assert desk.peer.requests == []

    def test_an_empty_outbox_asks_nobody(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path)
        assert not desk.reporter.send_pending().posted
        assert desk.peer.requests == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, "not_an_envelope"),
            (401, "agent_unknown"),
            (403, "agent_revoked"),
            (404, "grant_unknown"),
            (410, "grant_used"),
            (413, "too_large"),
            (422, "idempotency_mismatch"),
        ],
    )
    def test_for_good_sets_the_record_aside_and_goes_on(
        self, desk: Desk, status: int, code: str
    ) -> None:
        desk.peer.will(_observation_taken, answer(status, code))
        passed = desk.reporter.send_pending()
        first = desk.items[0].digest
        assert passed.refused[first].code == code
        assert [(each.record_id, each.reason) for each in desk.outbox.set_aside()] == [
            (first, code)
        ]
        assert desk.posted() == digests(desk.items[1:])

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (409, "in_progress"),
            (429, "quota_exceeded"),
            (500, "internal"),
            (503, "busy"),
            (503, "store_unavailable"),
        ],
    )
    def test_for_now_leave_it_and_go_on(self, desk: Desk, status: int, code: str) -> None:
        desk.peer.will(_observation_taken, answer(status, code))
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], BusyError)
        assert desk.pending == [desk.items[0].digest]

    def test_of_the_observation_do_not_keep_the_record_back(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.will(answer(422, "other_bytes_known"))
        desk.reporter.send_pending()
        assert desk.posted() == digests(desk.items)

    def test_for_now_of_the_observation_keep_the_record_back(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.will(answer(503, "busy"))
        desk.reporter.send_pending()
        assert desk.posted() == []
        assert len(desk.pending) == 1

    def test_the_longest_wish_for_a_pause_counts(self, desk: Desk) -> None:
        desk.peer.will(
            answer(503, "busy", retry_after_s=7),
            answer(503, "busy", retry_after_s=30),
            answer(503, "busy"),
        )
        assert desk.reporter.send_pending().retry_after_s == 30


def _observation_taken(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(201, json={"digest": "0" * 64})


class TestNoAnswer:
    def test_silence_ends_the_asking_at_once(self, desk: Desk) -> None:
        desk.peer.will(silence)
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], NoAnswerError)
        assert len(desk.peer.requests) == 1
        assert desk.pending == digests(desk.items)

    def test_a_dead_server_keeps_nothing_back_from_another(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1)
        other = waiting(2, server_url="http://127.0.0.2:8600")
        desk.items.append(other)
        desk.outbox.put(other.digest, other.to_bytes())
        desk.peer.will(silence)
        desk.reporter.send_pending()
        assert desk.posted() == [other.digest]

    @pytest.mark.parametrize("meeting", [portal, page])
    def test_a_portal_is_no_server(self, tmp_path: Path, meeting: Meeting) -> None:
        desk = Desk(tmp_path, 1)
        desk.peer.will(_observation_taken, meeting)
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], WrongAnswerError)
        assert len(desk.pending) == 1

    def test_one_wrong_answer_keeps_nothing_back_three_end_the_asking(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1, 2, 3, 4, 5)
        desk.peer.will(portal, _observation_taken, _as_collector(desk), portal, portal)
        desk.reporter.send_pending()
        assert desk.posted() == [desk.items[1].digest]
        assert len(desk.peer.requests) == 5

    def test_a_damaged_item_is_set_aside_and_told(self, desk: Desk) -> None:
        desk.outbox.put("damaged", b"{}")
        passed = desk.reporter.send_pending()
        assert passed.refused["damaged"].code == "item_damaged"
        assert desk.pending == []
        assert len(desk.posted()) == 3


def _as_collector(desk: Desk) -> Meeting:
    """Answer a record as the peer does when it meets nothing else."""

    def take(request: httpx.Request) -> httpx.Response:
        desk.peer.records.append(request.content)
        signed = sealed(receipt(request.content), PayloadType.RECEIPT, SERVER_KEY)
        return httpx.Response(201, content=signed)

    return take


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
        desk.peer.will(_observation_taken, body(receipt_of, 201))
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
        desk.peer.will(_observation_taken, body(receipt_of, 201), meeting)
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


class TestKeptProofs:
    def test_the_oldest_make_room(self, tmp_path: Path) -> None:
        records = Records(tmp_path / "records", records_max=2)
        bundle = waiting(1).bundle
        for number, name in enumerate(("a", "b", "c")):
            path = records.keep(name, bundle)
            _set_age(path, number)
        records.keep("d", bundle)
        assert sorted(path.stem for path in (tmp_path / "records").iterdir()) == ["c", "d"]


def _set_age(path: Path, second: int) -> None:
    os.utime(path, (second, second))


class TestDrain:
    """Pass after pass, until nothing waits or the time is over; the clock is moved by hand."""

    def drained(self, desk: Desk, wait_s: int) -> Iterator[float]:
        pauses: list[float] = []

        def pause(seconds: float) -> bool:
            pauses.append(seconds)
            desk.clock.pass_ns(int(seconds * NS_PER_S))
            return False

        desk.reporter.drain(wait_s=wait_s, clock=desk.clock, rng=seeded(7), pause=pause)
        yield from pauses

    def test_without_waiting_makes_one_pass(self, desk: Desk) -> None:
        desk.peer.will(silence)
        assert list(self.drained(desk, 0)) == []
        assert len(desk.pending) == 3

    def test_goes_on_once_the_server_is_back(self, desk: Desk) -> None:
        desk.peer.will(silence, silence, silence)
        assert len(list(self.drained(desk, 60))) == 3
        assert desk.pending == []

    def test_pauses_grow_and_stay_within_the_time(self, desk: Desk) -> None:
        desk.peer.will(*[silence] * 50)
        pauses = list(self.drained(desk, 600))
        assert sum(pauses) <= 600
        assert pauses[0] <= OUTBOX_RETRY_S_MIN
        assert pauses[-1] > 60

    def test_a_wish_of_the_server_is_granted(self, desk: Desk) -> None:
        desk.peer.will(*[answer(503, "busy", retry_after_s=40)] * 3)
        assert list(self.drained(desk, 60)) == [40]

    def test_ends_when_told(self, desk: Desk) -> None:
        desk.peer.will(*[silence] * 9)
        desk.reporter.drain(wait_s=600, clock=desk.clock, rng=seeded(1), pause=lambda _: True)
        assert len(desk.peer.requests) == 1


class TestBackoff:
    @given(st.integers())
    def test_every_pause_is_drawn_from_the_upper_half_of_a_doubling(self, seed: int) -> None:
        backoff = Backoff(seeded(seed))
        longest_s = OUTBOX_RETRY_S_MIN
        for _ in range(14):
            assert longest_s / 2 <= backoff.next_s() <= longest_s
            longest_s = min(2 * longest_s, OUTBOX_RETRY_S_MAX)

    def test_two_agents_do_not_come_back_together(self) -> None:
        one, other = (Backoff(seeded(seed)) for seed in (1, 2))
        pairs = [(one.next_s(), other.next_s()) for _ in range(10)]
        assert all(first != second for first, second in pairs)

    def test_grows_on_the_whole(self) -> None:
        backoff = Backoff(seeded(3))
        pauses = [backoff.next_s() for _ in range(9)]
        assert all(later >= earlier for earlier, later in pairwise(pauses))
