"""Requests asked ahead over a real connection: which answer belongs to which of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from omega_core.clock import SystemClock
from omega_core.evidence import Ended
from omega_core.metrics import Direction
from omega_core.wire.testpoint import (
    Finish,
    FromTestPoint,
    LoadReady,
    OpenLoad,
    OpenStream,
    Progress,
    Refused,
    StreamReady,
    encode,
)
from omega_probe.errors import TestPointLostError, TestPointRefusedError
from omega_probe.plan import TestPointAccess
from omega_probe.test_point_client import TestPointClient

ACCESS = TestPointAccess(
    session_id="s",
    grant="{}",
    secret=b"s" * 32,
    addresses=("127.0.0.1",),
    tcp_port=1,
    udp_port=1,
    bytes_down_max=0,
    bytes_up_max=0,
    duration_s_max=1,
)
STREAMS = [OpenStream(stream=number, authenticated=False) for number in (2, 3)]
LOAD = OpenLoad(
    run=1, direction=Direction.UP, duration_ms=1_000, ip_octets=1_500, octets_max=1_000_000
)
READY = [StreamReady(stream=number, ssid=number, udp_port=9) for number in (2, 3)]
LOAD_READY = LoadReady(run=1, stream=7, udp_port=9, octets_max=1_000_000)
NO = Refused(code="limit", detail="used up")


class Ends:
    """A client, and the other end of its connection."""

    def __init__(self, client: TestPointClient, peer: socket.socket) -> None:
        self.client = client
        self.peer = peer

    def tell(self, *messages: FromTestPoint) -> None:
        self.peer.sendall(b"".join(map(encode, messages)))


@pytest.fixture(name="ends")
def ends_fixture() -> Iterator[Ends]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    client = TestPointClient(near, ACCESS, SystemClock())
    with closing(client), peer:
        yield Ends(client, peer)


def test_answers_may_come_in_any_order(ends: Ends) -> None:
    ends.client.ask_ahead(*STREAMS, LOAD)
    ends.tell(LOAD_READY, Progress(run=0, flows=()), READY[1], READY[0])
    assert ends.client.request(STREAMS[0], 1) == READY[0]
    assert ends.client.request(LOAD, 1) == LOAD_READY
    assert ends.client.request(STREAMS[1], 1) == READY[1]
    assert ends.client.poll() == [Progress(run=0, flows=())]


def test_what_was_asked_ahead_is_sent_once(ends: Ends) -> None:
    ends.client.ask_ahead(STREAMS[0])
    ends.client.ask_ahead(*STREAMS)
    ends.tell(*READY)
    assert [ends.client.request(each, 1) for each in STREAMS] == READY
    assert ends.peer.recv(65_536) == b"".join(map(encode, STREAMS))


def test_a_refusal_is_for_the_one_that_has_no_answer(ends: Ends) -> None:
    """It does not say for which; by the others' answers it is known."""
    ends.client.ask_ahead(STREAMS[0], LOAD)
    ends.tell(NO, READY[0])
    assert ends.client.request(STREAMS[0], 1) == READY[0]
    with pytest.raises(TestPointRefusedError, match="used up"):
        ends.client.request(LOAD, 1)
    ends.tell(READY[1])
    assert ends.client.request(STREAMS[1], 1) == READY[1], "the session goes on"


def test_several_refusals_are_for_all_that_is_left(ends: Ends) -> None:
    ends.client.ask_ahead(STREAMS[0], LOAD)
    ends.tell(NO, NO)
    for each in (LOAD, STREAMS[0]):
        with pytest.raises(TestPointRefusedError):
            ends.client.request(each, 1)


def test_a_refusal_for_one_of_two_that_are_under_way_is_waited_out(ends: Ends) -> None:
    ends.client.ask_ahead(*STREAMS)
    ends.tell(NO)
    with pytest.raises(TestPointLostError, match="no answer") as caught:
        ends.client.request(STREAMS[0], 0.2)
    assert caught.value.ended is Ended.LINK_LOST


def test_a_refusal_and_the_end_is_the_sessions(ends: Ends) -> None:
    ends.client.ask_ahead(*STREAMS)
    ends.tell(NO)
    ends.peer.close()
    with pytest.raises(TestPointRefusedError, match="used up"):
        ends.client.request(STREAMS[0], 1)


def test_the_refusal_that_ends_the_session_is_the_last_one(ends: Ends) -> None:
    ends.client.ask_ahead(LOAD, *STREAMS)
    ends.tell(NO, Refused(code="limit", detail="the session's time is used up"))
    ends.peer.close()
    with pytest.raises(TestPointRefusedError, match="the session's time"):
        ends.client.request(STREAMS[0], 1)


def test_what_had_come_before_the_line_was_lost_can_still_be_fetched(ends: Ends) -> None:
    ends.client.ask_ahead(STREAMS[0])
    ends.tell(READY[0])
    with pytest.raises(TestPointLostError):
        ends.client.request(LOAD, 0.2)
    assert ends.client.request(STREAMS[0], 1) == READY[0]
    with pytest.raises(TestPointLostError):
        ends.client.request(STREAMS[1], 1)


def test_an_answer_to_nothing_that_was_asked_is_no_test_points(ends: Ends) -> None:
    ends.client.ask_ahead(STREAMS[0])
    ends.tell(READY[1])
    with pytest.raises(TestPointLostError, match="answered open_stream with stream_ready"):
        ends.client.request(STREAMS[0], 1)
    with pytest.raises(TestPointLostError):
        ends.client.request(Finish(), 1)


def test_answers_that_nobody_fetches_disturb_nothing(ends: Ends) -> None:
    ends.client.ask_ahead(STREAMS[0])
    ends.tell(READY[0], Progress(run=4, flows=(), stopped="limit"))
    (progress,) = ends.client.poll()
    assert progress.stopped == "limit"
    ends.tell(LOAD_READY)
    assert ends.client.request(LOAD, 1) == LOAD_READY


def test_a_peer_that_is_gone_is_told_when_it_is_asked(ends: Ends) -> None:
    ends.peer.close()
    ends.client.ask_ahead(STREAMS[0])
    ends.client.ask_ahead(STREAMS[1])
    with pytest.raises(TestPointLostError) as caught:
        ends.client.request(STREAMS[0], 1)
    assert caught.value.ended is Ended.TEST_POINT_LOST
