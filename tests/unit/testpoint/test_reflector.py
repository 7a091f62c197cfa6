"""The reflector: which packets it answers, with what, and what it reports."""

from __future__ import annotations

import pytest

from omega_core import limits
from omega_core.units import NS_PER_MS
from omega_core.wire.stamp import (
    AUTHENTICATED_OCTETS,
    BASE_OCTETS,
    ReflectorPacket,
    SenderPacket,
    decode_reflector,
    encode_sender,
)
from omega_server.testpoint.commands import Reflect
from omega_server.testpoint.reflector import Reflector

ADDRESS, ADDRESS_V6, STRANGER = "192.0.2.17", "2001:db8::17", "203.0.113.9"
KEY = b"k" * 32
T1_NS = 1_790_000_000_000_000_000
T2_NS = T1_NS + 7 * NS_PER_MS
T3_NS = T2_NS + 50_000


def packet(sequence: int = 0, *, ssid: int = 7, octets: int = BASE_OCTETS) -> bytes:
    return encode_sender(SenderPacket(sequence, T1_NS, ssid), octets=octets)


def signed(sequence: int = 0, *, ssid: int = 7, key: bytes = KEY, octets: int = 112) -> bytes:
    return encode_sender(SenderPacket(sequence, T1_NS, ssid), octets=octets, key=key)


class Rig:
    def __init__(self, *, key: bytes | None = None, octets_max: int = 1 << 20) -> None:
        self.reflector = Reflector()
        self.now_ns = 0
        self.open(7, key=key, octets_max=octets_max)

    def open(self, ssid: int, *, key: bytes | None = None, octets_max: int = 1 << 20) -> None:
        addresses = frozenset({ADDRESS, ADDRESS_V6})
        self.reflector.open(Reflect(ssid=ssid, addresses=addresses, key=key, octets_max=octets_max))

    def send(
        self, data: bytes, *, address: str = ADDRESS, port: int = 40_000, ttl: int = 57
    ) -> bytes | None:
        reply = self.reflector.received(
            data,
            address=address,
            port=port,
            received_unix_ns=T2_NS,
            ttl=ttl,
            now_ns=self.now_ns,
        )
        return None if reply is None else reply.encode(T3_NS)

    def answered(self, data: bytes, **how: object) -> bool:
        return self.send(data, **how) is not None  # type: ignore[arg-type]  # passed through


def test_a_reply_has_every_time_the_ttl_and_a_number_of_its_own() -> None:
    rig = Rig()
    for own, sequence in enumerate((5, 9)):
        reply = rig.send(packet(sequence))
        assert reply is not None
        assert len(reply) == BASE_OCTETS
        found = decode_reflector(reply)
        assert found == ReflectorPacket(
            sequence=own,
            replied_unix_ns=T3_NS,
            ssid=7,
            received_unix_ns=T2_NS,
            sender_sequence=sequence,
            sender_sent_unix_ns=T1_NS,
            sender_error_estimate=found.sender_error_estimate,
            ttl=57,
        )


def test_a_coarse_clock_never_replies_before_it_received() -> None:
    rig = Rig()
    reply = rig.reflector.received(
        packet(), address=ADDRESS, port=1, received_unix_ns=T2_NS, ttl=1, now_ns=0
    )
    assert reply is not None
    assert decode_reflector(reply.encode(T2_NS - 999)).replied_unix_ns == T2_NS


@pytest.mark.parametrize(
    ("octets", "reply_octets"),
    [
        pytest.param(14, 44, id="TWAMP Light"),
        pytest.param(43, 44, id="an octet short of the base packet"),
        pytest.param(44, 44, id="the base packet"),
        pytest.param(48, 48, id="with one empty TLV"),
        pytest.param(1_472, 1_472, id="as large as the path takes"),
    ],
)
def test_replies_have_the_size_of_requests(octets: int, reply_octets: int) -> None:
    data = packet(octets=max(octets, 44))[:octets] if octets != 48 else packet() + b"\x80\x01\0\0"
    reply = Rig().send(data)
    assert reply is not None
    assert len(reply) == reply_octets
    assert reply[44:] == data[44:]


