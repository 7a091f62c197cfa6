"""UDP load between two sockets of this host: every field, every way the kernel may help or not."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import pytest

from omega_core.clock import SystemClock
from omega_core.load import LoadCounter, LoadRate, Pacer
from omega_core.sockets.linux import UDP_SEGMENT
from omega_core.sockets.load import prepare
from omega_core.sockets.load_receiving import LoadReceiver
from omega_core.sockets.load_sending import LoadSender, PacedSender
from omega_core.units import NS_PER_S
from omega_core.wire.load import (
    TOKEN_OCTETS,
    TOKEN_OFFSET,
    LoadHeader,
    LoadKeys,
    decode_load,
    encode_load,
    encode_rate,
    prefix_of,
)

KEYS = LoadKeys.of(b"k" * 32, session_id="s-1", run=0, stream=1)
STRANGER = LoadKeys.of(b"x" * 32, session_id="s-1", run=0, stream=1)
NEARLY = [
    replace(KEYS, token=KEYS.token[:4] + b"else"),
    replace(KEYS, token=b"else" + KEYS.token[4:]),
]
CLOCK = SystemClock()
PAYLOAD = 400


class Pair(NamedTuple):
    sending: socket.socket
    receiving: socket.socket


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with (
        closing(socket.socket(family, socket.SOCK_DGRAM)) as sending,
        closing(socket.socket(family, socket.SOCK_DGRAM)) as receiving,
    ):
        for endpoint in (sending, receiving):
            prepare(endpoint)
            endpoint.bind((request.param, 0))
        sending.connect(receiving.getsockname())
        yield Pair(sending, receiving)


class Received:
    """A receiver and what it handed on."""

    def __init__(self, pair: Pair, *, gro: bool = True) -> None:
        self.counter = LoadCounter()
        self.others: list[bytes] = []
        self._endpoint = pair.receiving
        self.receiver = LoadReceiver(
            pair.receiving,
            KEYS,
            self.counter,
            clock=CLOCK,
            other=lambda data, _: self.others.append(data),
            gro=gro,
        )

    def drain(self) -> None:
        while select.select([self._endpoint], (), (), 0.2)[0]:
            self.receiver.drain(1_000)


def sender(pair: Pair, *, gso: bool = True) -> LoadSender:
    return LoadSender(pair.sending, KEYS, payload_octets=PAYLOAD, clock=CLOCK, gso=gso)


def block(pair: Pair, packets: list[bytes]) -> None:
    """Send packets of one size as one block, which the receiver's kernel hands on as one batch."""
    segment = len(packets[0])
    pair.sending.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
    pair.sending.send(b"".join(packets))


def packet(sequence: int, *, keys: LoadKeys = KEYS, command: int = 1) -> bytes:
    return encode_load(LoadHeader(sequence, command, 5), keys, PAYLOAD)


@pytest.mark.parametrize("gso", [True, False], ids=["gso", "no gso"])
@pytest.mark.parametrize("gro", [True, False], ids=["gro", "no gro"])
def test_every_packet_is_counted(pair: Pair, *, gso: bool, gro: bool) -> None:
    received = Received(pair, gro=gro)
    ours = sender(pair, gso=gso)
    assert (ours.gso, received.receiver.gro) == (gso, gro), "this kernel can do both"
    assert ours.send(300, 1) == 300
    received.drain()
    tick = received.counter.tick()
    headers = 48 if pair.sending.family == socket.AF_INET6 else 28
    assert (tick.packets, tick.highest) == (300, 300)
    assert tick.octets == received.receiver.octets == 300 * (PAYLOAD + headers)
    assert (tick.reordered, tick.duplicates, tick.host_drops) == (0, 0, 0)
    assert received.others == []
    assert tick.delay_us_max < 1_000_000


@pytest.mark.parametrize("gso", [True, False], ids=["gso", "no gso"])
def test_each_header_is_right_over_the_edge_of_sixteen_bits(pair: Pair, *, gso: bool) -> None:
    ours = sender(pair, gso=gso)
    ours.packets = 0x2FFF0
    before_ns = CLOCK.monotonic_ns()
    assert ours.send(20, 7) == 20
    assert ours.send(80, 8) == 80
    headers = []
    for _ in range(100):
        data = pair.receiving.recv(2_000)
        assert len(data) == PAYLOAD
        header = decode_load(data, prefix_of(KEYS))
        assert header is not None
        headers.append(header)
    assert [each.sequence for each in headers] == list(range(0x2FFF0, 0x2FFF0 + 100))
    assert [each.command for each in headers] == [7] * 20 + [8] * 80
    sent = [each.sent_ns for each in headers]
    assert sent == sorted(sent)
    assert before_ns <= sent[0]
    assert sent[-1] <= CLOCK.monotonic_ns()


def test_giving_gso_up_goes_on_one_by_one(pair: Pair) -> None:
    received = Received(pair)
    ours = sender(pair)
    ours.send(100, 1)
    ours._give_gso_up()
    assert not ours.gso
    assert ours.send(100, 2) == 100
    received.drain()
    tick = received.counter.tick()
    assert (tick.packets, tick.highest, tick.command) == (200, 200, 2)


