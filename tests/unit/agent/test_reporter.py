"""From the outbox to the Collector: what becomes of a record, whatever the other end does."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_agent.errors import BusyError, NoAnswerError, WrongAnswerError
from omega_agent.records import Records
from omega_agent.reporter import Backoff
from omega_core.bundle import parse_bundle
from omega_core.envelope import PayloadType
from omega_core.limits import OUTBOX_RETRY_S_MAX, OUTBOX_RETRY_S_MIN
from omega_core.units import NS_PER_S
from support.builders import SERVER_KEY, receipt, sealed
from support.collector_peer import (
    Meeting,
    answer,
    page,
    portal,
    silence,
    waiting,
)
from support.log_trees import LOG_ORIGIN, MemoryLog
from support.sending_desk import Desk, digests, observation_taken


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - pauses are no secret


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, 1, 2, 3)


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
        desk.peer.will(observation_taken, desk.peer.as_collector, meeting)
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
        desk.peer.will(observation_taken, answer(status, code))
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
        desk.peer.will(observation_taken, answer(status, code))
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
        desk.peer.will(observation_taken, meeting)
        passed = desk.reporter.send_pending()
        assert isinstance(passed.later[desk.items[0].digest], WrongAnswerError)
        assert len(desk.pending) == 1

    def test_one_wrong_answer_keeps_nothing_back_three_end_the_asking(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path, 1, 2, 3, 4, 5)
        desk.peer.will(portal, observation_taken, _as_collector(desk), portal, portal)
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