@pytest.mark.parametrize(
    ("data", "address", "answered"),
    [
        pytest.param(packet(), ADDRESS, True, id="from an address of the grant"),
        pytest.param(packet(), ADDRESS_V6, True, id="from its other address"),
        pytest.param(packet(), STRANGER, False, id="from a stranger who guessed the SSID"),
        pytest.param(packet(ssid=8), ADDRESS, False, id="with an SSID nobody has"),
        pytest.param(packet()[:13], ADDRESS, False, id="an octet shorter than any packet"),
        pytest.param(b"", ADDRESS, False, id="empty"),
        pytest.param(packet()[:14], STRANGER, False, id="TWAMP Light from a stranger"),
        pytest.param(
            packet(limits.STREAM_PACKETS_MAX - 1), ADDRESS, True, id="the last number there can be"
        ),
        pytest.param(
            packet(limits.STREAM_PACKETS_MAX), ADDRESS, False, id="one more than there can be"
        ),
        pytest.param(
            packet()[:12] + b"\0\0" + packet()[14:], ADDRESS, False, id="an invalid error estimate"
        ),
        pytest.param(signed(), ADDRESS, False, id="authenticated, on a stream that is not"),
    ],
)
def test_what_is_answered(data: bytes, address: str, *, answered: bool) -> None:
    rig = Rig()
    assert rig.answered(data, address=address) is answered
    report = rig.reflector.close(7)
    assert report is not None
    assert report.report.replies == answered


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        pytest.param(signed(), True, id="the right key"),
        pytest.param(signed(octets=200), True, id="and larger"),
        pytest.param(signed(key=b"x" * 32), False, id="another key"),
        pytest.param(signed()[:-1], False, id="cut short"),
        pytest.param(signed()[:95] + b"\1" + signed()[96:], False, id="one octet changed"),
        pytest.param(packet(octets=112), False, id="not authenticated at all"),
        pytest.param(packet()[:14], False, id="TWAMP Light"),
    ],
)
def test_an_authenticated_stream(data: bytes, *, answered: bool) -> None:
    rig = Rig(key=KEY)
    reply = rig.send(data)
    assert (reply is not None) is answered
    if reply is not None:
        assert len(reply) == max(len(data), AUTHENTICATED_OCTETS)
        assert decode_reflector(reply, key=KEY).ssid == 7


def test_nothing_is_answered_without_a_stream_or_after_its_end() -> None:
    rig = Rig()
    assert rig.answered(packet())
    assert rig.reflector.close(7) is not None
    assert not rig.answered(packet())
    assert rig.reflector.close(7) is None


def test_the_report_tells_gaps_duplicates_and_reordering_apart() -> None:
    rig = Rig()
    for sequence in (0, 1, 3, 2, 3, 6, 0):
        rig.send(packet(sequence))
    closed = rig.reflector.close(7)
    assert closed is not None
    report = closed.report
    assert report.received == ((0, 3), (6, 6))
    assert (report.replies, report.duplicates, report.reordered) == (7, 2, 1)
    assert (closed.octets_received, closed.octets_sent) == (7 * 72, 7 * 72)


def test_octets_count_the_headers_of_the_family() -> None:
    rig = Rig()
    rig.send(packet(), address=ADDRESS_V6)
    closed = rig.reflector.close(7)
    assert closed is not None
    assert closed.octets_sent == 44 + 8 + 40


@pytest.mark.parametrize(("octets_max", "replies"), [(71, 0), (72, 1), (143, 1), (144, 2)])
def test_no_more_is_sent_than_was_set_aside(octets_max: int, replies: int) -> None:
    rig = Rig(octets_max=octets_max)
    assert sum(rig.answered(packet(sequence)) for sequence in range(5)) == replies


def test_no_more_replies_than_twice_the_packets_of_a_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "STREAM_REPLIES_MAX", 3)
    rig = Rig()
    assert sum(rig.answered(packet(0)) for _ in range(5)) == 3


def test_the_port_may_change_a_few_times() -> None:
    rig = Rig()
    ports = range(40_000, 40_000 + limits.STREAM_PORTS_MAX + 1)
    assert [rig.answered(packet(), port=port) for port in ports] == [
        *[True] * limits.STREAM_PORTS_MAX,
        False,
    ]
    assert rig.answered(packet(), port=40_000)


@pytest.mark.parametrize(
    ("silent_ns", "answered"),
    [(limits.REFLECTOR_IDLE_NS, True), (limits.REFLECTOR_IDLE_NS + 1, False)],
)
def test_a_stream_that_has_been_silent_is_answered_no_more(
    silent_ns: int, *, answered: bool
) -> None:
    rig = Rig()
    rig.now_ns = 5 * limits.REFLECTOR_IDLE_NS
    assert rig.answered(packet(0)), "before its first packet a stream may wait"
    rig.now_ns += silent_ns
    assert rig.answered(packet(1)) is answered


def test_streams_of_two_sessions_are_kept_apart() -> None:
    rig = Rig()
    rig.open(8)
    rig.send(packet(0, ssid=7))
    rig.send(packet(0, ssid=8))
    rig.send(packet(1, ssid=8))
    first, second = rig.reflector.close(7), rig.reflector.close(8)
    assert first is not None
    assert second is not None
    assert (first.report.replies, second.report.replies) == (1, 2)