@pytest.mark.parametrize(
    ("packets", "counted", "reordered", "duplicates"),
    [
        pytest.param([packet(n) for n in range(6)], 6, 0, 0, id="an ordinary batch"),
        pytest.param([packet(n) for n in (0, 1, 3, 4)], 4, 0, 0, id="one lost in its midst"),
        pytest.param([packet(n) for n in (0, 2, 1, 3)], 4, 1, 0, id="two changed places"),
        pytest.param([packet(n) for n in (0, 1, 1, 3)], 3, 0, 1, id="one instead of another"),
        pytest.param([packet(n) for n in (0, 65_537, 2)], 3, 1, 0, id="the same low half"),
        pytest.param(
            [packet(0), packet(1, keys=STRANGER), packet(2)], 2, 0, 0, id="a stranger's in between"
        ),
        pytest.param(
            [packet(0), packet(1, keys=NEARLY[0]), packet(2)], 2, 0, 0, id="half a token right"
        ),
        pytest.param(
            [packet(0), packet(1, keys=NEARLY[1]), packet(2)], 2, 0, 0, id="the other half"
        ),
        pytest.param(
            [packet(n, keys=STRANGER) for n in range(6)], 0, 0, 0, id="all of them a stranger's"
        ),
        pytest.param([b"\0" * PAYLOAD] * 3, 0, 0, 0, id="no header at all"),
        pytest.param([packet(0), packet(1), packet(2)[:300]], 3, 0, 0, id="the last one shorter"),
    ],
)
def test_a_batch_is_only_counted_whole_if_it_is_whole(
    pair: Pair, packets: list[bytes], counted: int, reordered: int, duplicates: int
) -> None:
    received = Received(pair)
    block(pair, packets)
    received.drain()
    tick = received.counter.tick()
    assert (tick.packets, tick.reordered, tick.duplicates) == (counted, reordered, duplicates)
    assert received.others == []


@pytest.mark.parametrize(
    "size", [PAYLOAD, PAYLOAD + 4, PAYLOAD + 2], ids=["eights", "fours", "twos"]
)
@pytest.mark.parametrize("stranger", range(1, 4))
def test_a_stranger_within_a_batch_is_not_counted(pair: Pair, stranger: int, size: int) -> None:
    received = Received(pair)
    packets = [encode_load(LoadHeader(number, 1, 5), KEYS, size) for number in range(4)]
    forged = bytearray(packets[stranger])
    forged[TOKEN_OFFSET + TOKEN_OCTETS - stranger] ^= 1
    block(pair, [*packets[:stranger], bytes(forged), *packets[stranger + 1 :]])
    received.drain()
    assert received.counter.tick().packets == 3
    assert received.receiver.strangers == 1


def test_a_batch_of_numbers_beyond_sixteen_bits_is_counted(pair: Pair) -> None:
    received = Received(pair)
    ours = sender(pair)
    ours.packets = 3 << 16
    assert ours.send(40, 1) == 40
    received.drain()
    tick = received.counter.tick()
    assert (tick.packets, tick.highest) == (40, (3 << 16) + 40)


def test_batches_of_ever_other_shapes_take_no_more_memory(pair: Pair) -> None:
    received = Received(pair)
    sent = 0
    for payload_octets in range(100, 132, 4):
        ours = LoadSender(pair.sending, KEYS, payload_octets=payload_octets, clock=CLOCK)
        for count in range(2, 60):
            ours.packets = sent
            sent += ours.send(count, 1)
            received.receiver.drain(1_000)
    received.drain()
    assert received.counter.tick().packets == sent == received.counter.highest
    assert len(received.receiver._columns) <= 256


def test_a_batch_of_two_commands_is_counted_under_both(pair: Pair) -> None:
    received = Received(pair)
    block(pair, [packet(0), packet(1), packet(2, command=2)])
    received.drain()
    tick = received.counter.tick()
    assert (tick.packets, tick.command) == (3, 2)


def test_another_datagram_at_the_end_of_a_batch_is_handed_on(pair: Pair) -> None:
    received = Received(pair)
    rate = encode_rate(LoadRate(number=1, rate_bps=5, train_packets=0), KEYS, serial=1)
    block(pair, [packet(0), packet(1), rate])
    block(pair, [rate, rate])
    pair.sending.send(b"")
    received.drain()
    assert received.counter.tick().packets == 2
    assert received.others == [rate, rate, rate, b""]


def test_only_allowed_addresses_are_heard(pair: Pair) -> None:
    received = Received(pair)
    received.receiver._allowed = lambda address: address[1] != pair.sending.getsockname()[1]
    sender(pair).send(10, 1)
    received.drain()
    assert received.counter.tick().packets == 0
    assert received.receiver.octets == 0


def test_a_paced_sender_stops_at_its_packets(pair: Pair) -> None:
    paced = PacedSender(sender(pair), Pacer(PAYLOAD + 28), packets_max=45)
    paced.pacer.order(LoadRate(number=1, rate_bps=10**9, train_packets=0), 0)
    taken = [paced.step(now_ns) for now_ns in range(0, NS_PER_S, 1_000_000)]
    assert sum(taken) == 45
    assert paced.exhausted


def test_nobody_there_is_a_failure_and_not_an_exception(pair: Pair) -> None:
    pair.receiving.close()
    ours = sender(pair)
    ours.send(1, 1)
    select.select([pair.sending], (), (), 1)
    ours.send(1, 1)
    assert isinstance(ours.failure, ConnectionRefusedError)


@pytest.mark.parametrize("gso", [True, False], ids=["blocks of packets", "single packets"])
def test_drops_of_this_host_are_told(pair: Pair, *, gso: bool) -> None:
    received = Received(pair)
    pair.receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    ours = sender(pair, gso=gso)
    ours.send(200, 1)
    received.drain()
    ours.send(2, 1)
    received.drain()
    tick = received.counter.tick()
    assert tick.highest == 202
    assert tick.host_drops == tick.highest - tick.packets > 0


@pytest.mark.parametrize("payload_octets", [28, 402])
def test_packets_of_no_such_size_are_refused(pair: Pair, payload_octets: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        LoadSender(pair.sending, KEYS, payload_octets=payload_octets, clock=CLOCK)
